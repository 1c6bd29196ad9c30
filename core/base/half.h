/*
 * The two 16-bit floats. Widening is exact by construction and does not depend
 * on the thread's denormal mode: no intermediate float is subnormal. Narrowing
 * rounds to nearest, ties to even; what is too large becomes an infinity.
 */
#ifndef HEARD_BASE_HALF_H
#define HEARD_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_float_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint32_t half_bits_of_float(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float half_widen_bf16(uint16_t half)
{
	return half_float_of_bits((uint32_t)half << 16);
}

/* A normal half is its bits moved up with the exponent rebiased by 112, an
 * infinity or NaN rebiased by 224. A subnormal half m stands for m * 2^-24:
 * put m into the low bits of 0.5 and take 0.5 off again, which is exact. */
static inline float half_widen_f16(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	uint32_t magnitude = half & 0x7fff;
	uint32_t rebias = magnitude >= 0x7c00 ? 224u << 23 : 112u << 23;
	float small = half_float_of_bits(0x3f000000 | magnitude) - 0.5f;
	uint32_t bits = magnitude < 0x0400 ? half_bits_of_float(small) : (magnitude << 13) + rebias;

	return half_float_of_bits(sign | bits);
}

/* The rounding carries into the exponent by itself; a NaN stays one. */
static inline uint16_t half_narrow_bf16(float value)
{
	uint32_t bits = half_bits_of_float(value);

	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Below the smallest normal half, 2^-14, the spacing is 2^-24: adding 0.5 rounds
 * to it. */
static inline uint16_t half_narrow_f16(float value)
{
	uint32_t bits = half_bits_of_float(value);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);

	bits &= 0x7fffffff;
	if (bits > 0x7f800000)
		return sign | 0x7e00;
	if (bits >= 0x477ff000) /* 65520 and above */
		return sign | 0x7c00;
	if (bits < 0x38800000) {
		uint32_t small = half_bits_of_float(half_float_of_bits(bits) + 0.5f);
		return sign | (uint16_t)(small - 0x3f000000);
	}
	return sign | (uint16_t)((bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13);
}

#endif
