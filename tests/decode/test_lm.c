/* Scores, states, cursors and known words against the definition. */
#include "core/decode/lm.h"
#include "core/decode/lm_fusion.h"
#include "core/decode/lm_pack.h"
#include "tests/decode/fixture.h"
#include "tests/decode/lm_reference.h"
#include "tests/weights/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SENTENCE = 12 };

static const char *path_in(const struct scratch *scratch, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch->dir, name);
	return path;
}

static struct lm *open_text(const struct scratch *scratch, const char *arpa)
{
	struct lm *lm;

	scratch_write_text(scratch, "lm.arpa", arpa);
	assert_int_equal(lm_open(path_in(scratch, "lm.arpa"), &lm), 0);
	return lm;
}

static struct lm *open_packed(const struct scratch *scratch, const char *arpa)
{
	struct lm_packed packed;
	struct lm *lm;

	scratch_write_text(scratch, "lm.arpa", arpa);
	assert_int_equal(lm_pack(path_in(scratch, "lm.arpa"), &packed), 0);
	scratch_write(scratch, "lm.packed", packed.data, packed.size);
	lm_packed_finish(&packed);
	assert_int_equal(lm_open(path_in(scratch, "lm.packed"), &lm), 0);
	return lm;
}

static void expect_near(double got, double expected, const char *word)
{
	if (!(fabs(got - expected) <= 1e-5 * (1 + fabs(expected))))
		fail_msg("'%s': %.9g, expected %.9g", word, got, expected);
}

/* A word of the list, or one that no file lists. */
static const char *random_word(unsigned *seed)
{
	static const char *const foreign[] = {"unheard", "abcd", "hel", "", "\xc3"};
	unsigned n = 0;

	while (lm_random_words[n])
		n++;
	n = fixture_random(seed, n + 5);
	for (unsigned i = 0; i <= n; i++) {
		if (lm_random_words[i] == NULL)
			return foreign[n - i];
	}
	return lm_random_words[n];
}

static void check_sentence(const struct lm *lm, const struct lm_reference *reference, bool sentence,
			   unsigned *seed)
{
	const char *history[SENTENCE + 1] = {"<s>"};
	size_t n = sentence ? 1 : 0;
	struct lm_state state, unused;

	lm_begin(lm, sentence, &state);
	for (int i = 0; i < SENTENCE; i++) {
		const char *word = random_word(seed);
		struct lm_state before = state;
		uint32_t id = lm_find(lm, word, strlen(word));
		float score = lm_score(lm, &before, id, &state);

		assert_int_equal(id == lm_unknown(lm), !lm_reference_lists(reference, word));
		expect_near((double)score, lm_reference_score(reference, history, n, word), word);
		assert_true(state.length < lm_order(lm));
		/* to may be from. */
		unused = before;
		assert_true(lm_score(lm, &unused, id, &unused) == score);
		assert_memory_equal(&unused, &state, sizeof(state));
		history[n++] = word;
		if (lm_reference_lists(reference, "</s>"))
			expect_near((double)lm_end(lm, &state),
				    lm_reference_score(reference, history, n, "</s>"), "</s>");
		else
			assert_true(lm_end(lm, &state) == 0);
	}
}

static void test_scores(void **state)
{
	const struct scratch *scratch = *state;
	unsigned seed = 7;

	for (int i = 0; i < 200; i++) {
		struct lm_random what = {.order = 1 + fixture_random(&seed, 5),
					 .whole = fixture_random(&seed, 2) > 0,
					 .unknown = fixture_random(&seed, 4) > 0,
					 .end = fixture_random(&seed, 4) > 0};
		char *arpa = lm_random_arpa(&what, &seed);
		struct lm_reference *reference = lm_reference_read(arpa);
		struct lm *lm = i % 2 ? open_text(scratch, arpa) : open_packed(scratch, arpa);

		assert_int_equal(lm_order(lm), what.order);
		for (int k = 0; k < 12; k++)
			check_sentence(lm, reference, k % 3 > 0, &seed);
		lm_close(lm);
		lm_reference_free(reference);
		free(arpa);
	}
}

static const char SMALL[] = "\\data\\\n"
			    "ngram 1=6\n"
			    "ngram 2=4\n"
			    "ngram 3=1\n"
			    "\n"
			    "\\1-grams:\n"
			    "-1.0\t<unk>\n"
			    "-99\t<s>\t-0.5\n"
			    "-0.9\t</s>\n"
			    "-0.8\tTURN\t-0.25\n"
			    "-0.7\tON\t-0.125\n"
			    "-0.6\tOFF\n"
			    "\n"
			    "\\2-grams:\n"
			    "-0.1\t<s> TURN\t-0.0625\n"
			    "-0.2\tTURN ON\t-0.03125\n"
			    "-0.3\tTURN OFF\n"
			    "-0.4\tOFF </s>\n"
			    "\n"
			    "\\3-grams:\n"
			    "-0.05\t<s> TURN ON\n"
			    "\n"
			    "\\end\\\n";

