/* heard.conf and the command line: one table, errors with their line. */
#include "daemon/config.h"
#include "daemon/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char logged[4096];

static void collect(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 2);
	strcat(logged, "\n");
}

static int read_bytes(const char *bytes, size_t n, struct settings *settings)
{
	char path[] = "/tmp/heard-test-config-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
	logged[0] = '\0';
	settings_init(settings);
	int err = config_read(path, settings);
	unlink(path);
	return err;
}

static int read_text(const char *text, struct settings *settings)
{
	return read_bytes(text, strlen(text), settings);
}

static void assert_wrong(const char *text, const char *want)
{
	struct settings settings;

	assert_int_equal(read_text(text, &settings), -EINVAL);
	if (!strstr(logged, want)) {
		print_error("\"%s\" is not in \"%s\"\n", want, logged);
		fail();
	}
	settings_finish(&settings);
}

static void test_values(void **state)
{
	(void)state;
	struct settings settings;

	assert_int_equal(read_text("# comment\n"
				   "[heard]\n"
				   "model = /srv/model ; where it is\n"
				   "  listen = unix:///tmp/a\n"
				   "listen = tcp://localhost:1, stdio://\n"
				   "socket-mode = 0600\n"
				   "final = stream\n"
				   "streaming = 125:-1:0\n"
				   "gate = off\n"
				   "loop = yes\n"
				   "endpoint-silence-text = 0.5\n"
				   "languages = en, de\n"
				   "threads = auto\n"
				   "log: debug",
				   &settings),
			 0);
	assert_string_equal(logged, "");
	assert_string_equal(settings.model, "/srv/model");
	assert_int_equal(settings.listen.n, 3);
	assert_string_equal(settings.listen.items[2], "stdio://");
	assert_int_equal(settings.socket_mode, 0600);
	assert_int_equal(settings.final, SETTING_FINAL_STREAM);
	assert_true(settings.streaming_given);
	assert_int_equal(settings.left, 125);
	assert_int_equal(settings.chunk, -1);
	assert_int_equal(settings.right, 0);
	assert_false(settings.gate);
	assert_true(settings.loop);
	assert_true(settings.endpoint_silence_text == 0.5);
	assert_true(string_list_has(&settings.languages, "de"));
	assert_int_equal(settings.threads, 0);
	assert_int_equal(settings.log, LOG_LEVEL_DEBUG);
	settings_finish(&settings);
}

static void test_lines(void **state)
{
	(void)state;
	assert_wrong("model = a\n\nmodle = b\n", ":3: unknown key \"modle\"");
	assert_wrong("\nthreads = many\n", ":2: threads: \"many\" is not auto or a whole number");
	assert_wrong("threads = -1\n", ":1: threads");
	assert_wrong("threads = 1x\n", ":1: threads");
	assert_wrong("endpoint-max-length = 31\n", ":1: endpoint-max-length");
	assert_wrong("endpoint-max-length = nan\n", ":1: endpoint-max-length");
	assert_wrong("final = later\n", ":1: final: \"later\" is not one of model stream offline");
	assert_wrong("gate = perhaps\n", ":1: gate");
	assert_wrong("socket-mode = 8\n", ":1: socket-mode");
	assert_wrong("streaming = 1:2\n", ":1: streaming");
	assert_wrong("streaming = 1:0:2\n", ":1: streaming");
	assert_wrong("model =\n", ":1: model");
	assert_wrong("a line without meaning\n", ":1: neither");
	assert_wrong("[other]\n\nmodel = x\n", ":3: unknown section [other]");
	assert_wrong("log = info\nfinal = x\nlog = x\n", ":3: log");
	assert_wrong("model = a\nmodel = b\n  model\n", ":3: neither");
}

static void test_odd_bytes(void **state)
{
	(void)state;
	struct settings settings;
	char text[1000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "log = info\nmodel = ", 19);
	memcpy(text + 980, "\nlog = debug\n", 13);
	assert_int_equal(read_bytes(text, 993, &settings), -EINVAL);
	assert_non_null(strstr(logged, ":2: longer than"));
	assert_int_equal(settings.log, LOG_LEVEL_DEBUG);
	settings_finish(&settings);

	assert_int_equal(read_bytes("log = info\nmodel = a\0b\n", 23, &settings), -EINVAL);
	assert_non_null(strstr(logged, ":2: a NUL byte"));
	settings_finish(&settings);

	settings_init(&settings);
	logged[0] = '\0';
	assert_int_equal(config_read("/nonexistent/heard.conf", &settings), -ENOENT);
	assert_non_null(strstr(logged, "/nonexistent/heard.conf"));
	settings_finish(&settings);
}

static void test_command_line_wins(void **state)
{
	(void)state;
	char *argv[] = {"heard",     "--log",    "error",  "--listen", "unix:///b", "--loop",
			"--gate=no", "--config", "x.conf", "--listen", "unix:///c", NULL};
	struct settings settings;
	struct invocation invocation;

	assert_int_equal(options_parse(11, argv, &invocation, NULL), 0);
	assert_string_equal(invocation.config, "x.conf");
	assert_int_equal(read_text("log = debug\nlisten = unix:///a\ngate = yes\n", &settings), 0);
	assert_int_equal(options_parse(11, argv, &invocation, &settings), 0);
	assert_int_equal(settings.log, LOG_LEVEL_ERROR);
	assert_int_equal(settings.listen.n, 2);
	assert_string_equal(settings.listen.items[0], "unix:///b");
	assert_true(settings.loop);
	assert_false(settings.gate);
	settings_finish(&settings);
}

static int complete(const char *text, char *reason)
{
	struct settings settings;

	assert_int_equal(read_text(text, &settings), 0);
	int err = options_complete(&settings, reason);
	settings_finish(&settings);
	return err;
}

static void test_complete(void **state)
{
	(void)state;
	char reason[OPTION_REASON_BYTES];

	assert_int_equal(complete("", reason), 0);
	assert_int_equal(complete("source = file:/a.wav\n", reason), 0);
	assert_int_equal(complete("source = file:\n", reason), -EINVAL);
	assert_int_equal(complete("source = line-in\n", reason), -EINVAL);
	assert_int_equal(complete("listen = http://x\n", reason), -EINVAL);
	assert_int_equal(complete("listen = stdio://\nsource = none\n", reason), 0);
	assert_int_equal(complete("listen = stdio://\nsource = stdin\n", reason), -EINVAL);
	assert_int_equal(complete("listen = stdio://, stdio://\n", reason), -EINVAL);
	assert_int_equal(complete("wake-hop = 2\n", reason), -EINVAL);
	assert_non_null(strstr(reason, "wake-hop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),    cmocka_unit_test(test_lines),
		cmocka_unit_test(test_odd_bytes), cmocka_unit_test(test_command_line_wins),
		cmocka_unit_test(test_complete),
	};

	log_set_sink(collect, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
