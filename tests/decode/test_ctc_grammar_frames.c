/* The grammar search over time: any split of the frames, copies and resets; times,
 * confidence and rejection by hand. */
#include "core/decode/ctc_grammar.h"
#include "tests/decode/fixture.h"
#include "tests/decode/letters.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BAR = 1, TOKENS = 4 }; /* blank, delimiter, A, B */

static const char *const letters[] = {"A", "B"};

static struct grammar *compile(const struct vocab *vocab, const char *text)
{
	struct grammar_error error;
	struct grammar *grammar;
	int code = grammar_compile(vocab, text, strlen(text), &grammar, &error);

	if (code < 0)
		fail_msg("%zu:%zu: %s in %s", error.line, error.column, error.message, text);
	return grammar;
}

/* ---- splits, copies, resets ---- */

enum { LONG = 60 };

static const char orders[] = "(aab | ab [ba] | b){2,5} <end>; <end> = aa | bb;";

struct outcome {
	struct ctc_match match;
	struct ctc_match_token tokens[LONG];
	char text[256];
};

static void take_outcome(struct ctc_grammar *search, struct outcome *outcome)
{
	ctc_grammar_match(search, &outcome->match);
	assert_true(outcome->match.n <= LONG);
	if (outcome->match.n > 0)
		memcpy(outcome->tokens, outcome->match.tokens,
		       outcome->match.n * sizeof(*outcome->tokens));
	snprintf(outcome->text, sizeof(outcome->text), "%s", ctc_grammar_text(search));
}

static void check_equal(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->match.n, b->match.n);
	assert_true(a->match.score == b->match.score);
	assert_true(a->match.confidence == b->match.confidence);
	assert_string_equal(a->text, b->text);
	for (size_t i = 0; i < a->match.n; i++) {
		assert_int_equal(a->tokens[i].token, b->tokens[i].token);
		assert_int_equal(a->tokens[i].start_frame, b->tokens[i].start_frame);
		assert_int_equal(a->tokens[i].end_frame, b->tokens[i].end_frame);
	}
}

/* Spans lie in order inside the utterance and their scores add up. */
static void check_tokens(const struct outcome *outcome, size_t frames)
{
	double sum = 0.0;
	int end = 0;

	for (size_t i = 0; i < outcome->match.n; i++) {
		assert_true(outcome->tokens[i].start_frame >= end);
		assert_true(outcome->tokens[i].end_frame > outcome->tokens[i].start_frame);
		end = outcome->tokens[i].end_frame;
		sum += (double)outcome->tokens[i].score;
	}
	assert_true((size_t)end <= frames);
	if (outcome->match.n > 0)
		assert_true(fabs(sum - outcome->match.score) < 1e-3);
}

static void random_rows(unsigned *random, float *rows)
{
	for (size_t i = 0; i < (size_t)LONG * TOKENS; i++)
		rows[i] = (float)fixture_random(random, 1000) / 100.0F;
}

static void check_splits(struct ctc_grammar *search, struct ctc_grammar *other, const float *rows,
			 unsigned *random)
{
	struct outcome whole, parts;
	size_t done = 0, copy_at = fixture_random(random, LONG);
	bool copied = false;

	ctc_grammar_reset(search);
	assert_int_equal(ctc_grammar_commit(search, rows, LONG), 0);
	take_outcome(search, &whole);
	assert_true(whole.match.n > 0);
	check_tokens(&whole, LONG);
	ctc_grammar_reset(search);
	while (done < LONG) {
		size_t n = fixture_random(random, 9), ahead = fixture_random(random, 9);

		n = n > LONG - done ? LONG - done : n;
		assert_int_equal(ctc_grammar_commit(search, rows + done * TOKENS, n), 0);
		done += n;
		ahead = ahead > LONG - done ? LONG - done : ahead;
		assert_int_equal(ctc_grammar_provisional(search, rows + done * TOKENS, ahead), 0);
		if (!copied && done >= copy_at) {
			copied = true;
			ctc_grammar_copy(other, search);
			assert_string_equal(ctc_grammar_text(other), ctc_grammar_text(search));
			assert_int_equal(
				ctc_grammar_commit(other, rows + done * TOKENS, LONG - done), 0);
		}
	}
	take_outcome(search, &parts);
	check_equal(&whole, &parts);
	take_outcome(other, &parts);
	check_equal(&whole, &parts);
}

