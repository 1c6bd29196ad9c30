/* How much the tokens of a graph are expected where they may be said. */
#include "core/decode/grammar_graph.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* A delimiter before the first word, behind the last one, or one more between them. */
static bool is_idle(const struct graph *graph, int delimiter, uint32_t state, uint32_t arc)
{
	uint32_t target = graph->arcs[arc].target;
	bool onwards = false;

	if (graph->arcs[arc].token != delimiter)
		return false;
	for (uint32_t i = graph->first[target]; i < graph->first[target + 1]; i++)
		onwards = onwards || graph->arcs[i].target != target;
	return target == state || !onwards;
}

static void expect_from(struct graph *graph, int delimiter, size_t sayable, uint32_t state)
{
	uint32_t first = graph->first[state], end = graph->first[state + 1];
	float expected = 0.0F;
	size_t choices = 0;

	for (uint32_t arc = first; arc < end; arc++)
		choices += is_idle(graph, delimiter, state, arc) ? 0 : 1;
	if (choices > 0 && choices < sayable)
		expected = logf((float)sayable / (float)choices);
	for (uint32_t arc = first; arc < end; arc++)
		graph->expected[arc] = is_idle(graph, delimiter, state, arc) ? 0.0F : expected;
}

int graph_expect(struct graph *graph, int delimiter, size_t sayable)
{
	graph->expected = malloc((graph->n_arcs + 1) * sizeof(*graph->expected));
	if (graph->expected == NULL)
		return -ENOMEM;
	for (uint32_t state = 0; state < graph->states; state++)
		expect_from(graph, delimiter, sayable, state);
	return 0;
}
