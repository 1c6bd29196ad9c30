/* What is read and what is refused: ARPA texts, gzip, packed files, lists. */
#include "core/decode/lm.h"
#include "core/decode/lm_image.h"
#include "core/decode/lm_pack.h"
#include "core/decode/lm_text.h"
#include "tests/decode/fixture.h"
#include "tests/decode/lm_reference.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HEARD_ZLIB
#include <zlib.h>
#endif

#include <cmocka.h>

static const char *path_in(const struct scratch *scratch, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch->dir, name);
	return path;
}

static int open_bytes(const struct scratch *scratch, const void *data, size_t size)
{
	struct lm *lm;
	int rc;

	scratch_write(scratch, "lm", data, size);
	rc = lm_open(path_in(scratch, "lm"), &lm);
	lm_close(lm);
	return rc;
}

/* ---- ARPA ---- */

#define HEAD "\\data\\\nngram 1=2\nngram 2=1\n\n"
#define ONE  "\\1-grams:\n-1\t<s>\t-0.5\n-2\ta\t0\n\n"
#define TWO  "\\2-grams:\n-0.5\t<s> a\n\n"
#define END  "\\end\\\n"

static const struct refusal {
	const char *text;
	int error;
	const char *message;
} refusals[] = {
	{"", -EINVAL, "empty"},
	{"hello\n", -EINVAL, "no \\data\\ line"},
	{"mmap lm http://kheafield.com/code format version 5\n", -ENOTSUP, "a KenLM binary"},
	{"\\data\\\n", -EINVAL, ":1: the file is cut off"},
	{"\\data\\\n\\1-grams:\n", -EINVAL, ":2: expected 'ngram 1=COUNT'"},
	{"\\data\\\nngram 2=1\n", -EINVAL, ":2: the orders do not follow"},
	{"\\data\\\nngram 1=1\nngram 1=1\n", -EINVAL, ":3: the orders do not follow"},
	{"\\data\\\nngram 1\n", -EINVAL, ":2: expected 'ngram ORDER=COUNT'"},
	{"\\data\\\nngram =3\n", -EINVAL, ":2: expected 'ngram ORDER=COUNT'"},
	{"\\data\\\nngram 1=-3\n", -EINVAL, ":2: expected a number"},
	{"\\data\\\nngram 1=3x\n", -EINVAL, ":2: expected a number"},
	{"\\data\\\nngram 1=99999999999999999999999\n", -EINVAL, ":2: expected a number"},
	{"\\data\\\nngram 1=4294967295\n", -EFBIG, ":2: more n-grams"},
	{"\\data\\\nngram 1=1\nngram 2=1\nngram 3=1\nngram 4=1\nngram 5=1\nngram 6=1\n", -ENOTSUP,
	 ":7: n-grams longer than 5"},
	{HEAD "\\2-grams:\n", -EINVAL, ":5: expected \\1-grams:"},
	{HEAD "-1 a\n", -EINVAL, ":5: expected \\1-grams:"},
	{HEAD "\\1-grams:\n-1\t<s>\n\\2-grams:\n", -EINVAL, ":7: fewer 1-grams than the 2"},
	{HEAD ONE "\\end\\\n", -EINVAL, ":9: expected \\2-grams:"},
	{HEAD ONE "\\2-grams:\n-1\t<s> a\n-1\ta a\n", -EINVAL, ":11: more 2-grams than the 1"},
	{HEAD ONE "\\2-grams:\n-1\t<s> b\n", -EINVAL, ":10: 'b' is not among the unigrams"},
	{HEAD ONE "\\2-grams:\n-1\t<s>\n", -EINVAL, ":10: expected a log-probability, 2 words"},
	{HEAD ONE "\\2-grams:\n-1\t<s> a -1 -1\n", -EINVAL, ":10: expected a log-probability"},
	{HEAD ONE "\\2-grams:\n-1\t<s> a -1\n", -EINVAL, ":10: a back-off of an n-gram of the"},
	{HEAD ONE "\\2-grams:\n0.1\t<s> a\n", -EINVAL, ":10: a positive log-probability"},
	{HEAD ONE "\\2-grams:\nnan\t<s> a\n", -EINVAL, ":10: the log-probability is no number"},
	{HEAD ONE "\\2-grams:\n-inf\t<s> a\n", -EINVAL, ":10: the log-probability is no number"},
	{HEAD ONE "\\2-grams:\n-0x1\t<s> a\n", -EINVAL, ":10: the log-probability is no number"},
	{HEAD ONE "\\2-grams:\n-1e9\t<s> a\n", -EINVAL, ":10: the log-probability is no number"},
	{HEAD ONE "\\2-grams:\n--1\t<s> a\n", -EINVAL, ":10: the log-probability is no number"},
	{HEAD "\\1-grams:\n-1\t<s>\t-x\n", -EINVAL, ":6: the back-off is no number"},
	{HEAD "\\1-grams:\n-1\ta\n-1\ta\n", -EINVAL, ":7: this word is listed twice"},
	{HEAD ONE TWO, -EINVAL, ":11: the file is cut off here, before \\end\\"},
	{HEAD ONE TWO "\\3-grams:\n", -EINVAL, ":12: expected \\end\\"},
	{"\\data\\\nngram 1=2\nngram 2=2\n" ONE "\\2-grams:\n-1\t<s> a\n-2\t<s> a\n" END, -EINVAL,
	 "the 2-gram '<s> a' is listed twice"},
};

