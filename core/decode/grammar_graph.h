/*
 * The token sequences of a grammar as a deterministic acceptor. Without cycles
 * but for the delimiter, which may come any number of times between two words
 * (once at least) and before the first and after the last (or not at all): CTC
 * prints them as one space. Const after build.
 */
#ifndef HEARD_DECODE_GRAMMAR_GRAPH_H
#define HEARD_DECODE_GRAMMAR_GRAPH_H

#include "core/decode/grammar_network.h"
#include "core/decode/grammar_spelling.h"

#include <stdbool.h>

struct graph_arc {
	int token;
	uint32_t target;
};

struct graph {
	struct graph_arc *arcs; /* owned; of a state by token */
	uint32_t *first;        /* owned, [states + 1]: a state's arcs */
	bool *accepts;          /* owned, [states]: a phrase ends here */
	uint32_t *left;         /* owned, [states]: fewest tokens until one does */
	float *expected;        /* owned, [arcs]: see graph_expect; NULL before */
	size_t states, n_arcs;
	uint32_t start;
};

/* Subset construction over the places of the network; then graph_minimize.
 * delimiter: -1 for none. 0, -E2BIG (refused with tree->error) or -ENOMEM. */
int graph_build(struct graph *graph, const struct network *network, const struct spelling *spelling,
		int delimiter, const struct grammar_tree *tree);
void graph_finish(struct graph *graph);

/* grammar_minimize.c: replaces the graph by the smallest that accepts the same.
 * 0 or -ENOMEM. */
int graph_minimize(struct graph *graph);

/* grammar_expected.c: sets `expected` of a graph that is done, for each arc the natural
 * logarithm of how many times fewer tokens may follow in its state than the `sayable`
 * ones of the vocabulary. Delimiters before the first word, behind the last one and
 * more than one between them are not counted and have 0. 0 or -ENOMEM. */
int graph_expect(struct graph *graph, int delimiter, size_t sayable);

/* The state behind `token`; false where there is no such arc. */
bool graph_follow(const struct graph *graph, uint32_t state, int token, uint32_t *target);

#endif
