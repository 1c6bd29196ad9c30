/*
 * Memory of the beam search: two pools of nodes that hypotheses share.
 *
 * A prefix is a sequence of tokens: a node and its ancestors, each sequence once.
 * An alignment is the frames of the tokens of one path through the lattice, the
 * last token left out: a node and its ancestors too, but many for a prefix.
 *
 *	prefixes:    root - T - H - E      alignments:    none - T 3..5 - H 6..7
 *	                      \ I                                     \ H 6..8
 *
 * Nodes count who refers to them (children and hypotheses) and are given back with
 * the last reference, ancestors likewise.
 */
#ifndef HEARD_DECODE_CTC_PREFIX_H
#define HEARD_DECODE_CTC_PREFIX_H

#include "core/decode/fusion.h"
#include "core/decode/slots.h"

#include <stdint.h>

#define NODE_NONE SLOT_NONE

struct prefix {
	uint32_t parent; /* NODE_NONE: the root */
	uint32_t child;  /* the first of them, NODE_NONE without */
	uint32_t next;   /* among the parent's children */
	uint32_t references;
	uint32_t depth; /* tokens */
	int token;      /* the last one; -1 of the root */
	int hypothesis; /* in the beam that is being stepped, -1: not in it */
	struct fusion_state fusion;
};

struct prefix_pool {
	struct prefix *nodes; /* owned, [capacity] */
	struct slots slots;
};

int prefix_pool_init(struct prefix_pool *pool, size_t capacity);
void prefix_pool_finish(struct prefix_pool *pool);
void prefix_pool_reset(struct prefix_pool *pool); /* all nodes are free */
void prefix_pool_copy(struct prefix_pool *pool, const struct prefix_pool *from);

/* A new node with one reference, the caller's. There must be a free one. parent
 * NODE_NONE makes a root. */
uint32_t prefix_add(struct prefix_pool *pool, uint32_t parent, int token,
		    const struct fusion_state *fusion);
void prefix_hold(struct prefix_pool *pool, uint32_t node);
void prefix_release(struct prefix_pool *pool, uint32_t node);
/* The child with this token, NODE_NONE without. */
uint32_t prefix_find(const struct prefix_pool *pool, uint32_t parent, int token);
/* `node` is `ancestor` or continues it. */
bool prefix_within(const struct prefix_pool *pool, uint32_t node, uint32_t ancestor);

/* The frames [start, end) of a token, and the mean of its probabilities there. */
struct aligned {
	int start, end;
	float confidence;
};

struct alignment {
	uint32_t parent; /* NODE_NONE: the first token */
	uint32_t references;
	struct aligned token;
};

struct alignment_pool {
	struct alignment *nodes; /* owned, [capacity] */
	struct slots slots;
};

int alignment_pool_init(struct alignment_pool *pool, size_t capacity);
void alignment_pool_finish(struct alignment_pool *pool);
void alignment_pool_reset(struct alignment_pool *pool);
void alignment_pool_copy(struct alignment_pool *pool, const struct alignment_pool *from);
/* As above; parent may be NODE_NONE, and so may what is held and released. */
uint32_t alignment_add(struct alignment_pool *pool, uint32_t parent, const struct aligned *token);
void alignment_hold(struct alignment_pool *pool, uint32_t node);
void alignment_release(struct alignment_pool *pool, uint32_t node);

#endif
