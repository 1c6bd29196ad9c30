/* Lists of hotwords: what is refused and why, how phrases are spelled, and the sum
 * of completed and pending bonuses of every prefix of a text against counting. */
#include "core/decode/hotwords.h"
#include "tests/decode/fixture.h"
#include "tests/decode/lattice.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hotwords *compile(const struct vocab *vocab, const char *text)
{
	struct hotwords_error error;
	struct hotwords *hotwords;

	if (hotwords_compile_text(vocab, text, strlen(text), &hotwords, &error) < 0)
		fail_msg("%zu: %s", error.phrase, error.message);
	return hotwords;
}

static void refused(const struct vocab *vocab, const char *text, size_t line, const char *message)
{
	struct hotwords_error error;
	struct hotwords *hotwords;

	assert_int_equal(hotwords_compile_text(vocab, text, strlen(text), &hotwords, &error),
			 -EINVAL);
	assert_null(hotwords);
	assert_int_equal(error.phrase, line);
	if (strstr(error.message, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.message, message);
}

/* Completed and pending after the bytes of `text`. */
static double score(const struct hotwords *hotwords, const char *text)
{
	double sum = 0.0;
	uint32_t state =
		hotwords_push(hotwords, hotwords_begin(hotwords), text, strlen(text), &sum);

	return sum + (double)hotwords_pending(hotwords, state);
}

static double whole(const struct hotwords *hotwords, const char *text)
{
	double sum = 0.0;
	uint32_t state =
		hotwords_push(hotwords, hotwords_begin(hotwords), text, strlen(text), &sum);

	return sum + (double)hotwords_end(hotwords, state);
}

static void near(double got, double expected)
{
	if (!(fabs(got - expected) <= 1e-4)) {
		print_error("%.9g is not %.9g\n", got, expected);
		fail();
	}
}

static void test_by_hand(void **state)
{
	struct vocab *vocab = fixture_vocab("base-style", NULL);
	struct hotwords *hotwords = compile(vocab, "# devices\n"
						   "lamp :4\n"
						   "\n"
						   "  living room :8 \r\n"
						   "room :2\n"
						   "time :3\n");

	(void)state;
	near(score(hotwords, "LA"), 2.0);
	near(score(hotwords, "LAMP"), 4.0);
	near(score(hotwords, "LAMP "), 4.0);
	near(score(hotwords, "LAMPS"), 0.0);
	near(score(hotwords, "CLAMP"), 0.0);
	near(whole(hotwords, "LAMP"), 4.0);
	near(whole(hotwords, "LAM"), 0.0);
	near(whole(hotwords, "LAMP LAMP"), 8.0);
	near(score(hotwords, "LIVING R"), 8.0 * 8 / 11);
	near(score(hotwords, "LIVING LAMP"), 4.0);
	near(whole(hotwords, "THE LIVING ROOM"), 10.0);
	near(whole(hotwords, "BED ROOM LAMP"), 6.0);
	near(whole(hotwords, "LAMP  LAMP"), 8.0); /* two delimiters */
	hotwords_release(hotwords);
	vocab_destroy(vocab);
}

static void test_refusals(void **state)
{
	struct vocab *vocab = fixture_vocab("base-style", NULL);
	char longer[HOTWORDS_MAX_BYTES + 2];
	struct hotwords_error error;
	struct hotwords *hotwords;

	(void)state;
	refused(vocab, "lamp\nroom 101\n", 2, "cannot spell: 101");
	refused(vocab, "lamp :1000", 1, "weight");
	refused(vocab, "lamp :nan", 1, "weight");
	refused(vocab, "\n\nlamp :4x", 3, "not a number");
	refused(vocab, "caf\xe9", 1, "UTF-8");
	refused(vocab, " :4", 1, "cannot spell: :4");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	refused(vocab, longer, 1, "more than");
	const struct hotword empty = {"  ", 1.0F};
	assert_int_equal(hotwords_compile(vocab, &empty, 1, &hotwords, &error), -EINVAL);
	assert_string_equal(error.message, "a phrase is empty");
	assert_int_equal(hotwords_compile_text(vocab, "a\0b", 3, &hotwords, &error), -EINVAL);
	/* Nothing is a list too. */
	hotwords = compile(vocab, "");
	near(whole(hotwords, "LAMP"), 0.0);
	hotwords_release(hotwords);
	vocab_destroy(vocab);
}

/* Each word in the case that the vocabulary has. */
static void test_case(void **state)
{
	static const char *const texts[] = {"#", "|", "l", "a", "mp", "\xc3\xa4", "O", "N"};
	struct vocab *vocab = lattice_vocab(texts, 8);
	struct hotwords *hotwords = compile(vocab, "LAMP on :3\n\xc3\x84l :5\n");

	(void)state;
	near(whole(hotwords, "lamp ON"), 3.0);
	near(whole(hotwords, "\xc3\xa4l"), 5.0);
	hotwords_release(hotwords);
	/* A mixture is none of the cases. */
	refused(vocab, "lampOn", 1, "cannot spell: lampOn");
	vocab_destroy(vocab);
}

/* ---- random lists ---- */

enum { PHRASES = 12, LETTERS = 3 };

struct list {
	char phrases[PHRASES][16];
	struct hotword items[PHRASES];
	size_t n;
};

static void random_text(char *out, size_t most, unsigned *random)
{
	size_t n = 1 + fixture_random(random, (unsigned)most);

	for (size_t i = 0; i < n; i++) {
		unsigned letter = fixture_random(random, LETTERS + 1);

		out[i] = letter == LETTERS ? ' ' : (char)('A' + letter);
	}
	out[n] = '\0';
}

/* " words " of a phrase, white space as a delimiter would give it. */
static void padded(const char *phrase, char *out)
{
	*out++ = ' ';
	for (const char *at = phrase; *at != '\0'; at++) {
		if (*at != ' ' || (out[-1] != ' '))
			*out++ = *at;
	}
	if (out[-1] != ' ')
		*out++ = ' ';
	*out = '\0';
}

static double count_completed(const struct list *list, const char *text)
{
	double sum = 0.0;

	for (size_t i = 0; i < list->n; i++) {
		char needle[40];

		padded(list->phrases[i], needle);
		for (const char *at = text; (at = strstr(at, needle)) != NULL; at++)
			sum += (double)list->items[i].weight;
	}
	return sum;
}

static double count_pending(const struct list *list, const char *text)
{
	size_t size = strlen(text);
	double most = 0.0;

	for (size_t i = 0; i < list->n; i++) {
		char needle[40];
		size_t length;

		padded(list->phrases[i], needle);
		length = strlen(needle);
		for (size_t n = 1; n < length && n <= size; n++) {
			double part = (double)(n - 1) / (double)(length - 2);

			if (strncmp(text + size - n, needle, n) == 0)
				most = fmax(most, (double)list->items[i].weight * part);
		}
	}
	return most;
}

static bool blank(const char *phrase)
{
	return strspn(phrase, " ") == strlen(phrase);
}

static void test_random(void **state)
{
	struct vocab *vocab = fixture_vocab("base-style", NULL);
	unsigned random = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct list list = {.n = 0};
		struct hotwords_error error;
		struct hotwords *hotwords;
		char text[64], all[80];

		for (size_t i = 0; i < PHRASES; i++) {
			random_text(list.phrases[list.n], 6, &random);
			list.items[list.n].phrase = list.phrases[list.n];
			list.items[list.n].weight =
				(float)fixture_random(&random, 40) / 4.0F - 2.0F;
			list.n += !blank(list.phrases[list.n]);
		}
		assert_int_equal(hotwords_compile(vocab, list.items, list.n, &hotwords, &error), 0);
		random_text(text, 40, &random);
		for (size_t n = strlen(text); n > 0; n--) {
			text[n] = '\0';
			snprintf(all, sizeof(all), " %s", text);
			near(score(hotwords, text),
			     count_completed(&list, all) + count_pending(&list, all));
			strcat(all, " ");
			near(whole(hotwords, text), count_completed(&list, all));
		}
		hotwords_release(hotwords);
	}
	vocab_destroy(vocab);
}

