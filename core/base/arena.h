/*
 * Bump allocator over one anonymous mapping. A model has one (until exit), a
 * stream has one (sized at create). Nothing is freed singly.
 *
 * An arena that was zeroed and never given memory measures: arena_alloc
 * returns NULL and only advances `used`. A layout function that does nothing
 * but take pointers can so be run twice, first to learn the size, then for
 * real, and the two can never disagree.
 */
#ifndef HEARD_BASE_ARENA_H
#define HEARD_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum { ARENA_ALIGNMENT = 64 };

struct arena {
	unsigned char *base; /* owned mapping; NULL while measuring */
	size_t size;         /* bytes mapped */
	size_t used;         /* bytes handed out, alignment included */
};

/* Maps `size` bytes, zeroed by the kernel when first touched; memory that is
 * never touched costs address space only. Huge pages are asked for where the
 * arena is large. Returns 0 or -ENOMEM; the arena is zeroed on failure. */
int arena_init(struct arena *arena, size_t size);

/* Unmaps. Accepts a zeroed arena. */
void arena_finish(struct arena *arena);

/* Returns `bytes` bytes aligned to ARENA_ALIGNMENT, zeroed, valid until
 * arena_finish; NULL when measuring or when the arena is spent. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* arena_alloc of count * size bytes; NULL on overflow too. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

#endif
