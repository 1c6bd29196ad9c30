/* See vec.h. */
#ifndef HEARD_KERNELS_VEC_AVX512_H
#define HEARD_KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m512 vec;

enum { VEC = 16 };

#define TILE_ROWS   8
#define TILE_PANELS 2

static ALWAYS_INLINE vec vec_all(float x)
{
	return _mm512_set1_ps(x);
}

static ALWAYS_INLINE vec vec_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

static ALWAYS_INLINE vec vec_load_f16(const uint16_t *p)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static ALWAYS_INLINE vec vec_load_bf16(const uint16_t *p)
{
	__m256i halves = _mm256_loadu_si256((const __m256i *)(const void *)p);
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

static ALWAYS_INLINE void vec_store(float *p, vec v)
{
	_mm512_storeu_ps(p, v);
}

static ALWAYS_INLINE __mmask16 vec_first(size_t n)
{
	return (__mmask16)(n >= VEC ? 0xffffu : (1u << n) - 1);
}

static ALWAYS_INLINE vec vec_load_some(const float *p, size_t n)
{
	return _mm512_maskz_loadu_ps(vec_first(n), p);
}

static ALWAYS_INLINE void vec_store_some(float *p, vec v, size_t n)
{
	_mm512_mask_storeu_ps(p, vec_first(n), v);
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
	return _mm512_add_ps(a, b);
}

static ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
	return _mm512_sub_ps(a, b);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
	return _mm512_mul_ps(a, b);
}

static ALWAYS_INLINE vec vec_div(vec a, vec b)
{
	return _mm512_div_ps(a, b);
}

static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
	return _mm512_max_ps(a, b);
}

static ALWAYS_INLINE vec vec_min(vec a, vec b)
{
	return _mm512_min_ps(a, b);
}

static ALWAYS_INLINE vec vec_abs(vec a)
{
	return _mm512_abs_ps(a);
}

static ALWAYS_INLINE vec vec_round(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static ALWAYS_INLINE vec vec_scale(vec a, vec n)
{
	return _mm512_scalef_ps(a, n);
}

static ALWAYS_INLINE vec vec_if_less(vec a, vec b, vec x, vec y)
{
	return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}

static ALWAYS_INLINE float vec_sum(vec a)
{
	return _mm512_reduce_add_ps(a);
}

static ALWAYS_INLINE float vec_top(vec a)
{
	return _mm512_reduce_max_ps(a);
}

static ALWAYS_INLINE void vec_prefetch(const void *p)
{
	_mm_prefetch((const char *)p, _MM_HINT_T1);
}

#endif
