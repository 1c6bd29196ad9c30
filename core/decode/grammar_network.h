/*
 * A grammar with all rules and repetitions put in: a network of words without
 * cycles, from `start` to the one node of kind NETWORK_END. Const after build.
 *
 *	FORK -+-> COMMAND light -> turn -> FORK -+-> on --+-> OPEN room -> ... END
 *	      |                                  +-> off -+
 *	      +-> COMMAND ...
 */
#ifndef HEARD_DECODE_GRAMMAR_NETWORK_H
#define HEARD_DECODE_GRAMMAR_NETWORK_H

#include "core/decode/grammar_tree.h"

enum network_kind {
	NETWORK_END,
	NETWORK_WORD,    /* value: word */
	NETWORK_FORK,    /* to next, or with less preference to value */
	NETWORK_OPEN,    /* value: word that names the slot; what follows up to ... */
	NETWORK_CLOSE,   /* ... this is in it */
	NETWORK_COMMAND, /* value: word that names the rule, or GRAMMAR_NONE */
};

struct network_node {
	uint32_t kind; /* enum network_kind */
	uint32_t next, value;
};

struct network {
	struct network_node *nodes; /* owned */
	size_t n, capacity;
	uint32_t start, end;
};

/* From a checked tree. 0 or -ENOMEM. */
int network_build(struct network *network, const struct grammar_tree *tree);
void network_finish(struct network *network);

#endif