static float score_of(const struct lm *lm, struct lm_state *state, const char *word)
{
	return lm_score(lm, state, lm_find(lm, word, strlen(word)), state);
}

/* By hand, so that the reference is checked too. */
static void test_by_hand(void **state)
{
	struct lm *lm = open_packed(*state, SMALL);
	struct lm_reference *reference = lm_reference_read(SMALL);
	const char *history[] = {"<s>", "TURN", "OFF"};
	struct lm_state now, other;

	lm_begin(lm, true, &now);
	expect_near(score_of(lm, &now, "TURN"), -0.1, "<s> TURN");
	other = now;
	expect_near(score_of(lm, &other, "ON"), -0.05, "<s> TURN ON");
	expect_near(lm_end(lm, &other), -0.03125 - 0.125 - 0.9, "TURN ON </s>");
	/* <s> TURN backs off, then TURN OFF is listed. */
	expect_near(score_of(lm, &now, "OFF"), -0.0625 - 0.3, "<s> TURN OFF");
	expect_near(lm_reference_score(reference, history, 2, "OFF"), -0.0625 - 0.3, "reference");
	expect_near(lm_end(lm, &now), -0.4, "OFF </s>");
	expect_near(lm_reference_score(reference, history, 3, "</s>"), -0.4, "reference");
	expect_near(score_of(lm, &now, "NEVER"), -1.0, "OFF <unk>");
	/* Nothing follows <unk>, and it has no back-off: there is nothing to remember. */
	assert_int_equal(now.length, 0);
	lm_begin(lm, false, &now);
	assert_int_equal(now.length, 0);
	expect_near(score_of(lm, &now, "ON"), -0.7, "ON");
	lm_reference_free(reference);
	lm_close(lm);
}

/* States that are equal have the same future; here what is forgotten is shown
 * to be all that can be. */
