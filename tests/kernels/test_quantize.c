/* Weights as codes and halves: the error is no larger than the header says. */
#include "core/base/half.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/quantize.h"
#include "tests/kernels/guarded.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_quantize_int8(void **state)
{
	enum { K = 1000 };
	float w[K], back[K], scale;
	int8_t codes[K];

	(void)state;
	random_seed(5);
	for (size_t k = 1; k < K; k += 37) {
		float top = 0.0f;

		for (size_t i = 0; i < k; i++) {
			w[i] = 0.02f * random_float();
			top = fabsf(w[i]) > top ? fabsf(w[i]) : top;
		}
		quantize_int8(w, k, codes, &scale);
		dequantize_int8(codes, k, scale, back);
		for (size_t i = 0; i < k; i++) {
			assert_in_range(codes[i] + 127, 0, 254);
			assert_true(fabsf(back[i] - w[i]) <= 0.5001f * scale);
		}
		assert_true(fabsf(scale * 127.0f - top) <= 1e-6f * top);
	}
	w[0] = NAN;
	w[1] = INFINITY;
	w[2] = 1.0f;
	quantize_int8(w, 3, codes, &scale);
	assert_int_equal(codes[0], 0);
	assert_int_equal(codes[1], 0);
	assert_int_equal(codes[2], 127);
	memset(w, 0, sizeof(w));
	w[1] = FLT_TRUE_MIN;
	quantize_int8(w, K, codes, &scale);
	assert_true(scale == 0.0f);
	for (size_t i = 0; i < K; i++)
		assert_int_equal(codes[i], 0);
}

static void test_quantize_int4(void **state)
{
	enum { K = 1000 };
	float w[K], back[K], scale;
	int8_t codes[K];
	uint16_t factors[K / GROUP + 1];

	(void)state;
	random_seed(6);
	for (size_t k = 1; k < K; k += 37) {
		for (size_t i = 0; i < k; i++)
			w[i] = (i / GROUP % 3 == 1 ? 0.0003f : 0.02f) * random_float();
		quantize_int4(w, k, codes, factors, &scale);
		dequantize_int4(codes, k, factors, scale, back);
		for (size_t first = 0; first < k; first += GROUP) {
			size_t n = k - first < GROUP ? k - first : GROUP;
			double error = 0.0, plain = 0.0, top = 0.0;

			for (size_t i = first; i < first + n; i++)
				top = fabs((double)w[i]) > top ? fabs((double)w[i]) : top;
			for (size_t i = first; i < first + n; i++) {
				double d = (double)back[i] - w[i], step = top / 7.0;
				double e = step > 0 ? w[i] - step * rint(w[i] / step) : 0.0;
				assert_in_range(codes[i] + 8, 0, 15);
				error += d * d;
				plain += e * e;
			}
			/* No worse than the plain symmetric step, but for the
			 * rounding of the factor. */
			assert_true(error <= 1.05 * plain + 1e-5 * top * top);
		}
	}
	memset(w, 0, sizeof(w));
	quantize_int4(w, K, codes, factors, &scale);
	dequantize_int4(codes, K, factors, scale, back);
	for (size_t i = 0; i < K; i++)
		assert_true(back[i] == 0.0f);
}

static void test_halves(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x10000; h++) {
		float f = half_widen_f16((uint16_t)h), b = half_widen_bf16((uint16_t)h);

		if (isnan(f))
			assert_true(isnan(half_widen_f16(half_narrow_f16(f))));
		else
			assert_int_equal(half_narrow_f16(f), h);
		if (isnan(b))
			assert_true(isnan(half_widen_bf16(half_narrow_bf16(b))));
		else
			assert_int_equal(half_narrow_bf16(b), h);
		/* Between two neighbours: to the even one. */
		if ((h & 0x7fff) < 0x7bff) {
			float middle = 0.5f * (f + half_widen_f16((uint16_t)(h + 1)));
			assert_int_equal(half_narrow_f16(middle), h + (h & 1));
		}
	}
	assert_int_equal(half_narrow_f16(65519.0f), 0x7bff);
	assert_int_equal(half_narrow_f16(-65520.0f), 0xfc00);
	assert_int_equal(half_narrow_bf16(FLT_MAX), 0x7f80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_quantize_int8),
		cmocka_unit_test(test_quantize_int4),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
