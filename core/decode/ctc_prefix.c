#include "core/decode/ctc_prefix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- prefixes ---- */

int prefix_pool_init(struct prefix_pool *pool, size_t capacity)
{
	*pool = (struct prefix_pool){0};
	if (capacity >= NODE_NONE)
		return -ENOMEM;
	pool->nodes = calloc(capacity, sizeof(*pool->nodes));
	if (pool->nodes == NULL)
		return -ENOMEM;
	pool->capacity = (uint32_t)capacity;
	prefix_pool_reset(pool);
	return 0;
}

void prefix_pool_finish(struct prefix_pool *pool)
{
	free(pool->nodes);
	pool->nodes = NULL;
}

void prefix_pool_reset(struct prefix_pool *pool)
{
	pool->free = NODE_NONE;
	pool->fresh = 0;
	pool->n_free = pool->capacity;
}

void prefix_pool_copy(struct prefix_pool *pool, const struct prefix_pool *from)
{
	memcpy(pool->nodes, from->nodes, from->fresh * sizeof(*from->nodes));
	pool->free = from->free;
	pool->fresh = from->fresh;
	pool->n_free = from->n_free;
}

static uint32_t prefix_take(struct prefix_pool *pool)
{
	uint32_t index = pool->free;

	assert(pool->n_free > 0);
	pool->n_free--;
	if (index == NODE_NONE)
		return pool->fresh++;
	pool->free = pool->nodes[index].next;
	return index;
}

uint32_t prefix_add(struct prefix_pool *pool, uint32_t parent, int token,
		    const struct fusion_state *fusion)
{
	uint32_t index = prefix_take(pool);
	struct prefix *node = &pool->nodes[index];

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
		pool->nodes[node].next = pool->free;
		pool->free = node;
		pool->n_free++;
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
	*pool = (struct alignment_pool){0};
	if (capacity >= NODE_NONE)
		return -ENOMEM;
	pool->nodes = calloc(capacity, sizeof(*pool->nodes));
	if (pool->nodes == NULL)
		return -ENOMEM;
	pool->capacity = (uint32_t)capacity;
	alignment_pool_reset(pool);
	return 0;
}

void alignment_pool_finish(struct alignment_pool *pool)
{
	free(pool->nodes);
	pool->nodes = NULL;
}

void alignment_pool_reset(struct alignment_pool *pool)
{
	pool->free = NODE_NONE;
	pool->fresh = 0;
	pool->n_free = pool->capacity;
}

void alignment_pool_copy(struct alignment_pool *pool, const struct alignment_pool *from)
{
	memcpy(pool->nodes, from->nodes, from->fresh * sizeof(*from->nodes));
	pool->free = from->free;
	pool->fresh = from->fresh;
	pool->n_free = from->n_free;
}

static uint32_t alignment_take(struct alignment_pool *pool)
{
	uint32_t index = pool->free;

	assert(pool->n_free > 0);
	pool->n_free--;
	if (index == NODE_NONE)
		return pool->fresh++;
	pool->free = pool->nodes[index].parent;
	return index;
}

uint32_t alignment_add(struct alignment_pool *pool, uint32_t parent, const struct aligned *token)
{
	uint32_t index = alignment_take(pool);
	struct alignment *node = &pool->nodes[index];

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

		pool->nodes[node].parent = pool->free;
		pool->free = node;
		pool->n_free++;
		node = parent;
	}
}
