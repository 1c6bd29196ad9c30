/* What the two 256-bit versions of the integer microkernels share. Columns come
 * in two vectors of eight. Included before their dot_load and dot_add. */
#include "core/kernels/vec.h"

#include <stdint.h>

typedef __m256i dot_acc;
typedef __m256i dot_raw;

/* Two vectors a panel: twelve sums, two of weights, one of activations. */
#define DOT_ROWS        6
#define DOT_PANELS      1
#define CODES_INT4_ROWS 3
#define CODES_OFFSET    128

static ALWAYS_INLINE dot_acc codes_all(int32_t x)
{
	return _mm256_set1_epi32(x);
}

static ALWAYS_INLINE dot_acc codes_add(dot_acc a, dot_acc b)
{
	return _mm256_add_epi32(a, b);
}

static ALWAYS_INLINE int32_t codes_sum(dot_acc a)
{
	__m128i four = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
	__m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));

	return _mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1);
}

static ALWAYS_INLINE vec codes_float(dot_acc a)
{
	return _mm256_cvtepi32_ps(a);
}