static void test_refused_texts(void **state)
{
	struct scratch *scratch = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];

		scratch_quiet(scratch);
		if (open_bytes(scratch, refusal->text, strlen(refusal->text)) != refusal->error)
			fail_msg("%zu: expected error %d: %s", i, refusal->error, scratch->log);
		scratch_expect(scratch, "/lm", refusal->message);
	}
	scratch_quiet(scratch);
	assert_int_equal(open_bytes(scratch, HEAD "\0", sizeof(HEAD)), -EINVAL);
	scratch_expect(scratch, "/lm:5", "a zero byte");
	/* As KenLM writes it. */
	assert_int_equal(
		open_bytes(scratch, "mmap lm http://kheafield.com/code format version 5\n\0\0", 53),
		-ENOTSUP);
	scratch_expect(scratch, "/lm", "use the ARPA file it was built from");
	struct lm *lm;
	assert_int_equal(lm_open(path_in(scratch, "none"), &lm), -ENOENT);
	scratch_expect(scratch, "/none", "no such language model");
	assert_null(lm);
}

static void test_long_line(void **state)
{
	struct scratch *scratch = *state;
	size_t size = LM_TEXT_LINE + 200;
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, HEAD, strlen(HEAD));
	assert_int_equal(open_bytes(scratch, text, size), -EINVAL);
	scratch_expect(scratch, "/lm:5", "longer than 65536 bytes");
	free(text);
}

/* Blanks for tabs, empty lines, carriage returns, a 0 as the last back-off, no
 * newline at the end: all of it occurs. */
static void test_loose_texts(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const texts[] = {
		HEAD ONE TWO END,
		HEAD ONE TWO "\\end\\",
		"\n\nsome words\n" HEAD ONE TWO END,
		"\\data\\\r\nngram 1=2\r\nngram 2=1\r\n\\1-grams:\r\n-1 <s> -0.5\r\n-2 a\r\n"
		"\\2-grams:\r\n-0.5 <s> a 0\r\n\\end\\\r\n",
		"\\data\\\nngram 1 = 2\nngram 2 = 1\n\n\n\\1-grams:\n  -1   <s>   -0.5  \n-2 a\n\n"
		"\\2-grams:\n\n-0.5 \t <s>  a\n\n\\end\\\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct lm_state begin;
		struct lm *lm;

		scratch_write_text(scratch, "lm", texts[i]);
		assert_int_equal(lm_open(path_in(scratch, "lm"), &lm), 0);
		assert_int_equal(lm_order(lm), 2);
		assert_int_equal(lm_size(lm), 3); /* and <unk> */
		lm_begin(lm, true, &begin);
		assert_true(lm_score(lm, &begin, lm_find(lm, "a", 1), &begin) == -0.5F);
		assert_true(lm_end(lm, &begin) == 0);
		assert_true(lm_score(lm, &begin, lm_unknown(lm), &begin) == -100);
		lm_close(lm);
	}
}

/* ---- gzip ---- */

