/* Quantiles to within a bucket, over twelve decades. */
#include "daemon/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_near(double value, double wanted)
{
	if (fabs(value - wanted) > wanted / 16) {
		print_error("%g is not near %g\n", value, wanted);
		fail();
	}
}

static void test_empty(void **state)
{
	(void)state;
	static struct histogram histogram;

	assert_int_equal(histogram_count(&histogram), 0);
	assert_true(histogram_quantile_ms(&histogram, 0.5) == 0);
}

static void test_single(void **state)
{
	(void)state;
	for (double ns = 1; ns < 1e12; ns *= 1.7) {
		struct histogram histogram = {0};

		histogram_add(&histogram, (uint64_t)ns);
		assert_near(histogram_quantile_ms(&histogram, 0.5) * 1e6 + 1e-9, floor(ns) + 1e-9);
		assert_int_equal(histogram_count(&histogram), 1);
	}
}

static void test_quantiles(void **state)
{
	(void)state;
	static struct histogram histogram;

	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&histogram, i * 1000000);
	assert_near(histogram_quantile_ms(&histogram, 0.5), 500);
	assert_near(histogram_quantile_ms(&histogram, 0.99), 990);
	assert_near(histogram_quantile_ms(&histogram, 0), 1);
	assert_near(histogram_quantile_ms(&histogram, 1), 1000);
	/* Beyond the range: the last bucket, no crash. */
	histogram_add(&histogram, UINT64_MAX);
	assert_int_equal(histogram_count(&histogram), 1001);
	assert_true(histogram_quantile_ms(&histogram, 1) > 1e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_quantiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
