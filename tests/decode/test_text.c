/* The incremental clean-up against plain replacements of the whole text, and
 * the case tables at a few points. */
#include "core/decode/cleanup.h"
#include "core/decode/unicode.h"
#include "tests/decode/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Replaces every `from` in place, leftmost first; `to` is not longer. */
static void replace(char *text, const char *from, const char *to)
{
	char *out = text;

	while (*text != '\0') {
		if (strncmp(text, from, strlen(from)) == 0) {
			memmove(out, to, strlen(to));
			out += strlen(to);
			text += strlen(from);
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

static void clean_whole(char *text)
{
	replace(text, " .", ".");
	replace(text, " ?", "?");
	replace(text, " !", "!");
	replace(text, " ,", ",");
	replace(text, " ' ", "'");
	replace(text, " n't", "n't");
	replace(text, " 'm", "'m");
	replace(text, " 's", "'s");
	replace(text, " 've", "'ve");
	replace(text, " 're", "'re");
}

static void check_clean(const char *text)
{
	char whole[256], out[256 + CLEANUP_MAX_HELD];
	struct cleanup cleanup = {0};
	size_t n = 0;

	snprintf(whole, sizeof(whole), "%s", text);
	clean_whole(whole);
	for (const char *p = text; *p != '\0'; p++) {
		size_t wrote = cleanup_byte(&cleanup, *p, out + n);

		assert_true(wrote <= CLEANUP_MAX_HELD + 1);
		n += wrote;
		/* What is out already is a prefix of the result. */
		assert_true(n <= strlen(whole));
		assert_memory_equal(out, whole, n);
	}
	n += cleanup_end(&cleanup, out + n);
	out[n] = '\0';
	assert_string_equal(out, whole);
}

static void test_cleanup(void **state)
{
	static const char alphabet[] = "    '''.?!,nntmsvrex";
	unsigned random = 7;

	(void)state;
	check_clean("");
	check_clean("it ' s n ' t  '  m 're . ! '");
	for (int i = 0; i < 300000; i++) {
		char text[24];
		size_t n = fixture_random(&random, sizeof(text) - 1);

		for (size_t k = 0; k < n; k++)
			text[k] = alphabet[fixture_random(&random, sizeof(alphabet) - 1)];
		text[n] = '\0';
		check_clean(text);
	}
}

static void check_case(uint32_t upper, uint32_t lower)
{
	uint32_t out[UNICODE_MAX_EXPANSION];

	assert_int_equal(unicode_lower(upper, out), 1);
	assert_int_equal(out[0], lower);
	assert_int_equal(unicode_upper(lower, out), 1);
	assert_int_equal(out[0], upper);
}

static void test_case(void **state)
{
	uint32_t out[UNICODE_MAX_EXPANSION];

	(void)state;
	check_case('A', 'a');
	check_case(0xc4, 0xe4);
	check_case(0x178, 0xff);
	check_case(0x100, 0x101);
	check_case(0x139, 0x13a);
	check_case(0x17d, 0x17e);
	check_case(0x1c4, 0x1c6);
	check_case(0x3a9, 0x3c9);
	check_case(0x401, 0x451);
	check_case(0x42f, 0x44f);
	check_case(0x531, 0x561);
	check_case(0x13a0, 0xab70);
	check_case(0x10d0 + 0xbc0, 0x10d0);
	check_case(0x1e00, 0x1e01);
	check_case(0x2c2f, 0x2c5f);
	check_case(0xff21, 0xff41);
	check_case(0x1e921, 0x1e943);
	assert_int_equal(unicode_upper(0xdf, out), 2);
	assert_int_equal(out[0], 'S');
	assert_int_equal(unicode_upper(0x390, out), 3);
	assert_int_equal(unicode_lower(0x130, out), 2);
	assert_int_equal(out[1], 0x307);
	assert_int_equal(unicode_lower(0x65e5, out), 1);
	assert_int_equal(out[0], 0x65e5);
	assert_int_equal(unicode_lower(UNICODE_BYTE + 0xff, out), 1);
	assert_int_equal(out[0], UNICODE_BYTE + 0xff);
	for (uint32_t c = 0; c < UNICODE_BYTE; c++) {
		int n = unicode_lower(c, out);

		assert_true(n >= 1 && n <= UNICODE_MAX_EXPANSION);
		n = unicode_upper(c, out);
		assert_true(n >= 1 && n <= UNICODE_MAX_EXPANSION);
	}
}

static void test_utf8(void **state)
{
	static const char bad[] = "\xc0\x80\xe0\x80\x80\xf4\x90\x80\x80\xed\x80\xe2\x82";
	unsigned random = 3;
	char bytes[4];
	size_t position;

	(void)state;
	for (uint32_t c = 0; c < UNICODE_BYTE; c++) {
		size_t n;

		if (c >= 0xd800 && c < 0xe000)
			continue; /* surrogates are no characters */
		n = unicode_put(bytes, c);
		position = 0;
		assert_int_equal(unicode_next(bytes, n, &position), c);
		assert_int_equal(position, n);
	}
	/* Overlong, too large, cut off: byte by byte, nothing lost. */
	position = 0;
	while (position < sizeof(bad) - 1) {
		size_t start = position;
		uint32_t c = unicode_next(bad, sizeof(bad) - 1, &position);

		assert_int_equal(c, UNICODE_BYTE + (unsigned char)bad[start]);
		assert_int_equal(unicode_put(bytes, c), 1);
		assert_int_equal(bytes[0], bad[start]);
	}
	for (int i = 0; i < 100000; i++) {
		char in[8], out[8];
		size_t n = 0;

		for (size_t k = 0; k < sizeof(in); k++)
			in[k] = (char)(0x80 | fixture_random(&random, 256));
		for (position = 0; position < sizeof(in);)
			n += unicode_put(out + n, unicode_next(in, sizeof(in), &position));
		assert_int_equal(n, sizeof(in));
		assert_memory_equal(in, out, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cleanup),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
