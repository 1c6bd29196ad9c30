/* Words shown and words taken back. */
#include "core/decode/flicker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_counts(const struct flicker *flicker, uint64_t shown, uint64_t revised)
{
	assert_int_equal(flicker->shown, shown);
	assert_int_equal(flicker->revised, revised);
}

static void test_growth(void **state)
{
	(void)state;
	struct flicker flicker = {0};

	flicker_partial(&flicker, "", "HE");
	assert_counts(&flicker, 1, 0);
	flicker_partial(&flicker, "", "HELLO WO");
	assert_counts(&flicker, 2, 0);
	flicker_partial(&flicker, "HELLO WO", "RLD");
	assert_counts(&flicker, 2, 0);
	flicker_partial(&flicker, "HELLO WORLD", "");
	flicker_final(&flicker, "HELLO WORLD");
	assert_counts(&flicker, 2, 0);
}

static void test_revision(void **state)
{
	(void)state;
	struct flicker flicker = {0};

	flicker_partial(&flicker, "THE", " CAT SAT");
	assert_counts(&flicker, 2, 0);
	flicker_partial(&flicker, "THE", " BAT SAT DOWN");
	assert_counts(&flicker, 4, 1); /* BAT and DOWN are new */
	flicker_partial(&flicker, "THE BAT", " SAT");
	assert_counts(&flicker, 4, 2); /* DOWN went away */
	flicker_final(&flicker, "THE BAT SITS");
	assert_counts(&flicker, 4, 3);
	flicker_final(&flicker, "NOTHING WAS SHOWN OF THIS");
	assert_counts(&flicker, 4, 3);
}

static void test_stable_is_not_counted(void **state)
{
	(void)state;
	struct flicker flicker = {0};

	flicker_partial(&flicker, "ONE TWO THREE", "");
	flicker_final(&flicker, "SOMETHING ELSE");
	assert_counts(&flicker, 0, 0);
}

static void test_long_text(void **state)
{
	(void)state;
	struct flicker flicker = {0};
	char text[40000];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 5 == 4 ? ' ' : 'A';
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		flicker_partial(&flicker, text, text);
		flicker_partial(&flicker, "", text);
	}
	flicker_final(&flicker, text);
	assert_true(strlen(flicker.last) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_revision),
		cmocka_unit_test(test_stable_is_not_counted),
		cmocka_unit_test(test_long_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
