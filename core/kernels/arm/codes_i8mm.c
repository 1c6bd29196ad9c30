/*
 * 8-bit weights with smmla (Armv8.6; Neoverse V1, Cortex-X2 and later): two rows of
 * eight signed bytes by two columns, twice the products of an sdot.
 */
#include "core/kernels/arm/codes_neon.h"

typedef int32x4_t mmla_acc;

enum { MMLA_HEADER = PREPARED_HEADER };

static ALWAYS_INLINE mmla_acc mmla_zero(void)
{
	return vdupq_n_s32(0);
}

static ALWAYS_INLINE mmla_acc mmla_add(mmla_acc acc, uint8x16_t x, uint8x16_t w)
{
	return vmmlaq_s32(acc, vreinterpretq_s8_u8(x), vreinterpretq_s8_u8(w));
}

static ALWAYS_INLINE vec mmla_float(mmla_acc acc)
{
	return vcvtq_f32_s32(acc);
}

static ALWAYS_INLINE vec mmla_scale(vec y, const unsigned char *row, const float *column_scale,
				    size_t column, size_t left)
{
	const struct prepared_row *header = (const void *)row;

	return vec_mul(vec_mul(y, vec_all(header->scale)),
		       vec_load_some(column_scale + column, left));
}

#include "core/kernels/arm/mmla_body.h"
#include "core/kernels/codes_rows.h"

static void strip(const struct packed_strip *s)
{
	mmla_strip(s, padded(s->k) / 8);
}

enum { PROBE_CHAINS = 12, PROBE_STEPS = 8 };

static float probe(size_t rounds)
{
	mmla_acc sums[PROBE_CHAINS], total = mmla_zero();
	/* The compiler must not know them. */
	volatile unsigned char byte = (unsigned char)(rounds & 7);
	uint8x16_t x = vdupq_n_u8(byte), w = vdupq_n_u8(byte), one = vdupq_n_u8(1);

	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		sums[c] = vdupq_n_s32(c);
	for (size_t i = 0; i < rounds * PROBE_STEPS; i++) {
		UNROLL
		for (int c = 0; c < PROBE_CHAINS; c++)
			sums[c] = mmla_add(sums[c], x, w);
		/* Another x each time, or the sums would be multiplications. */
		x = veorq_u8(x, one);
	}
	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		total = vaddq_s32(total, sums[c]);
	return (float)vaddvq_s32(total);
}

const struct microkernel microkernel_int8_i8mm = {
	.name = "i8mm",
	.type = WEIGHT_INT8,
	.interleave = 8,
	.row_bytes = int8_row_bytes,
	.prepare = int8_prepare,
	.strip = strip,
	.probe = probe,
	.probe_ops = 2 * 32 * PROBE_CHAINS * PROBE_STEPS,
};
