/* Framing: what is accepted, what is refused, limits, and any split. */
#include "protocol/framing.h"
#include "tests/protocol/stream.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Wants the same items whatever the pieces. */
static void assert_reads_n(const void *bytes, size_t n, const struct framing_limits *limits,
			   const char *wanted)
{
	static const size_t pieces[] = {1, 2, 3, 7, 16, 1000000};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char *items = stream_read(bytes, n, pieces[i], 0, limits);
		assert_string_equal(items, wanted);
		free(items);
	}
	for (unsigned seed = 0; seed < 10; seed++) {
		char *items = stream_read(bytes, n, 0, seed, limits);
		assert_string_equal(items, wanted);
		free(items);
	}
}

static void assert_reads(const char *bytes, const char *wanted)
{
	assert_reads_n(bytes, strlen(bytes), NULL, wanted);
}

static void test_inline_data(void **state)
{
	(void)state;
	assert_reads("{\"type\":\"ping\",\"data\":{\"text\":\"a\"}}\n",
		     "event ping {\"text\":\"a\"} 0\nidle\n");
	assert_reads("{\"type\":\"ping\",\"data\":{}}\n", "event ping {} 0\nidle\n");
}

static void test_part_wins(void **state)
{
	(void)state;
	assert_reads("{\"type\":\"ping\",\"data\":{\"text\":\"a\",\"x\":1},\"data_length\":12}\n"
		     "{\"text\":\"b\"}",
		     "event ping {\"text\":\"b\",\"text\":\"a\",\"x\":1} 0\nidle\n");
	assert_reads("{\"type\":\"ping\",\"data\":{},\"data_length\":12}\n{\"text\":\"b\"}",
		     "event ping {\"text\":\"b\"} 0\nidle\n");
	assert_reads("{\"type\":\"ping\",\"data\":{\"text\":\"a\"},\"data_length\":2}\n{}",
		     "event ping {\"text\":\"a\"} 0\nidle\n");

	struct framing *framing;
	struct framing_item item;
	const char line[] = "{\"type\":\"ping\",\"data\":{\"text\":\"a\"},\"data_length\":12}\n";
	assert_int_equal(framing_create(NULL, &framing), 0);
	assert_int_equal(framing_take(framing, line, strlen(line), &item), strlen(line));
	assert_int_equal(item.kind, FRAMING_NOTHING);
	assert_int_equal(framing_take(framing, "{\"text\":\"b\"}{", 13, &item), 12);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(item.data, "text")->valuestring, "b");
	framing_destroy(framing);
}

static void test_null_is_absent(void **state)
{
	(void)state;
	assert_reads("{\"type\":\"ping\",\"version\":null,\"data\":null,\"data_length\":null,"
		     "\"payload_length\":null}\n",
		     "event ping - 0\nidle\n");
	assert_reads("{\"type\":\"ping\",\"data\":null,\"data_length\":4}\nnull",
		     "event ping - 0\nidle\n");
	assert_reads("{\"type\":\"ping\",\"data_length\":0,\"payload_length\":0}\n",
		     "event ping - 0\nidle\n");
}

static void test_line_ends(void **state)
{
	(void)state;
	assert_reads("{\"type\":\"ping\"}\r\n\r\n\n\n{\"type\":\"pong\"}\n",
		     "event ping - 0\nevent pong - 0\nidle\n");
	assert_reads("{\"type\":\"ping\",\"data_length\":4}\r\n{ }\n{\"type\":\"pong\"}\r\n",
		     "event ping {} 0\nevent pong - 0\nidle\n");
}

static void test_unknown(void **state)
{
	(void)state;
	assert_reads(
		"{\"type\":\"user-event\",\"more\":[1],\"data\":{\"name\":\"x\"},"
		"\"payload_length\":3}\nabc{\"type\":\"ping\",\"data\":{\"y\":{}}}\n",
		"event user-event {\"name\":\"x\"} 3\n616263\nevent ping {\"y\":{}} 0\nidle\n");
}

static void test_inside(void **state)
{
	(void)state;
	assert_reads("{\"type\":\"ping\"", "inside\n");
	assert_reads("{\"type\":\"ping\",\"data_length\":4}\n{}", "inside\n");
	assert_reads("{\"type\":\"x\",\"payload_length\":4}\n", "event x - 4\ninside\n");
}

