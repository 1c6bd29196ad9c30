/*
 * 8-bit and 4-bit weights with AVX-512 VNNI: vpdpbusd multiplies four unsigned
 * by four signed bytes in each of 16 columns. The activations are the signed
 * ones, since they are what is broadcast; weights are stored as code + 128, and
 * every sum starts at -128 times the sum of its row's codes.
 */
#include "core/kernels/vec.h"

#include <stdint.h>

typedef __m512i dot_acc;
typedef __m512i dot_raw;
typedef __m512i dot_nibbles;

enum { DOT_INTERLEAVE = 4, DOT_VALUE_BYTES = 1, DOT_HEADER = 64 };

#define DOT_ROWS        8
#define DOT_PANELS      2
#define CODES_INT4_ROWS 8
#define CODES_NAME      "avx512vnni"
#define CODES_OFFSET    128
#define NAME(type)      microkernel_##type##_avx512vnni

static ALWAYS_INLINE dot_acc codes_all(int32_t x)
{
	return _mm512_set1_epi32(x);
}

static ALWAYS_INLINE dot_acc codes_add(dot_acc a, dot_acc b)
{
	return _mm512_add_epi32(a, b);
}

static ALWAYS_INLINE int32_t codes_sum(dot_acc a)
{
	return _mm512_reduce_add_epi32(a);
}

static ALWAYS_INLINE vec codes_float(dot_acc a)
{
	return _mm512_cvtepi32_ps(a);
}

static ALWAYS_INLINE dot_acc codes_put(unsigned char *out, vec v)
{
	__m512i codes = _mm512_cvtps_epi32(v);

	_mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtepi32_epi8(codes));
	return codes;
}

static ALWAYS_INLINE dot_raw dot_load(const unsigned char *p)
{
	return _mm512_loadu_si512(p);
}

static ALWAYS_INLINE dot_nibbles codes_load_nibbles(const unsigned char *p)
{
	return _mm512_loadu_si512(p);
}

static ALWAYS_INLINE dot_raw codes_low(dot_nibbles w)
{
	return _mm512_and_si512(w, _mm512_set1_epi8(15));
}

static ALWAYS_INLINE dot_raw codes_high(dot_nibbles w)
{
	return _mm512_and_si512(_mm512_srli_epi16(w, 4), _mm512_set1_epi8(15));
}

/* Not the intrinsic: gcc 12 gives its result another register than its sum and
 * copies all sixteen of them back in every step. */
static ALWAYS_INLINE dot_acc dot_add(dot_acc acc, dot_raw w, int32_t x)
{
	__asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(w), "v"(_mm512_set1_epi32(x)));
	return acc;
}

#include "core/kernels/codes_body.h"
