#include "tests/kernels/guarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD_FLOATS = 64, GUARD_BITS = 0x7fc5ca1e /* a NaN that nothing computes */ };

static uint64_t random_state = 1;

void random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15u + 1;
}

/* splitmix64 */
static uint64_t random_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

float random_float(void)
{
	return (float)(random_bits() >> 40) * 0x1p-23f - 1.0f;
}

size_t random_below(size_t below)
{
	return (size_t)(random_bits() % below);
}

static uint32_t float_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

int guarded_is_guard(float value)
{
	return float_bits(value) == GUARD_BITS;
}

void guarded_init(struct guarded *buffer, size_t n, size_t misalign)
{
	const uint32_t bits = GUARD_BITS;
	size_t floats = (n + misalign + 2 * GUARD_FLOATS + 15) & ~(size_t)15;

	*buffer = (struct guarded){.n = n, .whole_floats = floats};
	buffer->whole = aligned_alloc(64, floats * sizeof(float));
	assert_non_null(buffer->whole);
	for (size_t i = 0; i < floats; i++)
		memcpy(&buffer->whole[i], &bits, sizeof(bits));
	buffer->data = buffer->whole + GUARD_FLOATS + misalign;
}

void guarded_finish(struct guarded *buffer)
{
	free(buffer->whole);
	*buffer = (struct guarded){0};
}

void guarded_fill_random(struct guarded *buffer, float scale)
{
	for (size_t i = 0; i < buffer->n; i++)
		buffer->data[i] = scale * random_float();
}

void guarded_check(const struct guarded *buffer, const char *what)
{
	const float *end = buffer->data + buffer->n;

	for (size_t i = 0; i < buffer->whole_floats; i++) {
		const float *at = buffer->whole + i;
		if (at >= buffer->data && at < end)
			continue;
		if (!guarded_is_guard(*at))
			fail_msg("%s: wrote %td floats from the start of %zu", what,
				 at - buffer->data, buffer->n);
	}
}
