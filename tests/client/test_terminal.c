/* Widths, cleaning and wrapping of text. */
#include "client/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	terminal_init();
	return 0;
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(terminal_width("", 0), 0);
	assert_int_equal(terminal_width("abc", 3), 3);
	assert_int_equal(terminal_width("\xc3\xa9", 2), 1);
	assert_int_equal(terminal_width("e\xcc\x81", 3), 1);
	assert_int_equal(terminal_width("\xe8\xaf\xad\xe9\x9f\xb3", 6), 4);
	assert_int_equal(terminal_width("\xff\xfe", 2), 2);
}

static void assert_cleans(const char *text, size_t size, const char *wanted)
{
	char out[64];

	assert_int_equal(terminal_clean(text, out, size), strlen(wanted));
	assert_string_equal(out, wanted);
}

static void test_clean(void **state)
{
	(void)state;
	assert_cleans("a\x1b[2Jb\nc\x7f", 64, "a [2Jb c ");
	assert_cleans("\xc2\x9b"
		      "1m",
		      64, " 1m");
	assert_cleans("a\xff\xc3", 64, "a??");
	assert_cleans("\xe8\xaf\xad\xe9\x9f\xb3", 7, "\xe8\xaf\xad\xe9\x9f\xb3");
	assert_cleans("\xe8\xaf\xad\xe9\x9f\xb3", 6, "\xe8\xaf\xad");
	assert_cleans("abc", 1, "");

	char text[] = "a\x1b"
		      "b";
	terminal_clean(text, text, sizeof(text));
	assert_string_equal(text, "a b");
}

static void assert_wraps(const char *text, size_t columns, size_t n, const char *const *wanted)
{
	struct terminal_row rows[8];

	assert_int_equal(terminal_wrap(text, strlen(text), columns, rows, 8), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].end - rows[i].start, strlen(wanted[i]));
		assert_memory_equal(text + rows[i].start, wanted[i], strlen(wanted[i]));
		assert_int_equal(rows[i].width, terminal_width(wanted[i], strlen(wanted[i])));
		assert_true(rows[i].width <= (columns < 2 ? 2 : columns));
	}
}

static void test_wrap(void **state)
{
	(void)state;
	assert_wraps("", 5, 1, (const char *[]){""});
	assert_wraps("abc", 5, 1, (const char *[]){"abc"});
	assert_wraps("abcde", 5, 1, (const char *[]){"abcde"});
	assert_wraps("abcde f", 5, 2, (const char *[]){"abcde", "f"});
	assert_wraps("abc def ghi", 7, 2, (const char *[]){"abc def", "ghi"});
	assert_wraps("abc def ghi", 6, 3, (const char *[]){"abc", "def", "ghi"});
	assert_wraps("abcdefgh", 3, 3, (const char *[]){"abc", "def", "gh"});
	assert_wraps("a bcdefg", 4, 3, (const char *[]){"a", "bcde", "fg"});
	assert_wraps("\xe8\xaf\xad\xe9\x9f\xb3", 3, 2,
		     (const char *[]){"\xe8\xaf\xad", "\xe9\x9f\xb3"});
	assert_wraps("\xe8\xaf\xad", 1, 1, (const char *[]){"\xe8\xaf\xad"});

	struct terminal_row row;
	assert_int_equal(terminal_wrap("a b c", 5, 2, &row, 1), 3);
	assert_int_equal(row.end, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_wrap),
	};
	return cmocka_run_group_tests_name("terminal", tests, setup, NULL);
}
