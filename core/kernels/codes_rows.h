/*
 * Rows of int8 codes for the integer microkernels (microkernel.h, prepare), over
 * vec.h. The including file defines, before it includes this, DOT_INTERLEAVE,
 * dot_acc and codes_all, codes_add, codes_sum, codes_put as codes_body.h says.
 */
#ifndef HEARD_KERNELS_CODES_ROWS_H
#define HEARD_KERNELS_CODES_ROWS_H

#include "core/kernels/dot_ahead.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/vec.h"

enum { CODE_BYTES = 4 / DOT_INTERLEAVE }; /* in a prepared row */

static size_t padded(size_t k)
{
	return (k + GROUP - 1) / GROUP * GROUP;
}

static size_t lines(size_t bytes)
{
	return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static size_t int8_row_bytes(size_t k)
{
	return lines(PREPARED_HEADER + padded(k) * CODE_BYTES);
}

static float top_magnitude(const float *x, size_t k)
{
	vec tops[4];
	size_t i = 0;

	UNROLL
	for (int c = 0; c < 4; c++)
		tops[c] = vec_all(0.0f);
	for (; i + 4 * VEC <= k; i += 4 * VEC) {
		UNROLL
		for (int c = 0; c < 4; c++)
			tops[c] = vec_max(tops[c], vec_abs(vec_load(x + i + (size_t)c * VEC)));
	}
	for (; i < k; i += VEC)
		tops[0] = vec_max(tops[0], vec_abs(vec_load_some(x + i, k - i)));
	return vec_top(vec_max(vec_max(tops[0], tops[1]), vec_max(tops[2], tops[3])));
}

/* The header's scale; returns what values are to be multiplied by. */
static ALWAYS_INLINE float row_scale(const float *x, size_t k, struct prepared_row *header)
{
	float top = top_magnitude(x, k);

	if (!(top >= 0x1p-100f))
		top = 0.0f;
	header->scale = top / 127.0f;
	return top > 0.0f ? 127.0f / top : 0.0f;
}

static void int8_prepare(const float *x, size_t k, void *row)
{
	struct prepared_row *header = row;
	unsigned char *codes = (unsigned char *)row + PREPARED_HEADER;
	vec inverse = vec_all(row_scale(x, k, header));
	dot_acc sum = codes_all(0);
	size_t i = 0, kp = padded(k);

	for (; i + VEC <= k; i += VEC, codes += VEC * CODE_BYTES)
		sum = codes_add(sum, codes_put(codes, vec_mul(vec_load(x + i), inverse)));
	for (; i < kp; i += VEC, codes += VEC * CODE_BYTES) {
		vec v = vec_load_some(x + i, i < k ? k - i : 0);
		sum = codes_add(sum, codes_put(codes, vec_mul(v, inverse)));
	}
	header->sum = codes_sum(sum);
}

#endif