/* What provisional frames show is what committing them would. */
static void check_provisional(struct ctc_grammar *search, struct ctc_grammar *other,
			      const float *rows)
{
	ctc_grammar_reset(search);
	ctc_grammar_reset(other);
	assert_int_equal(ctc_grammar_commit(search, rows, LONG / 2), 0);
	assert_int_equal(ctc_grammar_provisional(search, rows + LONG / 2 * TOKENS, LONG / 4), 0);
	assert_int_equal(ctc_grammar_commit(other, rows, LONG / 2 + LONG / 4), 0);
	assert_string_equal(ctc_grammar_text(search), ctc_grammar_text(other));
	assert_int_equal(ctc_grammar_frames(search), LONG / 2);
}

static void check_search(const struct vocab *vocab, struct grammar *grammar, size_t beam,
			 unsigned seed)
{
	struct ctc_grammar_options options = {.beam = beam, .threshold = -1.0F};
	struct ctc_grammar *search, *other;
	float rows[LONG * TOKENS];
	unsigned random = seed;

	assert_int_equal(ctc_grammar_create(vocab, grammar, &options, TOKENS, LONG, &search), 0);
	assert_int_equal(ctc_grammar_create(vocab, grammar, &options, TOKENS, LONG, &other), 0);
	for (int i = 0; i < 20; i++) {
		random_rows(&random, rows);
		check_splits(search, other, rows, &random);
		check_provisional(search, other, rows);
	}
	assert_int_equal(ctc_grammar_commit(search, rows, LONG), -ENOSPC);
	ctc_grammar_destroy(search);
	ctc_grammar_destroy(other);
}

