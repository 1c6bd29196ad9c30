/*
 * Subset construction. A place in the network is a number:
 *
 *	node << 10 | p     inside the word of node, p bytes read
 *	node << 10 | END   a word was read, `node` follows: a delimiter belongs here
 *	node << 10 | GAP   `node` follows, the next word may begin; delimiters may come
 *
 * Words that lead to the same node end in the same place, so that what a choice
 * has in common behind it is one state at once. Branches and slots between two
 * words are no places: closure() walks them when a word may begin.
 *
 * A state is a sorted set of places. The work that this costs is counted, as
 * some grammars have exponentially many sets.
 */
#include "core/decode/grammar_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACE_BITS = 10,
	PLACE_MASK = (1 << PLACE_BITS) - 1,
	PLACE_END = PLACE_MASK,
	PLACE_GAP = PLACE_MASK - 1,
};

_Static_assert(GRAMMAR_MAX_NODES < 1 << (32 - PLACE_BITS), "a place fits into 32 bits");
_Static_assert(GRAMMAR_MAX_WORD_BYTES * 4 < PLACE_GAP, "a word's bytes are places");

/* Growing array of 32-bit numbers. */
struct numbers {
	uint32_t *items; /* owned */
	size_t n, capacity;
};

struct builder {
	const struct network *network;
	const struct spelling *spelling;
	int delimiter;
	struct graph *graph;

	struct numbers sets;   /* places of all states, one after the other */
	struct numbers begins; /* [states + 1]: of each state's places */
	uint32_t *table;       /* owned: hash table of states by places, [table_size] */
	size_t table_size;
	struct numbers first; /* [states + 1]: arcs */
	size_t arcs_capacity, accepts_capacity;

	uint64_t *pairs; /* owned: token << 32 | place, of the state in work */
	size_t n_pairs, pairs_capacity;

	/* owned, [2, nodes]: the state whose closures visited a node, those that look
	 * for words and those that look for the end alone */
	uint32_t *seen;
	uint32_t stamp;
	struct numbers stack;
	size_t work;
};

void graph_finish(struct graph *graph)
{
	free(graph->arcs);
	free(graph->first);
	free(graph->accepts);
	free(graph->left);
	free(graph->expected);
	*graph = (struct graph){0};
}

