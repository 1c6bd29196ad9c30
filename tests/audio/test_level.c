/* The level meter on signals whose level is known. */
#include "audio/level.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%g is not %g within %g", value, expected, tolerance);
}

static void test_silence(void **state)
{
	(void)state;
	struct level level = {0};
	const float zeros[64] = {0};

	assert_near(level_rms_db(&level), LEVEL_FLOOR_DB, 0);
	level_add(&level, zeros, 64);
	assert_near(level_rms_db(&level), LEVEL_FLOOR_DB, 0);
	assert_near(level_peak_db(&level), LEVEL_FLOOR_DB, 0);
	assert_near(level_power_db(NAN), LEVEL_FLOOR_DB, 0);
}

static void test_sine(void **state)
{
	(void)state;
	struct level level = {0};

	/* In pieces of growing length: the split does not matter. */
	for (int at = 0, n = 1; at < 48000; at += n, n = n % 479 + 1) {
		float piece[480];
		for (int i = 0; i < n; i++)
			piece[i] = (float)(0.1 * sin((at + i) * 2.0 * 3.14159265358979 / 48.0));
		level_add(&level, piece, (size_t)n);
	}
	assert_near(level_rms_db(&level), -23.0103, 0.02);
	assert_near(level_peak_db(&level), -20.0, 0.01);
	level_reset(&level);
	assert_near(level_rms_db(&level), LEVEL_FLOOR_DB, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_sine),
	};

	return cmocka_run_group_tests_name("level", tests, NULL, NULL);
}