#ifdef HEARD_ZLIB
/* In two members, as two gzip files one behind the other. */
static unsigned char *compress_text(const struct scratch *scratch, const char *text, size_t *size)
{
	size_t half = strlen(text) / 2;
	unsigned char *bytes;
	FILE *file;

	scratch_remove(scratch, "gz");
	for (int part = 0; part < 2; part++) {
		gzFile gz = gzopen(path_in(scratch, "gz"), "ab");
		const char *from = text + (part ? half : 0);
		size_t n = part ? strlen(text) - half : half;

		assert_non_null(gz);
		assert_int_equal(gzwrite(gz, from, (unsigned)n), n);
		assert_int_equal(gzclose(gz), Z_OK);
	}
	file = fopen(path_in(scratch, "gz"), "rb");
	assert_non_null(file);
	bytes = malloc(strlen(text) + 1024);
	assert_non_null(bytes);
	*size = fread(bytes, 1, strlen(text) + 1024, file);
	fclose(file);
	return bytes;
}

static void test_gzip(void **state)
{
	struct scratch *scratch = *state;
	struct lm_random what = {.order = 4, .whole = true, .unknown = true, .end = true};
	unsigned seed = 3;
	char *arpa = lm_random_arpa(&what, &seed);
	size_t size;
	unsigned char *bytes = compress_text(scratch, arpa, &size);
	struct lm_packed plain, inflated;

	scratch_write_text(scratch, "lm.arpa", arpa);
	scratch_write(scratch, "lm.gz", bytes, size);
	assert_int_equal(lm_pack(path_in(scratch, "lm.arpa"), &plain), 0);
	assert_int_equal(lm_pack(path_in(scratch, "lm.gz"), &inflated), 0);
	assert_int_equal(plain.size, inflated.size);
	assert_memory_equal(plain.data, inflated.data, plain.size);
	lm_packed_finish(&plain);
	lm_packed_finish(&inflated);

	scratch_quiet(scratch);
	for (size_t cut = 2; cut < size; cut += 37) {
		assert_int_equal(open_bytes(scratch, bytes, cut), -EINVAL);
		scratch_expect(scratch, "/lm", "cut off");
	}
	bytes[size / 3] ^= 0x10;
	assert_int_equal(open_bytes(scratch, bytes, size), -EINVAL);
	assert_int_equal(scratch->errors, 1);
	free(bytes);
	free(arpa);
}
#else
static void test_gzip(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(open_bytes(scratch, "\x1f\x8b\x08", 3), -ENOTSUP);
	scratch_expect(scratch, "/lm", "this build has no zlib");
}
#endif

/* ---- packed ---- */

static unsigned char *pack_random(const struct scratch *scratch, unsigned order, size_t *size)
{
	struct lm_random what = {.order = order, .unknown = true, .end = true};
	unsigned seed = order;
	char *arpa = lm_random_arpa(&what, &seed);
	struct lm_packed packed;
	unsigned char *bytes;

	scratch_write_text(scratch, "lm.arpa", arpa);
	free(arpa);
	assert_int_equal(lm_pack(path_in(scratch, "lm.arpa"), &packed), 0);
	*size = packed.size;
	bytes = malloc(packed.size);
	assert_non_null(bytes);
	memcpy(bytes, packed.data, packed.size);
	lm_packed_finish(&packed);
	return bytes;
}

/* The check of lm_open, without a file. */
static int adopt(unsigned char *bytes, size_t size)
{
	struct lm *lm = calloc(1, sizeof(*lm));
	int rc;

	assert_non_null(lm);
	rc = lm_adopt(lm, bytes, size, "/lm");
	lm_close(lm);
	return rc;
}

/* The bytes that no checksum covers are those between header and body. */
static void test_damaged(void **state)
{
	struct scratch *scratch = *state;

	for (unsigned order = 1; order <= LM_MAX_ORDER; order += 2) {
		size_t size;
		unsigned char *bytes = pack_random(scratch, order, &size);

		assert_int_equal(open_bytes(scratch, bytes, size), 0);
		for (size_t i = 0; i < size; i += 1 + i / 500) {
			bool padding = i >= sizeof(struct lm_header) && i < 2 * LM_ALIGNMENT;

			bytes[i] ^= 0x40;
			scratch_quiet(scratch);
			if ((adopt(bytes, size) < 0) == padding)
				fail_msg("byte %zu of order %u", i, order);
			assert_int_equal(scratch->errors, !padding);
			bytes[i] ^= 0x40;
		}
		for (size_t cut = 8; cut < size; cut += 1 + cut / 50) {
			scratch_quiet(scratch);
			assert_int_equal(adopt(bytes, cut), -EINVAL);
			assert_int_equal(scratch->errors, 1);
		}
		free(bytes);
	}
}

