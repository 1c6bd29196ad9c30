/*
 * 8-bit and 4-bit weights with AVX2 alone. vpmaddubsw would saturate its 16-bit
 * sums of two products (2 * 255 * 127), so both sides are widened to 16 bits and
 * multiplied by vpmaddwd, which is exact: the weights when they are loaded, once
 * for six rows, the activations when they are prepared. A step is two k.
 */
#include "core/kernels/x86/codes_256.h"

typedef __m128i dot_nibbles;

enum { DOT_INTERLEAVE = 2, DOT_VALUE_BYTES = 1, DOT_HEADER = 64 };

#define CODES_NAME "avx2"
#define NAME(type) microkernel_##type##_avx2

static ALWAYS_INLINE dot_acc codes_put(unsigned char *out, vec v)
{
	__m256i codes = _mm256_cvtps_epi32(v);
	__m128i words =
		_mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));

	_mm_storeu_si128((__m128i *)(void *)out, words);
	return codes;
}

static ALWAYS_INLINE dot_nibbles codes_load_nibbles(const unsigned char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static ALWAYS_INLINE dot_raw dot_load(const unsigned char *p)
{
	return _mm256_cvtepu8_epi16(codes_load_nibbles(p));
}

static ALWAYS_INLINE dot_raw codes_low(dot_nibbles w)
{
	return _mm256_cvtepu8_epi16(_mm_and_si128(w, _mm_set1_epi8(15)));
}

static ALWAYS_INLINE dot_raw codes_high(dot_nibbles w)
{
	return _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(w, 4), _mm_set1_epi8(15)));
}

static ALWAYS_INLINE dot_acc dot_add(dot_acc acc, dot_raw w, int32_t x)
{
	return _mm256_add_epi32(acc, _mm256_madd_epi16(w, _mm256_set1_epi32(x)));
}

#include "core/kernels/codes_body.h"
