#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"
#include "core/kernels/roofline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_measures_something(void **state)
{
	struct roofline *roofline;
	struct pool *pool;

	(void)state;
	roofline_destroy(NULL);
	assert_int_equal(pool_create(2, &pool), 0);
	assert_int_equal(roofline_create(kernels_get(), pool, &roofline), 0);
	assert_true(roofline_gflops(roofline) == 0.0);
	assert_true(roofline_read_gbs(roofline) == 0.0);
	roofline_measure(roofline);
	double gflops = roofline_gflops(roofline), read_gbs = roofline_read_gbs(roofline);
	assert_true(gflops > 0.0);
	assert_true(read_gbs > 0.0);
	for (int type = WEIGHT_F32; type < WEIGHT_TYPES; type++)
		assert_true(roofline_gops(roofline, (enum weight_type)type) > 0.0);
	assert_true(roofline_gops(roofline, WEIGHT_F32) == gflops);
	/* The best is kept. */
	roofline_measure(roofline);
	assert_true(roofline_gflops(roofline) >= gflops);
	assert_true(roofline_read_gbs(roofline) >= read_gbs);
	roofline_destroy(roofline);
	pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_measures_something)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
