/*
 * The graph has no cycles but arcs from a state to itself, so states are
 * equivalent exactly if they accept alike and their arcs lead to equivalent
 * states: visited from the ends, each state is looked up by that (Revuz,
 * "Minimisation of acyclic deterministic automata in linear time", 1992, with a
 * hash table for the sort).
 */
#include "core/decode/grammar_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t self = UINT32_MAX - 1; /* an arc to the state itself */

struct minimizer {
	const struct graph *old; /* borrowed */
	struct graph graph;      /* what is kept */
	uint32_t *class_of;      /* owned, [old states]: state of `graph`; GRAMMAR_NONE */
	uint32_t *table;         /* owned: hash table of states of `graph`, [table_size] */
	size_t table_size;
	uint32_t *stack, *next; /* owned, [old states]: path from the start, next arc of each */
};

static uint32_t arc_class(const struct minimizer *minimizer, uint32_t state,
			  const struct graph_arc *arc)
{
	return arc->target == state ? self : minimizer->class_of[arc->target];
}

static uint32_t hash_state(const struct graph *graph, uint32_t state)
{
	uint64_t hash = graph->accepts[state] ? 0x9e3779b97f4a7c15U : 0xcbf29ce484222325U;

	for (uint32_t i = graph->first[state]; i < graph->first[state + 1]; i++) {
		hash = (hash ^ (uint32_t)graph->arcs[i].token) * 0x100000001b3U;
		hash = (hash ^ graph->arcs[i].target) * 0x100000001b3U;
	}
	return (uint32_t)(hash ^ hash >> 32);
}

static bool same_state(const struct graph *graph, uint32_t a, uint32_t b)
{
	uint32_t n = graph->first[a + 1] - graph->first[a];

	return graph->accepts[a] == graph->accepts[b] &&
	       n == graph->first[b + 1] - graph->first[b] &&
	       (n == 0 || memcmp(graph->arcs + graph->first[a], graph->arcs + graph->first[b],
				 n * sizeof(*graph->arcs)) == 0);
}

/* All states behind `state` have their class: finds or makes its own. */
static void classify(struct minimizer *minimizer, uint32_t state)
{
	const struct graph *old = minimizer->old;
	struct graph *graph = &minimizer->graph;
	uint32_t made = (uint32_t)graph->states;
	size_t n = graph->n_arcs, mask = minimizer->table_size - 1, at;

	for (uint32_t i = old->first[state]; i < old->first[state + 1]; i++)
		graph->arcs[n++] = (struct graph_arc){old->arcs[i].token,
						      arc_class(minimizer, state, &old->arcs[i])};
	graph->first[made + 1] = (uint32_t)n;
	graph->accepts[made] = old->accepts[state];
	at = hash_state(graph, made) & mask;
	while (minimizer->table[at] != GRAMMAR_NONE &&
	       !same_state(graph, minimizer->table[at], made))
		at = (at + 1) & mask;
	if (minimizer->table[at] == GRAMMAR_NONE) {
		minimizer->table[at] = made;
		graph->states++;
		graph->n_arcs = n;
	}
	minimizer->class_of[state] = minimizer->table[at];
}

/* Depth first from the start; a state is classified when it is left. */
static void visit(struct minimizer *minimizer)
{
	const struct graph *old = minimizer->old;
	size_t depth = 0;

	minimizer->stack[0] = old->start;
	minimizer->next[0] = old->first[old->start];
	for (;;) {
		uint32_t state = minimizer->stack[depth], arc = minimizer->next[depth];
		uint32_t target;

		if (arc == old->first[state + 1]) {
			classify(minimizer, state);
			if (depth-- == 0)
				return;
			continue;
		}
		minimizer->next[depth]++;
		target = old->arcs[arc].target;
		if (target == state || minimizer->class_of[target] != GRAMMAR_NONE)
			continue;
		depth++;
		minimizer->stack[depth] = target;
		minimizer->next[depth] = old->first[target];
	}
}

static int minimizer_init(struct minimizer *minimizer, const struct graph *old)
{
	struct graph *graph = &minimizer->graph;

	*minimizer = (struct minimizer){.old = old, .table_size = 1024};
	while (minimizer->table_size < old->states * 2)
		minimizer->table_size *= 2;
	minimizer->table = malloc(minimizer->table_size * sizeof(*minimizer->table));
	minimizer->class_of = malloc(old->states * sizeof(*minimizer->class_of));
	minimizer->stack = malloc(old->states * sizeof(*minimizer->stack));
	minimizer->next = malloc(old->states * sizeof(*minimizer->next));
	/* One state more than are kept is written to see whether it is known. */
	graph->first = calloc(old->states + 2, sizeof(*graph->first));
	graph->accepts = calloc(old->states + 1, sizeof(*graph->accepts));
	graph->left = malloc((old->states + 1) * sizeof(*graph->left));
	graph->arcs = malloc((old->n_arcs + 1) * sizeof(*graph->arcs));
	if (minimizer->table == NULL || minimizer->class_of == NULL || minimizer->stack == NULL ||
	    minimizer->next == NULL || graph->first == NULL || graph->accepts == NULL ||
	    graph->left == NULL || graph->arcs == NULL)
		return -ENOMEM;
	memset(minimizer->table, 0xff, minimizer->table_size * sizeof(*minimizer->table));
	memset(minimizer->class_of, 0xff, old->states * sizeof(*minimizer->class_of));
	return 0;
}

static void shrink(void *array, size_t size)
{
	void *old, *smaller;

	memcpy(&old, array, sizeof(old));
	smaller = realloc(old, size);
	if (smaller != NULL)
		memcpy(array, &smaller, sizeof(smaller));
}

/* Arcs lead to states that were made before, or to the state itself. */
static void count_left(struct graph *graph)
{
	for (uint32_t state = 0; state < graph->states; state++) {
		uint32_t least = graph->accepts[state] ? 0 : UINT32_MAX;

		for (uint32_t i = graph->first[state]; i < graph->first[state + 1]; i++) {
			uint32_t target = graph->arcs[i].target;

			if (target != state && graph->left[target] < least)
				least = graph->left[target] + 1;
		}
		graph->left[state] = least;
	}
}

/* The classes as a graph of their own, in as much memory as they need. */
static void finish_graph(struct graph *graph)
{
	for (uint32_t state = 0; state < graph->states; state++) {
		for (uint32_t i = graph->first[state]; i < graph->first[state + 1]; i++) {
			if (graph->arcs[i].target == self)
				graph->arcs[i].target = state;
		}
	}
	count_left(graph);
	shrink(&graph->arcs, (graph->n_arcs + 1) * sizeof(*graph->arcs));
	shrink(&graph->first, (graph->states + 1) * sizeof(*graph->first));
	shrink(&graph->accepts, graph->states * sizeof(*graph->accepts));
	shrink(&graph->left, graph->states * sizeof(*graph->left));
}

int graph_minimize(struct graph *graph)
{
	struct minimizer minimizer;
	int error = minimizer_init(&minimizer, graph);

	if (error == 0) {
		visit(&minimizer);
		minimizer.graph.start = minimizer.class_of[graph->start];
		finish_graph(&minimizer.graph);
		graph_finish(graph);
		*graph = minimizer.graph;
	} else {
		graph_finish(&minimizer.graph);
	}
	free(minimizer.table);
	free(minimizer.class_of);
	free(minimizer.stack);
	free(minimizer.next);
	return error;
}
