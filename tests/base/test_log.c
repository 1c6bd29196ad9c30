#include "core/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	int lines;
	enum log_level level;
	char last[4096];
};

static void remember(void *ctx, enum log_level level, const char *line)
{
	struct seen *seen = ctx;

	seen->lines++;
	seen->level = level;
	snprintf(seen->last, sizeof(seen->last), "%s", line);
}

static int restore(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static void test_sink_gets_lines_at_or_above_the_level(void **state)
{
	(void)state;
	struct seen seen = {0};

	log_set_sink(remember, &seen);
	assert_int_equal(log_get_level(), LOG_LEVEL_INFO);
	log_debug("not shown");
	assert_int_equal(seen.lines, 0);
	log_info("%s is %d", "answer", 42);
	assert_int_equal(seen.lines, 1);
	assert_int_equal(seen.level, LOG_LEVEL_INFO);
	assert_string_equal(seen.last, "answer is 42");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown");
	assert_int_equal(seen.lines, 2);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("not shown");
	log_info("not shown");
	assert_int_equal(seen.lines, 2);
	log_error("shown");
	assert_int_equal(seen.lines, 3);
	assert_int_equal(seen.level, LOG_LEVEL_ERROR);
}

static void test_control_bytes_are_neutralized(void **state)
{
	(void)state;
	struct seen seen = {0};

	log_set_sink(remember, &seen);
	log_error("name '%s'", "a\nb\x1b[31mc\td\x7f");
	assert_string_equal(seen.last, "name 'a?b?[31mc?d?'");
	log_error("%s", "h\xc3\xa9 stays");
	assert_string_equal(seen.last, "h\xc3\xa9 stays");
}

static void test_long_lines_are_cut(void **state)
{
	(void)state;
	struct seen seen = {0};
	char text[8000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_set_sink(remember, &seen);
	log_error("%s", text);
	assert_int_equal(seen.lines, 1);
	assert_true(strlen(seen.last) > 1000);
	assert_true(strlen(seen.last) < 2048);
}

/* Without a sink a line goes to standard error, whole, with its level. */
static void test_standard_error_is_the_default(void **state)
{
	(void)state;
	int ends[2];
	char line[4096];

	assert_int_equal(pipe(ends), 0);
	int saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	fflush(stderr);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_warn("the %s", "reason");
	ssize_t n = read(ends[0], line, sizeof(line) - 1);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(ends[0]);
	close(ends[1]);

	assert_true(n > 0);
	line[n] = '\0';
	assert_int_equal(line[0], '[');
	assert_non_null(strstr(line, "] warning: the reason\n"));
	assert_int_equal(line[n - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_sink_gets_lines_at_or_above_the_level, restore),
		cmocka_unit_test_teardown(test_control_bytes_are_neutralized, restore),
		cmocka_unit_test_teardown(test_long_lines_are_cut, restore),
		cmocka_unit_test_teardown(test_standard_error_is_the_default, restore),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
