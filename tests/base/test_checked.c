#include "core/base/checked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_add(void **state)
{
	(void)state;
	size_t out = 7;

	assert_true(checked_add(2, 3, &out));
	assert_int_equal(out, 5);
	assert_true(checked_add(SIZE_MAX, 0, &out));
	assert_true(out == SIZE_MAX);
	assert_false(checked_add(SIZE_MAX, 1, &out));
	assert_false(checked_add(SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, &out));
}

static void test_mul(void **state)
{
	(void)state;
	size_t out = 7;

	assert_true(checked_mul(6, 7, &out));
	assert_int_equal(out, 42);
	assert_true(checked_mul(SIZE_MAX, 0, &out));
	assert_int_equal(out, 0);
	assert_true(checked_mul(SIZE_MAX, 1, &out));
	assert_false(checked_mul(SIZE_MAX / 2 + 1, 2, &out));
	assert_false(checked_mul(SIZE_MAX, SIZE_MAX, &out));
}

static void test_range(void **state)
{
	(void)state;

	assert_true(checked_range(0, 0, 0));
	assert_true(checked_range(0, 10, 10));
	assert_true(checked_range(10, 0, 10));
	assert_true(checked_range(3, 7, 10));
	assert_false(checked_range(3, 8, 10));
	assert_false(checked_range(11, 0, 10));
	assert_false(checked_range(SIZE_MAX, 2, 10));
	assert_false(checked_range(2, SIZE_MAX, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_mul),
		cmocka_unit_test(test_range),
	};
	return cmocka_run_group_tests_name("checked", tests, NULL, NULL);
}
