/* See vec.h. */
#ifndef HEARD_KERNELS_VEC_NEON_H
#define HEARD_KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

typedef float32x4_t vec;

enum { VEC = 4 };

#define TILE_ROWS   5
#define TILE_PANELS 1

static ALWAYS_INLINE vec vec_all(float x)
{
	return vdupq_n_f32(x);
}

static ALWAYS_INLINE vec vec_load(const float *p)
{
	return vld1q_f32(p);
}

static ALWAYS_INLINE vec vec_load_f16(const uint16_t *p)
{
	return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

static ALWAYS_INLINE vec vec_load_bf16(const uint16_t *p)
{
	return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}

static ALWAYS_INLINE void vec_store(float *p, vec v)
{
	vst1q_f32(p, v);
}

static ALWAYS_INLINE vec vec_load_some(const float *p, size_t n)
{
	float32x4_t v = vdupq_n_f32(0.0f);

	if (n >= VEC)
		return vec_load(p);
	if (n > 0)
		v = vld1q_lane_f32(p, v, 0);
	if (n > 1)
		v = vld1q_lane_f32(p + 1, v, 1);
	if (n > 2)
		v = vld1q_lane_f32(p + 2, v, 2);
	return v;
}

static ALWAYS_INLINE void vec_store_some(float *p, vec v, size_t n)
{
	if (n >= VEC) {
		vec_store(p, v);
		return;
	}
	if (n > 0)
		vst1q_lane_f32(p, v, 0);
	if (n > 1)
		vst1q_lane_f32(p + 1, v, 1);
	if (n > 2)
		vst1q_lane_f32(p + 2, v, 2);
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
	return vaddq_f32(a, b);
}

static ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
	return vsubq_f32(a, b);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
	return vmulq_f32(a, b);
}

static ALWAYS_INLINE vec vec_div(vec a, vec b)
{
	return vdivq_f32(a, b);
}

static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
	return vfmaq_f32(c, a, b);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
	return vmaxq_f32(a, b);
}

static ALWAYS_INLINE vec vec_min(vec a, vec b)
{
	return vminq_f32(a, b);
}

static ALWAYS_INLINE vec vec_abs(vec a)
{
	return vabsq_f32(a);
}

static ALWAYS_INLINE vec vec_round(vec a)
{
	return vrndnq_f32(a);
}

/* Of whole numbers. */
static ALWAYS_INLINE int32x4_t vec_to_int(vec a)
{
	return vcvtq_s32_f32(a);
}

static ALWAYS_INLINE vec vec_scale(vec a, vec n)
{
	int32x4_t exponent = vaddq_s32(vec_to_int(n), vdupq_n_s32(127));
	return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}

static ALWAYS_INLINE vec vec_if_less(vec a, vec b, vec x, vec y)
{
	return vbslq_f32(vcltq_f32(a, b), x, y);
}

static ALWAYS_INLINE float vec_sum(vec a)
{
	return vaddvq_f32(a);
}

static ALWAYS_INLINE float vec_top(vec a)
{
	return vmaxvq_f32(a);
}

static ALWAYS_INLINE void vec_prefetch(const void *p)
{
	__builtin_prefetch(p, 0, 2);
}

#endif
