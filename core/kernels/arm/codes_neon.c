/*
 * 8-bit and 4-bit weights with NEON alone. Products of bytes are 16 bits wide;
 * neighbours are added as such, which no codes can overflow (2 * 127 * 127), and
 * these pairs are added to the sums of 32 bits. On a Cortex-A72 the two
 * multiplications, which only one of its two pipelines does, set the pace.
 */
#include "core/kernels/arm/codes_neon.h"

#define CODES_NAME "neon"
#define NAME(type) microkernel_##type##_neon

/* 24 sums, four of weights, one of activations, two of products. */
#define DOT_ROWS        6
#define CODES_INT4_ROWS 2

static ALWAYS_INLINE dot_acc dot_add(dot_acc acc, dot_raw w, int32_t x)
{
	int8x16_t four = vreinterpretq_s8_s32(vdupq_n_s32(x));
	int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(four));
	int16x8_t high = vmull_high_s8(w, four);

	return vpadalq_s16(acc, vpaddq_s16(low, high));
}

#include "core/kernels/codes_body.h"