static void test_states(void **state)
{
	struct lm *lm = open_packed(*state, SMALL);
	struct lm_state a, b;

	lm_begin(lm, true, &a);
	score_of(lm, &a, "ON"); /* <s> ON is not listed: ON alone counts */
	lm_begin(lm, false, &b);
	score_of(lm, &b, "OFF");
	assert_false(lm_state_equal(&a, &b));
	score_of(lm, &b, "ON");
	assert_true(lm_state_equal(&a, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.length, 1);
	lm_close(lm);
}

static void check_cursor(const struct lm *lm, const struct lm_reference *reference,
			 const char *text)
{
	struct lm_cursor cursor, whole;
	size_t n = strlen(text), characters = 0;
	char prefix[64] = "";

	lm_cursor_begin(lm, &cursor);
	for (size_t i = 0; i < n; i++) {
		bool found = lm_cursor_push(lm, &cursor, text + i, 1);
		uint32_t id;

		characters += ((unsigned char)text[i] & 0xc0) != 0x80;
		memcpy(prefix, text, i + 1);
		prefix[i + 1] = '\0';
		id = lm_find(lm, prefix, i + 1);
		assert_int_equal(lm_cursor_known(lm, &cursor),
				 lm_reference_begins(reference, prefix));
		assert_true(found || !lm_cursor_known(lm, &cursor));
		assert_int_equal(lm_cursor_word(lm, &cursor), id);
		assert_int_equal(id != lm_unknown(lm), lm_reference_lists(reference, prefix));
		assert_int_equal(cursor.bytes, i + 1);
		assert_int_equal(cursor.characters, characters);
	}
	lm_cursor_begin(lm, &whole);
	lm_cursor_push(lm, &whole, text, n);
	assert_memory_equal(&whole, &cursor, sizeof(cursor));
}

static void test_cursors(void **state)
{
	const struct scratch *scratch = *state;
	unsigned seed = 21;

	for (int i = 0; i < 50; i++) {
		struct lm_random what = {.order = 1, .unknown = true, .end = true};
		char *arpa = lm_random_arpa(&what, &seed);
		struct lm_reference *reference = lm_reference_read(arpa);
		struct lm *lm = open_text(scratch, arpa);

		for (int k = 0; lm_random_words[k]; k++) {
			char longer[32];

			snprintf(longer, sizeof(longer), "%s%s", lm_random_words[k],
				 lm_random_words[fixture_random(&seed, 5)]);
			check_cursor(lm, reference, lm_random_words[k]);
			check_cursor(lm, reference, longer);
		}
		lm_close(lm);
		lm_reference_free(reference);
		free(arpa);
	}
}

static void test_words(void **state)
{
	struct lm *lm = open_text(*state, SMALL);

	assert_int_equal(lm_size(lm), 6);
	for (uint32_t id = 0; id < lm_size(lm); id++) {
		size_t n;
		const char *word = lm_word(lm, id, &n);

		assert_int_equal(lm_find(lm, word, n), id);
	}
	lm_close(lm);
}

static bool is_known(const struct lm *lm, const char *word)
{
	return lm_known(lm, lm_find(lm, word, strlen(word)));
}

static bool begins_known(const struct lm *lm, const char *text)
{
	struct lm_cursor cursor;

	lm_cursor_begin(lm, &cursor);
	lm_cursor_push(lm, &cursor, text, strlen(text));
	return lm_cursor_known(lm, &cursor);
}

static void test_known(void **state)
{
	struct scratch *scratch = *state;
	struct lm *lm = open_text(scratch, SMALL);

	assert_true(is_known(lm, "OFF"));
	assert_false(is_known(lm, "NEVER"));
	assert_false(is_known(lm, "<s>"));
	assert_false(is_known(lm, "</s>"));
	assert_false(is_known(lm, "<unk>"));
	assert_true(begins_known(lm, "O"));
	assert_false(begins_known(lm, "<"));

	scratch_write_text(scratch, "unigrams.txt", "ON\nNEVER\nTURN\n</s>\n");
	assert_int_equal(lm_know(lm, path_in(scratch, "unigrams.txt")), 0);
	assert_true(is_known(lm, "ON"));
	assert_true(is_known(lm, "TURN"));
	assert_false(is_known(lm, "OFF"));
	assert_false(is_known(lm, "</s>"));
	assert_true(begins_known(lm, "O"));
	assert_false(begins_known(lm, "OF"));
	assert_true(begins_known(lm, "TURN"));
	assert_false(begins_known(lm, "TURNS"));

	/* A list that cannot be read changes nothing. */
	scratch_quiet(scratch);
	assert_true(lm_know(lm, path_in(scratch, "none.txt")) < 0);
	scratch_expect(scratch, "none.txt", "No such file");
	assert_true(is_known(lm, "ON"));
	assert_false(is_known(lm, "OFF"));
	lm_close(lm);
}

/* pyctcdecode's LanguageModel.score and score_partial_token, written out. */
static void test_fusion(void **state)
{
	const struct lm_weights weights = {
		.alpha = 0.7F, .beta = 1.25F, .unknown_offset = -8.0F, .boundary = true};
	const struct lm_weights unbound = {
		.alpha = 0.7F, .beta = 1.25F, .unknown_offset = -8.0F, .boundary = false};
	struct lm *lm = open_packed(*state, SMALL);
	const double ln10 = log(10.0);
	struct lm_state now, next;
	struct lm_cursor cursor;

	lm_fusion_begin(lm, &weights, &now);
	expect_near(lm_fusion_word(lm, &weights, &now, lm_find(lm, "TURN", 4), &next),
		    0.7 * -0.1 * ln10 + 1.25, "TURN");
	expect_near(lm_fusion_word(lm, &weights, &now, lm_find(lm, "TURNS", 5), &next),
		    0.7 * (-0.5 - 1.0 - 8.0) * ln10 + 1.25, "TURNS");
	lm_fusion_begin(lm, &unbound, &now);
	expect_near(lm_fusion_word(lm, &unbound, &now, lm_find(lm, "OFF", 3), &next),
		    0.7 * -0.6 * ln10 + 1.25, "OFF");
	expect_near(lm_fusion_end(lm, &weights, &next), 0.7 * -0.4 * ln10, "</s>");
	assert_true(lm_fusion_end(lm, &unbound, &next) == 0);

	lm_cursor_begin(lm, &cursor);
	assert_true(lm_fusion_partial(lm, &weights, &cursor) == 0);
	lm_cursor_push(lm, &cursor, "TUR", 3);
	assert_true(lm_fusion_partial(lm, &weights, &cursor) == 0);
	lm_cursor_push(lm, &cursor, "TLE", 3);
	expect_near(lm_fusion_partial(lm, &weights, &cursor), -8, "TURTLE");
	lm_cursor_push(lm, &cursor, "\xc3\x89S", 3);
	expect_near(lm_fusion_partial(lm, &weights, &cursor), -8 * 8 / 6.0, "TURTLES");
	lm_close(lm);

	const struct lm_weights normal = lm_weights_default();
	assert_true(normal.alpha == 0.5F && normal.beta == 1.5F &&
		    normal.unknown_offset == -10.0F && normal.boundary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_scores, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_by_hand, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_states, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_cursors, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_words, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_known, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_fusion, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
