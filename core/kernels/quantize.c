#include "core/kernels/quantize.h"

#include "core/base/half.h"
#include "core/kernels/microkernel.h"

#include <math.h>

/* Below it 127 / top would overflow; weights this small are zeros. */
static const float least_top = 0x1p-100f;

static float finite_or_zero(float x)
{
	return isfinite(x) ? x : 0.0f;
}

/* The value of largest magnitude, with its sign. */
static float top_value(const float *w, size_t n)
{
	float top = 0.0f;

	for (size_t i = 0; i < n; i++) {
		float x = finite_or_zero(w[i]);
		if (fabsf(x) > fabsf(top))
			top = x;
	}
	return fabsf(top) < least_top ? 0.0f : top;
}

/* Nearest integer, ties to even, for |x| < 2^22, without a call of rintf that
 * would keep the loops from being vectorized. */
static float round_even(float x)
{
	const float shift = 0x1.8p23f;

	return (x + shift) - shift;
}

static int8_t code_of(float x, float inverse, float low, float high)
{
	float code = finite_or_zero(x) * inverse;

	code = code < low ? low : code;
	return (int8_t)round_even(code > high ? high : code);
}

void quantize_int8(const float *w, size_t k, int8_t *codes, float *scale)
{
	float top = fabsf(top_value(w, k));
	float inverse = top > 0.0f ? 127.0f / top : 0.0f;

	*scale = top / 127.0f;
	for (size_t i = 0; i < k; i++)
		codes[i] = code_of(w[i], inverse, -127.0f, 127.0f);
}

/* Squared error of a whole group with this step; leaves its codes. Both loops are
 * of a fixed length and in independent lanes, so that they become vectors. */
static float try_step(const float *w, float step, float *codes)
{
	enum { LANES = 8 };
	float inverse = step != 0.0f ? 1.0f / step : 0.0f, errors[LANES] = {0}, sum = 0.0f;

	for (size_t i = 0; i < GROUP; i++) {
		float code = w[i] * inverse;
		code = code < -8.0f ? -8.0f : code;
		codes[i] = round_even(code > 7.0f ? 7.0f : code);
	}
	for (size_t i = 0; i < GROUP; i += LANES) {
		for (size_t lane = 0; lane < LANES; lane++) {
			float d = w[i + lane] - codes[i + lane] * step;
			errors[lane] += d * d;
		}
	}
	for (size_t lane = 0; lane < LANES; lane++)
		sum += errors[lane];
	return sum;
}

/* The steps that are tried bring the largest value to -8, beyond it (it is then
 * clipped) or short of it, as may serve the other 31 better. */
static void quantize_group(const float *w, size_t n, float scale, int8_t *codes, uint16_t *factor)
{
	static const float tops[] = {-8.0f, -8.4f, -8.8f, -7.5f, -7.0f};
	float values[GROUP] = {0}, rounded[GROUP];
	float top = top_value(w, n), best = INFINITY;

	*factor = 0;
	for (size_t i = 0; i < n; i++)
		values[i] = finite_or_zero(w[i]);
	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		uint16_t half = half_narrow_f16(scale > 0.0f ? top / tops[i] / scale : 0.0f);
		float error = try_step(values, half_widen_f16(half) * scale, rounded);

		if (error < best) {
			best = error;
			*factor = half;
		}
	}
	(void)try_step(values, half_widen_f16(*factor) * scale, rounded);
	for (size_t i = 0; i < n; i++)
		codes[i] = (int8_t)rounded[i];
}

void quantize_int4(const float *w, size_t k, int8_t *codes, uint16_t *factors, float *scale)
{
	*scale = fabsf(top_value(w, k)) / 7.0f;
	for (size_t i = 0; i < k; i += GROUP) {
		size_t n = k - i < GROUP ? k - i : GROUP;
		quantize_group(w + i, n, *scale, codes + i, &factors[i / GROUP]);
	}
}

void dequantize_int8(const int8_t *codes, size_t k, float scale, float *w)
{
	for (size_t i = 0; i < k; i++)
		w[i] = (float)codes[i] * scale;
}

void dequantize_int4(const int8_t *codes, size_t k, const uint16_t *factors, float scale, float *w)
{
	for (size_t i = 0; i < k; i++)
		w[i] = (float)codes[i] * half_widen_f16(factors[i / GROUP]) * scale;
}
