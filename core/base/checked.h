/*
 * Size arithmetic on values that come from outside. Each function stores the
 * result and returns true, or returns false on overflow and leaves *out unset.
 */
#ifndef HEARD_BASE_CHECKED_H
#define HEARD_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>

static inline bool checked_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool checked_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* True when [offset, offset + length) lies inside [0, size). */
static inline bool checked_range(size_t offset, size_t length, size_t size)
{
	return offset <= size && length <= size - offset;
}

#endif
