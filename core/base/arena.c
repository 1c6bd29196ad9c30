#include "core/base/arena.h"

#include "core/base/checked.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

enum { HUGE_PAGE_BYTES = 2 << 20 };

int arena_init(struct arena *arena, size_t size)
{
	*arena = (struct arena){0};
	if (size == 0)
		size = ARENA_ALIGNMENT;

	size_t mapped;
	if (!checked_add(size, HUGE_PAGE_BYTES - 1, &mapped))
		return -ENOMEM;
	/* Small arenas would waste a huge page of resident memory. */
	bool huge = size >= 4 * (size_t)HUGE_PAGE_BYTES;
	mapped = huge ? mapped & ~((size_t)HUGE_PAGE_BYTES - 1) : size;

	void *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
#ifdef MADV_HUGEPAGE
	/* Only a hint: without it the weights still work, through more TLB misses. */
	if (huge)
		(void)madvise(base, mapped, MADV_HUGEPAGE);
#endif
	arena->base = base;
	arena->size = mapped;
	return 0;
}

void arena_finish(struct arena *arena)
{
	if (arena->base)
		munmap(arena->base, arena->size);
	*arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	size_t rounded, end;

	if (!checked_add(bytes, ARENA_ALIGNMENT - 1, &rounded))
		return NULL;
	rounded &= ~((size_t)ARENA_ALIGNMENT - 1);
	if (!checked_add(arena->used, rounded, &end))
		return NULL;
	if (arena->base == NULL) {
		arena->used = end;
		return NULL;
	}
	if (end > arena->size)
		return NULL;
	void *memory = arena->base + arena->used;
	arena->used = end;
	return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (!checked_mul(count, size, &bytes))
		return NULL;
	return arena_alloc(arena, bytes);
}