static void test_garbage(void **state)
{
	(void)state;
	assert_reads("hello\n", "error bad-json\n");
	assert_reads("GET / HTTP/1.1\r\n", "error bad-json\n");
	assert_reads("{\"type\":\"ping\"\n", "error bad-json\n");
	assert_reads("{\"type\":\"ping\"} x\n", "error bad-json\n");
	assert_reads("{\"type\":\"ping\"}{}\n", "error bad-json\n");
	assert_reads("{\"type\":\"pi\x01ng\"}\n", "error bad-json\n");
	assert_reads("{\"type\":\"p\xff\"}\n", "error bad-utf8\n");
	assert_reads("{\"type\":\"p\xed\xa0\x80\"}\n", "error bad-utf8\n");
	assert_reads("[]\n", "error bad-header\n");
	assert_reads("5\n", "error bad-header\n");
	assert_reads("null\n", "error bad-header\n");
	assert_reads("{}\n", "error bad-header\n");
	assert_reads("{\"type\":null}\n", "error bad-header\n");
	assert_reads("{\"type\":\"\"}\n", "error bad-header\n");
	assert_reads("{\"type\":5}\n", "error bad-header\n");
	assert_reads("{\"Type\":\"ping\"}\n", "error bad-header\n");
	assert_reads("{\"type\":\"x\",\"data_length\":-1}\n", "error bad-header\n");
	assert_reads("{\"type\":\"x\",\"data_length\":1.5}\n", "error bad-header\n");
	assert_reads("{\"type\":\"x\",\"data_length\":\"4\"}\n", "error bad-header\n");
	assert_reads("{\"type\":\"x\",\"data_length\":true}\n", "error bad-header\n");
	assert_reads("{\"type\":\"x\",\"payload_length\":[]}\n", "error bad-header\n");
	assert_reads("{\"type\":\"x\",\"data\":[]}\n", "error bad-data\n");
	assert_reads("{\"type\":\"x\",\"data\":\"a\"}\n", "error bad-data\n");
	assert_reads("{\"type\":\"x\",\"data_length\":2}\n[]", "error bad-data\n");
	assert_reads("{\"type\":\"x\",\"data_length\":2}\n{]", "error bad-json\n");
	assert_reads("{\"type\":\"x\",\"data_length\":3}\n\"\xc3\"", "error bad-utf8\n");
	assert_reads_n("{\"type\":\"x\"}\0\n", 14, NULL, "error bad-json\n");
	/* The byte behind a comma at the very end is cJSON's weak spot. */
	assert_reads("{\"type\":\"x\",\"data_length\":7}\n{\"a\":1,", "error bad-json\n");
	/* What came before the error stays. */
	assert_reads("{\"type\":\"ping\"}\n}\n{\"type\":\"ping\"}\n",
		     "event ping - 0\nerror bad-json\n");
}