static void seal(unsigned char *bytes)
{
	struct lm_header header;
	struct lm_layout at;

	memcpy(&header, bytes, sizeof(header));
	assert_true(lm_layout(&header, bytes, &at));
	header.body_checksum = lm_body_checksum(&at, bytes);
	header.header_checksum = lm_header_checksum(&header);
	memcpy(bytes, &header, sizeof(header));
}

/* Files whose checksums are right, and what is in them is not. */
static void test_forged(void **state)
{
	struct scratch *scratch = *state;
	struct lm_header header;
	struct lm_layout at;
	size_t size;
	unsigned char *bytes = pack_random(scratch, 3, &size);
	unsigned char *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	memcpy(&header, bytes, sizeof(header));
	assert_true(lm_layout(&header, bytes, &at));
#define FORGE(place, value, message)                                         \
	do {                                                                 \
		(place) = (value);                                           \
		seal(bytes);                                                 \
		scratch_quiet(scratch);                                      \
		assert_int_equal(open_bytes(scratch, bytes, size), -EINVAL); \
		scratch_expect(scratch, "/lm", message);                     \
		memcpy(bytes, copy, size);                                   \
	} while (0)
	FORGE(at.entries[0][0].child, 1, "left over");
	FORGE(at.entries[0][2].child, UINT32_MAX, "place of an n-gram");
	FORGE(at.entries[0][header.counts[0]].child, header.counts[1] + 1, "left over");
	FORGE(at.entries[1][header.counts[1]].child, 0, "left over");
	FORGE(at.entries[1][0].probability, (float)NAN, "a score");
	FORGE(at.entries[1][0].backoff, -INFINITY, "a score");
	FORGE(at.probabilities[0], 1e30F, "a score");
	FORGE(at.keys[1][0], header.counts[0], "word of an n-gram");
	FORGE(at.keys[2][header.counts[2] - 1], UINT32_MAX, "word of an n-gram");
	FORGE(at.string_index[0], 1, "fill their place");
	FORGE(at.string_index[1], UINT32_MAX, "offset of a word");
	FORGE(at.strings[0], '~', "not sorted");
#undef FORGE
	free(copy);
	free(bytes);
}

static void forge_header(struct scratch *scratch, const struct lm_header *header,
			 unsigned char *bytes, size_t size, const char *message)
{
	struct lm_header forged = *header;

	forged.header_checksum = lm_header_checksum(&forged);
	memcpy(bytes, &forged, sizeof(forged));
	scratch_quiet(scratch);
	assert_int_equal(open_bytes(scratch, bytes, size), -EINVAL);
	scratch_expect(scratch, "/lm", message);
}

static void test_forged_headers(void **state)
{
	struct scratch *scratch = *state;
	struct lm_header good, header;
	size_t size;
	unsigned char *bytes = pack_random(scratch, 3, &size);

	memcpy(&good, bytes, sizeof(good));
#define FORGE(field, value, message)                                  \
	do {                                                          \
		header = good;                                        \
		header.field = (value);                               \
		forge_header(scratch, &header, bytes, size, message); \
	} while (0)
	FORGE(byte_order, 0x04030201, "another byte order");
	FORGE(order, 0, "order is out of range");
	FORGE(order, 6, "order is out of range");
	FORGE(order, 2, "number of n-grams");
	FORGE(counts[1], UINT32_MAX, "number of n-grams");
	FORGE(counts[2], UINT32_MAX - 1, "size of the file");
	FORGE(counts[0], 0, "id of a special word");
	FORGE(unknown, good.counts[0], "id of a special word");
	FORGE(unknown, UINT32_MAX, "id of a special word");
	FORGE(begin, good.counts[0], "id of a special word");
	FORGE(string_bytes, UINT64_MAX, "size of the words");
	FORGE(string_bytes, good.string_bytes + 64, "size of the file");
#undef FORGE
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused_texts, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_long_line, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_loose_texts, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_gzip, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_damaged, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_forged, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_forged_headers, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
