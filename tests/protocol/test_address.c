/* Addresses: every form, every refusal, and the default's order. */
#include "protocol/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_parses(const char *text, const char *canonical)
{
	struct address address;
	char out[ADDRESS_TEXT_BYTES];

	assert_int_equal(address_parse(text, &address, NULL), 0);
	address_print(&address, out);
	assert_string_equal(out, canonical);
	assert_int_equal(address_parse(out, &address, NULL), 0);
}

static void test_forms(void **state)
{
	(void)state;
	assert_parses("unix:///run/heard/heard.sock", "unix:///run/heard/heard.sock");
	assert_parses("unix://heard.sock", "unix://heard.sock");
	assert_parses("/tmp/x", "unix:///tmp/x");
	assert_parses("x", "unix://x");
	assert_parses("host:1", "unix://host:1");
	assert_parses("tcp://localhost:1", "tcp://localhost:1");
	assert_parses("tcp://localhost", "tcp://localhost:10300");
	assert_parses("tcp://127.0.0.1:65535", "tcp://127.0.0.1:65535");
	assert_parses("tcp://:10300", "tcp://:10300");
	assert_parses("tcp://[::1]:4", "tcp://[::1]:4");
	assert_parses("tcp://[::]", "tcp://[::]:10300");
	assert_parses("stdio://", "stdio://");
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"unix://",
		"stdio://x",
		"http://localhost",
		"tcp://::1:5",
		"tcp://[::1:5",
		"tcp://[::1]5",
		"tcp://localhost:",
		"tcp://localhost:0",
		"tcp://localhost:65536",
		"tcp://localhost:-1",
		"tcp://localhost:+1",
		"tcp://localhost: 1",
		"tcp://localhost:99999999999",
		"tcp://localhost:1x",
		"tcp://local/host:1",
	};
	struct address address;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *reason = NULL;
		assert_int_equal(address_parse(wrong[i], &address, &reason), -EINVAL);
		assert_non_null(reason);
	}

	char path[110];
	memset(path, 'a', sizeof(path));
	path[108] = '\0';
	assert_int_equal(address_parse(path, &address, NULL), -EINVAL);
	path[107] = '\0';
	assert_int_equal(address_parse(path, &address, NULL), 0);
	assert_string_equal(address.path, path);

	char host[300] = "tcp://";
	memset(host + 6, 'a', 256);
	host[262] = '\0';
	assert_int_equal(address_parse(host, &address, NULL), -EINVAL);
}

static void assert_default(const char *wanted)
{
	struct address address;
	char out[ADDRESS_TEXT_BYTES];

	assert_int_equal(address_default(&address, NULL), 0);
	address_print(&address, out);
	assert_string_equal(out, wanted);
}

static void test_default(void **state)
{
	(void)state;
	unsetenv("HEARD_SOCKET");
	unsetenv("XDG_RUNTIME_DIR");
	assert_default("unix:///run/heard/heard.sock");
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	assert_default("unix:///run/heard/heard.sock");
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	assert_default("unix:///run/user/1000/heard.sock");
	setenv("HEARD_SOCKET", "", 1);
	assert_default("unix:///run/user/1000/heard.sock");
	setenv("HEARD_SOCKET", "tcp://box:7", 1);
	assert_default("tcp://box:7");
	setenv("HEARD_SOCKET", "/x", 1);
	assert_default("unix:///x");

	struct address address;
	char dir[200] = "/";
	unsetenv("HEARD_SOCKET");
	memset(dir + 1, 'a', 120);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_int_equal(address_default(&address, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_default),
	};
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