static void test_splits(void **state)
{
	static const size_t beams[] = {1, 3, 16, 200};
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	struct grammar *grammar = compile(vocab, orders);

	(void)state;
	for (size_t i = 0; i < sizeof(beams) / sizeof(beams[0]); i++)
		check_search(vocab, grammar, beams[i], (unsigned)i + 1);
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

enum { SHORTEST = 12, FRAMES = 2 * SHORTEST }; /* tokens of the shortest phrase */

/* Long phrases, none of which is said: whatever else the first frames suggest, and however
 * few paths are kept, two frames for each token are enough for one to be found; without
 * them there is none. The widest beam is the whole graph: nothing scores better. */
static void check_completion(const struct vocab *vocab, struct grammar *grammar, size_t beam,
			     const float *rows, double best)
{
	struct ctc_grammar_options options = {.beam = beam, .threshold = -1.0F};
	struct ctc_grammar *search;
	struct ctc_match match;

	assert_int_equal(ctc_grammar_create(vocab, grammar, &options, TOKENS, LONG, &search), 0);
	assert_int_equal(ctc_grammar_commit(search, rows, SHORTEST - 1), 0);
	ctc_grammar_match(search, &match);
	assert_int_equal(match.n, 0);
	assert_int_equal(
		ctc_grammar_commit(search, rows + (SHORTEST - 1) * TOKENS, FRAMES - SHORTEST + 1),
		0);
	ctc_grammar_match(search, &match);
	assert_true(match.n >= SHORTEST);
	assert_false(match.accepted);
	assert_true(match.score <= best + 1e-6);
	ctc_grammar_destroy(search);
}

static double best_score(const struct vocab *vocab, struct grammar *grammar, const float *rows)
{
	struct ctc_grammar_options options = {.threshold = -1.0F};
	struct ctc_grammar *search;
	struct ctc_match match;

	assert_int_equal(ctc_grammar_create(vocab, grammar, &options, TOKENS, LONG, &search), 0);
	assert_int_equal(ctc_grammar_commit(search, rows, FRAMES), 0);
	ctc_grammar_match(search, &match);
	ctc_grammar_destroy(search);
	return match.score;
}

static void test_completion(void **state)
{
	static const size_t beams[] = {0, 1, 3, 16, 200};
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	struct grammar *grammar = compile(
		vocab, "(a | b | ab | ba) (aabb | abab) (bbaab | babaaab | aaabbb) [a] [b];");
	unsigned random = 7;

	(void)state;
	for (int i = 0; i < 50; i++) {
		float rows[LONG * TOKENS];
		double best;

		random_rows(&random, rows);
		for (size_t f = 0; f < LONG; f++)
			rows[f * TOKENS + (i % 2 == 0 ? BAR : fixture_random(&random, TOKENS))] +=
				20.0F;
		best = best_score(vocab, grammar, rows);
		for (size_t k = 0; k < sizeof(beams) / sizeof(beams[0]); k++)
			check_completion(vocab, grammar, beams[k], rows, best);
	}
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

/* No number and no possibility in the logits: no phrase, no crash. */
static void test_no_numbers(void **state)
{
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	struct grammar *grammar = compile(vocab, orders);
	const float odd[] = {NAN, -INFINITY, INFINITY, 0.0F};
	struct ctc_grammar *search;
	struct ctc_match match;
	unsigned random = 3;

	(void)state;
	assert_int_equal(ctc_grammar_create(vocab, grammar,
					    &(struct ctc_grammar_options){.beam = 8}, TOKENS, LONG,
					    &search),
			 0);
	for (int i = 0; i < 200; i++) {
		float rows[LONG * TOKENS];

		random_rows(&random, rows);
		for (int k = 0; k < 5; k++)
			rows[fixture_random(&random, LONG * TOKENS)] =
				odd[fixture_random(&random, 4)];
		ctc_grammar_reset(search);
		assert_int_equal(ctc_grammar_commit(search, rows, LONG), 0);
		ctc_grammar_match(search, &match);
		assert_true(match.n <= LONG);
		assert_true(match.confidence >= 0.0F && match.confidence <= 1.0F);
		ctc_grammar_text(search);
	}
	ctc_grammar_destroy(search);
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

/* ---- by hand ---- */

/* Each frame's token has `peak` above all others. */
static void commit_path(struct ctc_grammar *search, const char *path, float peak)
{
	static const char names[] = "_|AB";

	for (; *path != '\0'; path++) {
		float row[TOKENS] = {0};

		row[strchr(names, *path) - names] = peak;
		assert_int_equal(ctc_grammar_commit(search, row, 1), 0);
	}
}

static struct ctc_grammar *create(const struct vocab *vocab, const char *text,
				  struct ctc_grammar_options options)
{
	struct grammar *grammar = compile(vocab, text);
	struct ctc_grammar *search;

	assert_int_equal(ctc_grammar_create(vocab, grammar, &options, TOKENS, 100, &search), 0);
	grammar_unref(grammar);
	return search;
}

static struct ctc_match match_of(struct ctc_grammar *search, const char *path)
{
	struct ctc_match match;

	ctc_grammar_reset(search);
	commit_path(search, path, 9.0F);
	ctc_grammar_match(search, &match);
	return match;
}

/* A long phrase with one word that was not said: the mean alone would not tell. */
static void test_one_wrong_word(void **state)
{
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	struct ctc_grammar *search = create(vocab, "abababababababab b;",
					    (struct ctc_grammar_options){.threshold = 0.5F});
	struct ctc_match match = match_of(search, "ABABABABABABABAB|A_");

	(void)state;
	assert_int_equal(match.n, 18);
	assert_true(exp(match.score / 17) > 0.5);
	assert_true(match.weakest < 0.1F);
	assert_true(match.confidence == sqrtf(match.weakest));
	assert_false(match.accepted);
	ctc_grammar_destroy(search);
	vocab_destroy(vocab);
}

static void test_by_hand(void **state)
{
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	struct ctc_grammar *search =
		create(vocab, "ab ba | aab;", (struct ctc_grammar_options){.threshold = 0.5F});
	struct ctc_match match;

	(void)state;
	ctc_grammar_match(search, &match);
	assert_int_equal(match.n, 0);
	assert_false(match.accepted);
	assert_string_equal(ctc_grammar_text(search), "");

	commit_path(search, "_AA_", 9.0F);
	assert_string_equal(ctc_grammar_text(search), "A");
	commit_path(search, "B|_", 9.0F);
	assert_string_equal(ctc_grammar_text(search), "AB");
	commit_path(search, "B_AA__", 9.0F);
	assert_string_equal(ctc_grammar_text(search), "AB BA");
	ctc_grammar_match(search, &match);
	assert_int_equal(match.n, 5);
	assert_true(match.accepted);
	assert_true(match.score == 0.0);
	assert_true(match.confidence == 1.0F);
	assert_int_equal(match.tokens[0].start_frame, 1);
	assert_int_equal(match.tokens[0].end_frame, 3);
	assert_int_equal(match.tokens[2].token, BAR);
	assert_int_equal(match.tokens[4].start_frame, 9);
	assert_int_equal(match.tokens[4].end_frame, 11);

	/* One word is wrong: it tells, however sure the other is. */
	match = match_of(search, "A_B_|A_B_");
	assert_false(match.accepted);
	assert_true(match.weakest < 0.05F);
	assert_true(match.confidence <= sqrtf(match.weakest));
	assert_true(ctc_match_confidence(&match, 0, 2) > 0.9F || match.n == 3);

	/* Nothing of it was said. */
	match = match_of(search, "____");
	assert_false(match.accepted);
	ctc_grammar_destroy(search);
	vocab_destroy(vocab);
}

static float confidence_of(struct ctc_grammar *search, const char *path)
{
	return match_of(search, path).confidence;
}

/* What is said around a phrase costs by its length, or is not possible. */
static void test_fillers(void **state)
{
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	static const char text[] = "bb ba;";
	struct ctc_grammar *search;
	/* What is expected of bb|ba, 4 letters: each of the 5 tokens is the only one of 3. */
	const float expected = 0.6F * logf(3.0F), characters = 4.0F + 5.0F * expected;
	struct ctc_match match;
	float none, one, two, both, forbidden;

	(void)state;
	search = create(vocab, text, (struct ctc_grammar_options){.filler_cost = 1.0F});
	none = confidence_of(search, "_|B_B|BA|_");
	two = confidence_of(search, "_AB|B_B|BA__");
	both = confidence_of(search, "_A|B_B|BA|A_");
	/* What is before a word belongs to it; two characters more tell less. */
	match = match_of(search, "_A|B_B|BA__");
	one = match.confidence;
	assert_float_equal(match.score, -1.0, 1e-5);
	assert_float_equal(match.weakest, expf(-2.0F / (2.0F + 2.0F * expected) * 2.0F / 4.0F),
			   1e-5);
	assert_float_equal(match.weakest, ctc_match_confidence(&match, 0, 2), 1e-5);
	ctc_grammar_destroy(search);
	assert_true(none == 1.0F);
	assert_true(fabsf(one - expf(-2.0F / characters)) < 1e-5F);
	assert_true(fabsf(two - expf(-4.0F / characters)) < 1e-5F);
	assert_true(both < none && both > 0.5F);

	search = create(vocab, text, (struct ctc_grammar_options){.filler_cost = INFINITY});
	none = confidence_of(search, "_|B_B|BA|_");
	forbidden = confidence_of(search, "_A|B_B|BA__");
	ctc_grammar_destroy(search);
	assert_true(none == 1.0F);
	assert_true(forbidden < 0.15F);
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),         cmocka_unit_test(test_completion),
		cmocka_unit_test(test_no_numbers),     cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_one_wrong_word), cmocka_unit_test(test_fillers),
	};

	return cmocka_run_group_tests_name("ctc_grammar_frames", tests, NULL, NULL);
}
