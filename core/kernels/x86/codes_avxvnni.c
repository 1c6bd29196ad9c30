/* 8-bit and 4-bit weights with the 256-bit vpdpbusd of AVX-VNNI (client CPUs
 * without AVX-512). See codes_avx512vnni.c for the signs. */
#include "core/kernels/x86/codes_256.h"

typedef __m256i dot_nibbles;

enum { DOT_INTERLEAVE = 4, DOT_VALUE_BYTES = 1, DOT_HEADER = 64 };

#define CODES_NAME "avxvnni"
#define NAME(type) microkernel_##type##_avxvnni

static ALWAYS_INLINE dot_acc codes_put(unsigned char *out, vec v)
{
	__m256i codes = _mm256_cvtps_epi32(v);
	__m128i words =
		_mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));

	_mm_storel_epi64((__m128i *)(void *)out, _mm_packs_epi16(words, words));
	return codes;
}

static ALWAYS_INLINE dot_raw dot_load(const unsigned char *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static ALWAYS_INLINE dot_nibbles codes_load_nibbles(const unsigned char *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static ALWAYS_INLINE dot_raw codes_low(dot_nibbles w)
{
	return _mm256_and_si256(w, _mm256_set1_epi8(15));
}

static ALWAYS_INLINE dot_raw codes_high(dot_nibbles w)
{
	return _mm256_and_si256(_mm256_srli_epi16(w, 4), _mm256_set1_epi8(15));
}

static ALWAYS_INLINE dot_acc dot_add(dot_acc acc, dot_raw w, int32_t x)
{
	return _mm256_dpbusd_avx_epi32(acc, w, _mm256_set1_epi32(x));
}

#include "core/kernels/codes_body.h"
