#include "core/decode/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct endpoint_rules rules = {
	.silence_no_text = 5.0, .silence_text = 0.6, .max_length = 20.0};

static enum endpoint_rule check(size_t frames, size_t trailing, int has_text)
{
	return endpoint_check(&rules, frames, trailing, has_text, 320.0 / 16000.0);
}

static void test_rules(void **state)
{
	(void)state;
	assert_int_equal(check(0, 0, 0), ENDPOINT_NONE);
	assert_int_equal(check(100, 29, 1), ENDPOINT_NONE);
	assert_int_equal(check(100, 30, 1), ENDPOINT_SILENCE_TEXT);
	assert_int_equal(check(249, 249, 0), ENDPOINT_NONE);
	assert_int_equal(check(250, 250, 0), ENDPOINT_SILENCE_NO_TEXT);
	assert_int_equal(check(999, 3, 1), ENDPOINT_NONE);
	assert_int_equal(check(1000, 3, 1), ENDPOINT_MAX_LENGTH);
	assert_int_equal(check(1000, 40, 1), ENDPOINT_SILENCE_TEXT);
}

static void test_off(void **state)
{
	const struct endpoint_rules off = {0};

	(void)state;
	assert_int_equal(endpoint_check(&off, 1000000, 1000000, 0, 0.02), ENDPOINT_NONE);
	assert_int_equal(endpoint_check(&off, 1000000, 1000, 1, 0.02), ENDPOINT_NONE);
}

/* A limit of k frames is met at k frames and not at k - 1, for every k and usual hop. */
static void test_exact_frames(void **state)
{
	static const int hops[] = {160, 320, 640};

	(void)state;
	for (size_t h = 0; h < 3; h++) {
		double frame_seconds = hops[h] / 16000.0;

		for (size_t k = 2; k < 5000; k++) {
			struct endpoint_rules r = {.silence_text =
							   (double)(k * (size_t)hops[h]) / 16000.0};

			assert_int_equal(endpoint_check(&r, 9999, k - 1, 1, frame_seconds),
					 ENDPOINT_NONE);
			assert_int_equal(endpoint_check(&r, 9999, k, 1, frame_seconds),
					 ENDPOINT_SILENCE_TEXT);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(endpoint_rule_name(ENDPOINT_NONE), "none");
	assert_string_equal(endpoint_rule_name(ENDPOINT_SILENCE_NO_TEXT), "silence-no-text");
	assert_string_equal(endpoint_rule_name(ENDPOINT_SILENCE_TEXT), "silence-text");
	assert_string_equal(endpoint_rule_name(ENDPOINT_MAX_LENGTH), "max-length");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_exact_frames),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