static int numbers_add(struct numbers *numbers, uint32_t item)
{
	if (numbers->n == numbers->capacity) {
		size_t capacity = numbers->capacity * 2 + 256;
		uint32_t *items = realloc(numbers->items, capacity * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		numbers->items = items;
		numbers->capacity = capacity;
	}
	numbers->items[numbers->n++] = item;
	return 0;
}

static uint32_t place_of(uint32_t node, uint32_t position)
{
	return node << PLACE_BITS | position;
}

/* ---- what leads on from a place ---- */

static int add_pair(struct builder *builder, int token, uint32_t place)
{
	if (builder->n_pairs == builder->pairs_capacity) {
		size_t capacity = builder->pairs_capacity * 2 + 1024;
		uint64_t *pairs = realloc(builder->pairs, capacity * sizeof(*pairs));

		if (pairs == NULL)
			return -ENOMEM;
		builder->pairs = pairs;
		builder->pairs_capacity = capacity;
	}
	builder->pairs[builder->n_pairs++] = (uint64_t)(uint32_t)token << 32 | place;
	builder->work++;
	return 0;
}

static uint32_t place_behind(const struct builder *builder, uint32_t node)
{
	return place_of(builder->network->nodes[node].next,
			builder->delimiter >= 0 ? PLACE_END : PLACE_GAP);
}

/* Tokens that lead on inside the word of `node`. */
static int add_word_pairs(struct builder *builder, uint32_t node, uint32_t position)
{
	const struct spelling *spelling = builder->spelling;
	uint32_t word = builder->network->nodes[node].value;

	for (uint32_t i = spelling->first[word]; i < spelling->first[word + 1]; i++) {
		const struct spelling_arc *arc = &spelling->arcs[i];
		uint32_t place = arc->to == spelling->length[word] ? place_behind(builder, node)
								   : place_of(node, arc->to);

		if (arc->from == position && add_pair(builder, arc->token, place) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int closure_visit(struct builder *builder, uint32_t node, bool words)
{
	uint32_t *seen = &builder->seen[(words ? 0 : builder->network->n) + node];

	if (*seen == builder->stamp)
		return 0;
	*seen = builder->stamp;
	builder->work++;
	return numbers_add(&builder->stack, node);
}

/* Walks from `node` to the words that may come next and adds their first tokens
 * where `words` says so; *end: the phrase may end here. */
static int closure(struct builder *builder, uint32_t node, bool words, bool *end)
{
	const struct network_node *nodes = builder->network->nodes;
	int error;

	builder->stack.n = 0;
	error = closure_visit(builder, node, words);
	while (error == 0 && builder->stack.n > 0) {
		node = builder->stack.items[--builder->stack.n];
		switch ((enum network_kind)nodes[node].kind) {
		case NETWORK_END:
			*end = true;
			break;
		case NETWORK_WORD:
			if (words)
				error = add_word_pairs(builder, node, 0);
			break;
		case NETWORK_FORK:
			error = closure_visit(builder, nodes[node].value, words);
			if (error == 0)
				error = closure_visit(builder, nodes[node].next, words);
			break;
		case NETWORK_OPEN:
		case NETWORK_CLOSE:
		case NETWORK_COMMAND:
			error = closure_visit(builder, nodes[node].next, words);
			break;
		}
	}
	return error;
}

static int add_place_pairs(struct builder *builder, uint32_t place, bool *end)
{
	uint32_t node = place >> PLACE_BITS, position = place & PLACE_MASK;
	int error = 0;

	if (position != PLACE_END && position != PLACE_GAP)
		return add_word_pairs(builder, node, position);
	if (builder->delimiter >= 0)
		error = add_pair(builder, builder->delimiter, place_of(node, PLACE_GAP));
	return error == 0 ? closure(builder, node, position == PLACE_GAP, end) : error;
}

/* ---- states ---- */

static uint32_t hash_places(const uint32_t *places, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ places[i]) * 0x100000001b3U;
	return (uint32_t)(hash ^ hash >> 32);
}

static size_t state_place(const struct builder *builder, const uint32_t *places, size_t n)
{
	const uint32_t *begins = builder->begins.items;
	size_t mask = builder->table_size - 1, at = hash_places(places, n) & mask;

	for (; builder->table[at] != GRAMMAR_NONE; at = (at + 1) & mask) {
		uint32_t state = builder->table[at];

		if (begins[state + 1] - begins[state] == n &&
		    memcmp(builder->sets.items + begins[state], places, n * sizeof(*places)) == 0)
			break;
	}
	return at;
}

static int table_grow(struct builder *builder)
{
	size_t size = builder->table_size > 0 ? builder->table_size * 2 : 1024;
	uint32_t *table = malloc(size * sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	memset(table, 0xff, size * sizeof(*table)); /* GRAMMAR_NONE */
	free(builder->table);
	builder->table = table;
	builder->table_size = size;
	for (uint32_t i = 0; i < builder->graph->states; i++) {
		const uint32_t *begins = builder->begins.items;

		table[state_place(builder, builder->sets.items + begins[i],
				  begins[i + 1] - begins[i])] = i;
	}
	return 0;
}

static int accepts_grow(struct builder *builder)
{
	size_t capacity = builder->accepts_capacity * 2 + 256;
	bool *accepts;

	if (builder->graph->states < builder->accepts_capacity)
		return 0;
	accepts = realloc(builder->graph->accepts, capacity * sizeof(*accepts));
	if (accepts == NULL)
		return -ENOMEM;
	builder->graph->accepts = accepts;
	builder->accepts_capacity = capacity;
	return 0;
}

/* The state of the places at the end of `sets`, from `begin` on; a known one
 * drops them. */
static int intern(struct builder *builder, size_t begin, uint32_t *state)
{
	struct graph *graph = builder->graph;
	const uint32_t *places;
	size_t n = builder->sets.n - begin, at;

	if ((graph->states + 1) * 2 > builder->table_size && table_grow(builder) < 0)
		return -ENOMEM;
	places = builder->sets.items + begin;
	at = state_place(builder, places, n);
	if (builder->table[at] != GRAMMAR_NONE) {
		builder->sets.n = begin;
		*state = builder->table[at];
		return 0;
	}
	if (accepts_grow(builder) < 0 ||
	    numbers_add(&builder->begins, (uint32_t)builder->sets.n) < 0)
		return -ENOMEM;
	graph->accepts[graph->states] = false;
	*state = builder->table[at] = (uint32_t)graph->states++;
	return 0;
}

static int add_arc(struct builder *builder, int token, uint32_t target)
{
	struct graph *graph = builder->graph;

	if (graph->n_arcs == builder->arcs_capacity) {
		size_t capacity = builder->arcs_capacity * 2 + 1024;
		struct graph_arc *arcs = realloc(graph->arcs, capacity * sizeof(*arcs));

		if (arcs == NULL)
			return -ENOMEM;
		graph->arcs = arcs;
		builder->arcs_capacity = capacity;
	}
	graph->arcs[graph->n_arcs++] = (struct graph_arc){token, target};
	return 0;
}

static int compare_pairs(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* The pairs of one state to arcs: those of one token are its target. */
static int pairs_to_arcs(struct builder *builder)
{
	size_t i = 0;

	qsort(builder->pairs, builder->n_pairs, sizeof(*builder->pairs), compare_pairs);
	while (i < builder->n_pairs) {
		uint32_t token = (uint32_t)(builder->pairs[i] >> 32), target;
		size_t begin = builder->sets.n;

		for (; i < builder->n_pairs && builder->pairs[i] >> 32 == token; i++) {
			uint32_t place = (uint32_t)builder->pairs[i];

			if (builder->sets.n > begin &&
			    builder->sets.items[builder->sets.n - 1] == place)
				continue;
			if (numbers_add(&builder->sets, place) < 0)
				return -ENOMEM;
		}
		if (intern(builder, begin, &target) < 0 || add_arc(builder, (int)token, target) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int expand(struct builder *builder, uint32_t state)
{
	uint32_t begin = builder->begins.items[state], end = builder->begins.items[state + 1];
	bool accepts = false;
	int error = 0;

	builder->n_pairs = 0;
	builder->stamp++;
	for (uint32_t i = begin; i < end && error == 0; i++)
		error = add_place_pairs(builder, builder->sets.items[i], &accepts);
	builder->graph->accepts[state] = accepts;
	if (error == 0)
		error = pairs_to_arcs(builder);
	if (error == 0)
		error = numbers_add(&builder->first, (uint32_t)builder->graph->n_arcs);
	return error;
}

static int build_states(struct builder *builder, const struct grammar_tree *tree)
{
	uint32_t state;
	int error = numbers_add(&builder->begins, 0);

	if (error == 0)
		error = numbers_add(&builder->first, 0);
	if (error == 0)
		error = numbers_add(&builder->sets, place_of(builder->network->start, PLACE_GAP));
	if (error == 0)
		error = intern(builder, 0, &state);
	for (state = 0; error == 0 && state < builder->graph->states; state++) {
		error = expand(builder, state);
		if (error == 0 && builder->graph->states > tree->limits.states)
			return grammar_refuse(tree, -E2BIG, 0, 0,
					      "the search graph has more than %zu states: too many "
					      "choices overlap",
					      tree->limits.states);
		if (error == 0 && builder->work > tree->limits.work)
			return grammar_refuse(
				tree, -E2BIG, 0, 0,
				"building the search graph takes more than %zu steps: "
				"too many choices overlap",
				tree->limits.work);
	}
	return error;
}

int graph_build(struct graph *graph, const struct network *network, const struct spelling *spelling,
		int delimiter, const struct grammar_tree *tree)
{
	struct builder builder = {
		.network = network,
		.spelling = spelling,
		.delimiter = delimiter,
		.graph = graph,
	};
	int error = -ENOMEM;

	*graph = (struct graph){0};
	builder.seen = calloc(2 * network->n, sizeof(*builder.seen));
	if (builder.seen != NULL)
		error = build_states(&builder, tree);
	free(builder.seen);
	free(builder.stack.items);
	free(builder.pairs);
	free(builder.table);
	free(builder.begins.items);
	free(builder.sets.items);
	graph->first = builder.first.items;
	if (error == 0)
		error = graph_minimize(graph);
	if (error < 0)
		graph_finish(graph);
	return error;
}

bool graph_follow(const struct graph *graph, uint32_t state, int token, uint32_t *target)
{
	uint32_t low = graph->first[state], high = graph->first[state + 1];

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (graph->arcs[mid].token < token)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == graph->first[state + 1] || graph->arcs[low].token != token)
		return false;
	*target = graph->arcs[low].target;
	return true;
}
