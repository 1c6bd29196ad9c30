/*
 * bf16 weights with AVX-512 BF16: vdpbf16ps multiplies two pairs of bf16 in each
 * of 16 columns and adds them to a float. Activations are rounded to bf16 once.
 * Subnormals count as zeros.
 */
#include "core/kernels/vec.h"

#include <stdint.h>

typedef __m512 dot_acc;
typedef __m512i dot_raw;

enum { DOT_INTERLEAVE = 2, DOT_VALUE_BYTES = 2, DOT_HEADER = 0 };

#define DOT_ROWS   8
#define DOT_PANELS 2

static ALWAYS_INLINE dot_raw dot_load(const unsigned char *p)
{
	return _mm512_loadu_si512(p);
}

static ALWAYS_INLINE dot_acc dot_add(dot_acc acc, dot_raw w, int32_t x)
{
	return _mm512_dpbf16_ps(acc, (__m512bh)_mm512_set1_epi32(x), (__m512bh)w);
}

static ALWAYS_INLINE dot_acc dot_begin(const unsigned char *row)
{
	(void)row;
	return _mm512_setzero_ps();
}

static ALWAYS_INLINE vec dot_end(dot_acc acc, const unsigned char *row, const float *column_scale,
				 size_t left)
{
	(void)row;
	(void)column_scale;
	(void)left;
	return acc;
}

#include "core/kernels/dot_body.h"

static size_t row_bytes(size_t k)
{
	return (k * sizeof(uint16_t) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static void prepare(const float *x, size_t k, void *row)
{
	__m256i *out = row;

	for (size_t i = 0; i < row_bytes(k) / sizeof(uint16_t); i += VEC)
		_mm256_storeu_si256(out++, (__m256i)_mm512_cvtneps_pbh(
						   vec_load_some(x + i, i < k ? k - i : 0)));
}

static void strip(const struct packed_strip *s)
{
	dot_strip(s, (s->k + 1) / 2);
}

enum { PROBE_CHAINS = 12, PROBE_STEPS = 8 };

static float probe(size_t rounds)
{
	dot_acc sums[PROBE_CHAINS], total = _mm512_setzero_ps();
	/* 1.0 twice; the compiler must not know them. */
	volatile int32_t ones = 0x3f803f80;
	int32_t x = ones;
	dot_raw w = _mm512_set1_epi32(ones);

	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		sums[c] = _mm512_set1_ps((float)c);
	for (size_t i = 0; i < rounds * PROBE_STEPS; i++) {
		UNROLL
		for (int c = 0; c < PROBE_CHAINS; c++)
			sums[c] = dot_add(sums[c], w, x);
		x ^= 0x10; /* else the sums would be multiplications */
	}
	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		total = _mm512_add_ps(total, sums[c]);
	return _mm512_reduce_add_ps(total);
}

const struct microkernel microkernel_bf16_avx512 = {
	.name = "avx512bf16",
	.type = WEIGHT_BF16,
	.interleave = DOT_INTERLEAVE,
	.row_bytes = row_bytes,
	.prepare = prepare,
	.strip = strip,
	.probe = probe,
	.probe_ops = 2 * PROBE_CHAINS * PROBE_STEPS * VEC * DOT_INTERLEAVE,
};
