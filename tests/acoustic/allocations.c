/* The linker's --wrap sends every call from the program's own objects and its
 * static libraries through here. */
#include "allocations.h"

#include <stdatomic.h>

static atomic_size_t count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	atomic_fetch_add(&count, 1);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	atomic_fetch_add(&count, 1);
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	atomic_fetch_add(&count, 1);
	return __real_realloc(memory, size);
}

size_t allocations_count(void)
{
	return atomic_load(&count);
}
