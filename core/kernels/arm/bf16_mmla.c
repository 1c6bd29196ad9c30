/*
 * bf16 weights with bfmmla (Armv8.6): two rows of four bf16 by two columns, added
 * to floats. Activations are rounded to bf16 once. Subnormals count as zeros.
 */
#include "core/kernels/microkernel.h"
#include "core/kernels/vec.h"

typedef float32x4_t mmla_acc;

enum { MMLA_HEADER = 0 };

static ALWAYS_INLINE mmla_acc mmla_zero(void)
{
	return vdupq_n_f32(0.0f);
}

static ALWAYS_INLINE mmla_acc mmla_add(mmla_acc acc, uint8x16_t x, uint8x16_t w)
{
	return vbfmmlaq_f32(acc, vreinterpretq_bf16_u8(x), vreinterpretq_bf16_u8(w));
}

static ALWAYS_INLINE vec mmla_float(mmla_acc acc)
{
	return acc;
}

static ALWAYS_INLINE vec mmla_scale(vec y, const unsigned char *row, const float *column_scale,
				    size_t column, size_t left)
{
	(void)row;
	(void)column_scale;
	(void)column;
	(void)left;
	return y;
}

#include "core/kernels/arm/mmla_body.h"

static size_t row_bytes(size_t k)
{
	return (k * sizeof(uint16_t) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static void prepare(const float *x, size_t k, void *row)
{
	uint16_t *out = row;

	for (size_t i = 0; i < row_bytes(k) / sizeof(uint16_t); i += VEC) {
		bfloat16x4_t halves = vcvt_bf16_f32(vec_load_some(x + i, i < k ? k - i : 0));
		vst1_u16(out + i, vreinterpret_u16_bf16(halves));
	}
}

static void strip(const struct packed_strip *s)
{
	mmla_strip(s, (s->k + 3) / 4);
}

enum { PROBE_CHAINS = 12, PROBE_STEPS = 8 };

static float probe(size_t rounds)
{
	mmla_acc sums[PROBE_CHAINS], total = mmla_zero();
	/* 1.0; the compiler must not know it. */
	volatile uint16_t one = 0x3f80;
	uint8x16_t x = vreinterpretq_u8_u16(vdupq_n_u16(one)), w = x;
	const uint8x16_t bit = vreinterpretq_u8_u16(vdupq_n_u16(0x10));

	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		sums[c] = vdupq_n_f32((float)c);
	for (size_t i = 0; i < rounds * PROBE_STEPS; i++) {
		UNROLL
		for (int c = 0; c < PROBE_CHAINS; c++)
			sums[c] = mmla_add(sums[c], x, w);
		x = veorq_u8(x, bit); /* else the sums would be multiplications */
	}
	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		total = vec_add(total, sums[c]);
	return vec_sum(total);
}

const struct microkernel microkernel_bf16_mmla = {
	.name = "bfmmla",
	.type = WEIGHT_BF16,
	.interleave = 4,
	.row_bytes = row_bytes,
	.prepare = prepare,
	.strip = strip,
	.probe = probe,
	.probe_ops = 2 * 16 * PROBE_CHAINS * PROBE_STEPS,
};