static void test_limits(void **state)
{
	(void)state;
	const struct framing_limits limits = {.line = 40, .data = 10, .payload = 5};
	const struct {
		const char *bytes, *wanted;
	} cases[] = {
		/* 40 bytes fit, with LF as with CRLF */
		{"{\"type\":\"x\",\"y\":\"01234567890123456789\"}\n", "event x - 0\nidle\n"},
		{"{\"type\":\"x\",\"y\":\"012345678901234567890\"}\n", "event x - 0\nidle\n"},
		{"{\"type\":\"x\",\"y\":\"012345678901234567890\"}\r\n", "event x - 0\nidle\n"},
		{"{\"type\":\"x\",\"y\":\"0123456789012345678901\"}\n", "error line-too-long\n"},
		{"{\"type\":\"x\",\"y\":\"0123456789012345678901\"}\r\n", "error line-too-long\n"},
		{"01234567890123456789012345678901234567890123", "error line-too-long\n"},
		{"{\"type\":\"x\",\"data_length\":10}\n{        }", "event x {} 0\nidle\n"},
		{"{\"type\":\"x\",\"data_length\":11}\n", "error data-too-long\n"},
		{"{\"type\":\"x\",\"data_length\":1e300}\n", "error data-too-long\n"},
		{"{\"type\":\"x\",\"data_length\":1e999}\n", "error data-too-long\n"},
		{"{\"type\":\"x\",\"payload_length\":5}\n01234", "event x - 5\n3031323334\nidle\n"},
		{"{\"type\":\"x\",\"payload_length\":6}\n", "error payload-too-long\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_reads_n(cases[i].bytes, strlen(cases[i].bytes), &limits, cases[i].wanted);
}

static void test_error_sticks(void **state)
{
	(void)state;
	struct framing *framing;
	struct framing_item item;

	assert_int_equal(framing_create(NULL, &framing), 0);
	assert_int_equal(framing_error(framing), PROTOCOL_OK);
	assert_int_equal(framing_take(framing, "x\n", 2, &item), -EPROTO);
	assert_int_equal(framing_take(framing, "{\"type\":\"ping\"}\n", 16, &item), -EPROTO);
	assert_int_equal(framing_error(framing), PROTOCOL_BAD_JSON);
	assert_string_equal(framing_error_text(framing), "the header or data part is not JSON");
	framing_destroy(framing);
	framing_destroy(NULL);
}

/* Payload pieces are the caller's bytes. */
static void test_payload_is_not_copied(void **state)
{
	(void)state;
	const char bytes[] = "{\"type\":\"x\",\"payload_length\":6}\nabcdef{\"type\":\"y\"}\n";
	size_t line = strlen("{\"type\":\"x\",\"payload_length\":6}\n");
	struct framing *framing;
	struct framing_item item;

	assert_int_equal(framing_create(NULL, &framing), 0);
	assert_int_equal(framing_take(framing, bytes, strlen(bytes), &item), line);
	assert_int_equal(item.payload_length, 6);
	assert_int_equal(framing_take(framing, bytes + line, 2, &item), 2);
	assert_ptr_equal(item.payload, bytes + line);
	assert_int_equal(item.payload_left, 4);
	assert_false(framing_idle(framing));
	assert_int_equal(framing_take(framing, bytes + line + 2, 20, &item), 4);
	assert_ptr_equal(item.payload, bytes + line + 2);
	assert_int_equal(item.payload_left, 0);
	assert_true(framing_idle(framing));
	framing_destroy(framing);
}

/* Many fields inline and as many in the part: joined in no more than linear time. */
static void test_merge_of_many(void **state)
{
	(void)state;
	enum { FIELDS = 40000 };
	struct framing_limits limits = {.line = 1 << 20, .data = 1 << 20, .payload = 0};
	char *data = NULL, *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&data, &size);

	for (int i = 0; i < FIELDS; i++)
		fprintf(out, "%s\"k%d\":1", i ? "," : "{", i);
	fputc('}', out);
	fclose(out);
	size_t length = size;
	out = open_memstream(&bytes, &size);
	fprintf(out, "{\"type\":\"x\",\"data\":%s,\"data_length\":%zu}\n%s", data, length, data);
	fclose(out);

	struct framing *framing;
	struct framing_item item = {.kind = FRAMING_NOTHING};
	assert_int_equal(framing_create(&limits, &framing), 0);
	for (size_t at = 0; at < size;) {
		ssize_t taken = framing_take(framing, bytes + at, size - at, &item);
		assert_true(taken > 0);
		at += (size_t)taken;
	}
	assert_int_equal(item.kind, FRAMING_EVENT);
	assert_int_equal(cJSON_GetArraySize(item.data), 2 * FIELDS);
	framing_destroy(framing);
	free(bytes);
	free(data);
}

static void test_print_long_data_as_part(void **state)
{
	(void)state;
	static char text[FRAMING_INLINE_LIMIT + 1];
	char *bytes;
	size_t n;

	memset(text, 'a', sizeof(text) - 1);
	for (size_t cut = 0; cut < 200; cut++) {
		text[sizeof(text) - 1 - cut] = '\0';
		cJSON *data = cJSON_CreateObject();
		cJSON_AddStringToObject(data, "text", text);
		assert_int_equal(framing_print("ping", data, 0, &bytes, &n), 0);
		const char *newline = memchr(bytes, '\n', n);
		assert_non_null(newline);
		assert_true(newline - bytes <= FRAMING_INLINE_LIMIT);
		assert_int_equal(newline == bytes + n - 1, strstr(bytes, "data_length") == NULL);

		char *items = stream_read(bytes, n, 0, 1, NULL);
		char wanted[32];
		snprintf(wanted, sizeof(wanted), "event ping {\"text\":\"aaa");
		assert_memory_equal(items, wanted, strlen(wanted));
		free(items);
		free(bytes);
		cJSON_Delete(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline_data),
		cmocka_unit_test(test_part_wins),
		cmocka_unit_test(test_null_is_absent),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_error_sticks),
		cmocka_unit_test(test_payload_is_not_copied),
		cmocka_unit_test(test_merge_of_many),
		cmocka_unit_test(test_print_long_data_as_part),
	};
	return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