static void test_limits(void **state)
{
	struct vocab *vocab = fixture_vocab("base-style", NULL);
	struct hotword *list = calloc(HOTWORDS_MAX_PHRASES + 1, sizeof(*list));
	char *texts = calloc(HOTWORDS_MAX_PHRASES + 1, 128);
	struct hotwords_error error;
	struct hotwords *hotwords;
	unsigned random = 2;

	(void)state;
	for (size_t i = 0; i <= HOTWORDS_MAX_PHRASES; i++) {
		for (size_t k = 0; k < 100; k++)
			texts[i * 128 + k] = (char)('A' + fixture_random(&random, 26));
		list[i] = (struct hotword){texts + i * 128, 1.0F};
	}
	assert_int_equal(hotwords_compile(vocab, list, HOTWORDS_MAX_PHRASES + 1, &hotwords, &error),
			 -E2BIG);
	/* Two million different beginnings. */
	assert_int_equal(hotwords_compile(vocab, list, HOTWORDS_MAX_PHRASES, &hotwords, &error),
			 -E2BIG);
	assert_null(hotwords);
	assert_int_equal(hotwords_compile(vocab, list, 5000, &hotwords, &error), 0);
	assert_in_range(hotwords_states(hotwords), 400000, 505001);
	near(whole(hotwords, list[4999].phrase), 1.0);
	hotwords_release(hotwords);
	free(list);
	free(texts);
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_case),    cmocka_unit_test(test_random),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("hotwords", tests, NULL, NULL);
}
