/* What the NEON versions of the integer microkernels share. Columns come in four
 * vectors of four, and a step is four k: 16 bytes of a panel are one vector.
 * Included before their dot_add. */
#include "core/kernels/microkernel.h"
#include "core/kernels/vec.h"

#include <stdint.h>

typedef int32x4_t dot_acc;
typedef int8x16_t dot_raw;
typedef uint8x16_t dot_nibbles;

enum { DOT_INTERLEAVE = 4, DOT_VALUE_BYTES = 1, DOT_HEADER = 64 };

#define DOT_PANELS   1
#define CODES_OFFSET 0

static ALWAYS_INLINE dot_acc codes_all(int32_t x)
{
	return vdupq_n_s32(x);
}

static ALWAYS_INLINE dot_acc codes_add(dot_acc a, dot_acc b)
{
	return vaddq_s32(a, b);
}

static ALWAYS_INLINE int32_t codes_sum(dot_acc a)
{
	return vaddvq_s32(a);
}

static ALWAYS_INLINE vec codes_float(dot_acc a)
{
	return vcvtq_f32_s32(a);
}

static ALWAYS_INLINE dot_acc codes_put(unsigned char *out, vec v)
{
	int32x4_t codes = vec_to_int(vec_round(v));
	int16x4_t words = vmovn_s32(codes);
	int32x2_t bytes = vreinterpret_s32_s8(vmovn_s16(vcombine_s16(words, words)));

	vst1_lane_s32((int32_t *)(void *)out, bytes, 0);
	return codes;
}

static ALWAYS_INLINE dot_raw dot_load(const unsigned char *p)
{
	return vreinterpretq_s8_u8(vld1q_u8(p));
}

static ALWAYS_INLINE dot_nibbles codes_load_nibbles(const unsigned char *p)
{
	return vld1q_u8(p);
}

static ALWAYS_INLINE dot_raw codes_low(dot_nibbles w)
{
	return vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15)));
}

static ALWAYS_INLINE dot_raw codes_high(dot_nibbles w)
{
	return vreinterpretq_s8_u8(vshrq_n_u8(w, 4));
}
