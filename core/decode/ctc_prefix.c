#include "core/decode/ctc_prefix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- prefixes ---- */

int prefix_pool_init(struct prefix_pool *pool, size_t capacity)
{
	pool->nodes = calloc(capacity, sizeof(*pool->nodes));
	return slots_init(&pool->slots, capacity) == 0 && pool->nodes != NULL ? 0 : -ENOMEM;
}

void prefix_pool_finish(struct prefix_pool *pool)
{
	slots_finish(&pool->slots);
	free(pool->nodes);
	pool->nodes = NULL;
}

void prefix_pool_reset(struct prefix_pool *pool)
{
	slots_reset(&pool->slots);
}

void prefix_pool_copy(struct prefix_pool *pool, const struct prefix_pool *from)
{
	memcpy(pool->nodes, from->nodes, from->slots.used * sizeof(*from->nodes));
	slots_copy(&pool->slots, &from->slots);
}

uint32_t prefix_add(struct prefix_pool *pool, uint32_t parent, int token,
		    const struct fusion_state *fusion)
{
	uint32_t index = slots_take(&pool->slots);
	struct prefix *node = &pool->nodes[index];

	assert(index != NODE_NONE);
	*node = (struct prefix){
		.parent = parent,
		.child = NODE_NONE,
		.next = NODE_NONE,
		.references = 1,
		.token = token,
		.hypothesis = -1,
		.fusion = *fusion,
	};
	if (parent != NODE_NONE) {
		node->depth = pool->nodes[parent].depth + 1;
		node->next = pool->nodes[parent].child;
		pool->nodes[parent].child = index;
		pool->nodes[parent].references++;
	}
	return index;
}

void prefix_hold(struct prefix_pool *pool, uint32_t node)
{
	pool->nodes[node].references++;
}

static void unlink_child(struct prefix_pool *pool, uint32_t parent, uint32_t child)
{
	uint32_t *at = &pool->nodes[parent].child;

	while (*at != child)
		at = &pool->nodes[*at].next;
	*at = pool->nodes[child].next;
}

void prefix_release(struct prefix_pool *pool, uint32_t node)
{
	while (node != NODE_NONE && --pool->nodes[node].references == 0) {
		uint32_t parent = pool->nodes[node].parent;

		if (parent != NODE_NONE)
			unlink_child(pool, parent, node);
		slots_give(&pool->slots, node);
		node = parent;
	}
}

uint32_t prefix_find(const struct prefix_pool *pool, uint32_t parent, int token)
{
	uint32_t child = pool->nodes[parent].child;

	while (child != NODE_NONE && pool->nodes[child].token != token)
		child = pool->nodes[child].next;
	return child;
}

bool prefix_within(const struct prefix_pool *pool, uint32_t node, uint32_t ancestor)
{
	uint32_t depth = pool->nodes[ancestor].depth;

	while (pool->nodes[node].depth > depth)
		node = pool->nodes[node].parent;
	return node == ancestor;
}

/* ---- alignments ---- */

int alignment_pool_init(struct alignment_pool *pool, size_t capacity)
{
	pool->nodes = calloc(capacity, sizeof(*pool->nodes));
	return slots_init(&pool->slots, capacity) == 0 && pool->nodes != NULL ? 0 : -ENOMEM;
}

void alignment_pool_finish(struct alignment_pool *pool)
{
	slots_finish(&pool->slots);
	free(pool->nodes);
	pool->nodes = NULL;
}

void alignment_pool_reset(struct alignment_pool *pool)
{
	slots_reset(&pool->slots);
}

void alignment_pool_copy(struct alignment_pool *pool, const struct alignment_pool *from)
{
	memcpy(pool->nodes, from->nodes, from->slots.used * sizeof(*from->nodes));
	slots_copy(&pool->slots, &from->slots);
}

uint32_t alignment_add(struct alignment_pool *pool, uint32_t parent, const struct aligned *token)
{
	uint32_t index = slots_take(&pool->slots);
	struct alignment *node = &pool->nodes[index];

	assert(index != NODE_NONE);
	*node = (struct alignment){.parent = parent, .references = 1, .token = *token};
	alignment_hold(pool, parent);
	return index;
}

void alignment_hold(struct alignment_pool *pool, uint32_t node)
{
	if (node != NODE_NONE)
		pool->nodes[node].references++;
}

void alignment_release(struct alignment_pool *pool, uint32_t node)
{
	while (node != NODE_NONE && --pool->nodes[node].references == 0) {
		uint32_t parent = pool->nodes[node].parent;

		slots_give(&pool->slots, node);
		node = parent;
	}
}
