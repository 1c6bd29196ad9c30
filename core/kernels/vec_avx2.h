/* See vec.h. */
#ifndef HEARD_KERNELS_VEC_AVX2_H
#define HEARD_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m256 vec;

enum { VEC = 8 };

#define TILE_ROWS   6
#define TILE_PANELS 1

static ALWAYS_INLINE vec vec_all(float x)
{
	return _mm256_set1_ps(x);
}

static ALWAYS_INLINE vec vec_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

static ALWAYS_INLINE vec vec_load_f16(const uint16_t *p)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static ALWAYS_INLINE vec vec_load_bf16(const uint16_t *p)
{
	__m128i halves = _mm_loadu_si128((const __m128i *)(const void *)p);
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

static ALWAYS_INLINE void vec_store(float *p, vec v)
{
	_mm256_storeu_ps(p, v);
}

static ALWAYS_INLINE __m256i vec_first(size_t n)
{
	const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lanes);
}

static ALWAYS_INLINE vec vec_load_some(const float *p, size_t n)
{
	return n >= VEC ? vec_load(p) : _mm256_maskload_ps(p, vec_first(n));
}

static ALWAYS_INLINE void vec_store_some(float *p, vec v, size_t n)
{
	if (n >= VEC)
		vec_store(p, v);
	else
		_mm256_maskstore_ps(p, vec_first(n), v);
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
	return _mm256_add_ps(a, b);
}

static ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
	return _mm256_sub_ps(a, b);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
	return _mm256_mul_ps(a, b);
}

static ALWAYS_INLINE vec vec_div(vec a, vec b)
{
	return _mm256_div_ps(a, b);
}

static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
	return _mm256_max_ps(a, b);
}

static ALWAYS_INLINE vec vec_min(vec a, vec b)
{
	return _mm256_min_ps(a, b);
}

static ALWAYS_INLINE vec vec_abs(vec a)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

static ALWAYS_INLINE vec vec_round(vec a)
{
	return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static ALWAYS_INLINE vec vec_scale(vec a, vec n)
{
	__m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
	return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}

static ALWAYS_INLINE vec vec_if_less(vec a, vec b, vec x, vec y)
{
	return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

static ALWAYS_INLINE float vec_sum(vec a)
{
	__m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
	half = _mm_add_ps(half, _mm_movehl_ps(half, half));
	return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

static ALWAYS_INLINE float vec_top(vec a)
{
	__m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
	half = _mm_max_ps(half, _mm_movehl_ps(half, half));
	return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

static ALWAYS_INLINE void vec_prefetch(const void *p)
{
	_mm_prefetch((const char *)p, _MM_HINT_T1);
}

#endif
