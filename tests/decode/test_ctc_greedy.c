/* The incremental search against decoding the whole: any split of the frames
 * gives the same, stable text only grows and is never taken back. */
#include "core/decode/ctc_greedy.h"
#include "core/weights/tokenizer.h"
#include "tests/decode/fixture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAMES = 160, PROVISIONAL = 16 };

struct run {
	const struct vocab *vocab;
	size_t tokens;
	size_t frames;
	int ids[FRAMES];
	float probabilities[FRAMES];
	float *logits; /* [FRAMES, tokens] */
};

/* Runs of the same token, many blanks, delimiters and specials, ids past the vocabulary. */
static void run_random(struct run *run, unsigned *random)
{
	size_t size = vocab_size(run->vocab);
	int last = 0;

	run->frames = 1 + fixture_random(random, FRAMES);
	for (size_t f = 0; f < run->frames; f++) {
		float *row = run->logits + f * run->tokens;

		switch (fixture_random(random, 6)) {
		case 0:
			break; /* repeats */
		case 1:
			last = vocab_blank(run->vocab);
			break;
		case 2:
			last = vocab_delimiter(run->vocab);
			break;
		case 3: /* what clean-up looks at comes last in its vocabulary */
			last = (int)(size - 1 - fixture_random(random, size < 6 ? 1 : 6));
			break;
		default:
			last = (int)fixture_random(random, (unsigned)run->tokens);
		}
		run->ids[f] = last;
		for (size_t t = 0; t < run->tokens; t++)
			row[t] = (float)fixture_random(random, 100) / 50.0F;
		row[last] = 2.0F + (float)fixture_random(random, 100) / 20.0F;
		assert_int_equal(ctc_argmax(row, run->tokens, &run->probabilities[f]), last);
	}
}

static void check_spans(const struct span *got, const struct span *expected, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(got[i].text, expected[i].text);
		assert_int_equal(got[i].start_frame, expected[i].start_frame);
		assert_int_equal(got[i].end_frame, expected[i].end_frame);
		assert_true(got[i].confidence == expected[i].confidence);
	}
}

/* The view of the first n frames of the run. */
static void check_view(const struct run *run, size_t n, const char *text,
		       const struct transcript *view)
{
	struct transcript expected;

	assert_int_equal(vocab_decode(run->vocab, run->ids, run->probabilities, n, NULL, &expected),
			 0);
	assert_string_equal(text, expected.text);
	if (view != NULL) {
		assert_string_equal(view->text, expected.text);
		assert_int_equal(view->n_chars, expected.n_chars);
		assert_int_equal(view->n_words, expected.n_words);
		check_spans(view->chars, expected.chars, expected.n_chars);
		check_spans(view->words, expected.words, expected.n_words);
	}
	transcript_finish(&expected);
}

static void check_prefix(const char *prefix, const char *text)
{
	assert_int_equal(strncmp(prefix, text, strlen(prefix)), 0);
}

static void check_trailing(const struct run *run, const struct ctc_greedy *greedy, size_t n)
{
	struct transcript all;
	int end = 0;

	assert_int_equal(vocab_decode(run->vocab, run->ids, NULL, n, NULL, &all), 0);
	if (all.n_words > 0)
		end = all.words[all.n_words - 1].end_frame;
	assert_int_equal(ctc_greedy_trailing_blank(greedy), n - (size_t)end);
	transcript_finish(&all);
}

static void check_run(const struct run *run, struct ctc_greedy *greedy, unsigned *random)
{
	char stable[FRAMES * 32] = "", final[FRAMES * 32];
	struct transcript whole;
	size_t done = 0;

	assert_int_equal(
		vocab_decode(run->vocab, run->ids, run->probabilities, run->frames, NULL, &whole),
		0);
	snprintf(final, sizeof(final), "%s", whole.text);
	transcript_finish(&whole);
	ctc_greedy_reset(greedy);
	assert_string_equal(ctc_greedy_text(greedy), "");
	while (done < run->frames) {
		size_t left = run->frames - done;
		size_t n = fixture_random(random, 12), tail;

		n = n > left ? left : n;
		assert_int_equal(ctc_greedy_commit(greedy, run->logits + done * run->tokens, n), 0);
		done += n;
		assert_int_equal(ctc_greedy_frames(greedy), done);
		assert_string_equal(ctc_greedy_text(greedy), ctc_greedy_committed(greedy));
		for (int k = 0; k < 2; k++) {
			tail = fixture_random(random, PROVISIONAL);
			tail = tail > run->frames - done ? run->frames - done : tail;
			assert_int_equal(ctc_greedy_provisional(
						 greedy, run->logits + done * run->tokens, tail),
					 0);
			check_view(run, done + tail, ctc_greedy_text(greedy),
				   ctc_greedy_transcript(greedy));
		}
		check_view(run, done, ctc_greedy_committed(greedy), NULL);
		check_trailing(run, greedy, done);
		check_prefix(stable, ctc_greedy_stable(greedy));
		check_prefix(ctc_greedy_stable(greedy), ctc_greedy_committed(greedy));
		check_prefix(ctc_greedy_stable(greedy), ctc_greedy_text(greedy));
		check_prefix(ctc_greedy_stable(greedy), final);
		snprintf(stable, sizeof(stable), "%s", ctc_greedy_stable(greedy));
		assert_int_equal(ctc_greedy_stable_length(greedy), strlen(stable));
	}
	assert_string_equal(ctc_greedy_committed(greedy), final);
	done = fixture_random(random, (unsigned)run->frames + 2);
	ctc_greedy_truncate(greedy, done);
	done = done > run->frames ? run->frames : done;
	assert_int_equal(ctc_greedy_frames(greedy), done);
	check_view(run, done, ctc_greedy_text(greedy), ctc_greedy_transcript(greedy));
}

static void check_vocab(const struct vocab *vocab, unsigned seed)
{
	struct run run = {.vocab = vocab, .tokens = vocab_size(vocab) + 2};
	struct ctc_greedy *greedy;
	unsigned random = seed;

	run.logits = malloc(FRAMES * run.tokens * sizeof(*run.logits));
	assert_non_null(run.logits);
	assert_int_equal(ctc_greedy_create(vocab, run.tokens, FRAMES, &greedy), 0);
	for (int i = 0; i < 200; i++) {
		run_random(&run, &random);
		check_run(&run, greedy, &random);
	}
	ctc_greedy_destroy(greedy);
	free(run.logits);
}

static void test_fixture_vocabularies(void **state)
{
	static const char *const names[] = {
		"base-style",
		"vocab-added-tokens",
		"vocab-bracket-pad-lower",
		"vocab-do-lower-case",
		"vocab-punct-cleanup",
		"vocab-space-delimiter",
		"vocab-unicode-escaped",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct vocab *vocab = fixture_vocab(names[i], NULL);

		check_vocab(vocab, (unsigned)i + 1);
		vocab_destroy(vocab);
	}
}

/* Lower case with a letter that depends on what follows, and clean-up, and white
 * space as tokens, all at once. */
static void test_hard_vocabulary(void **state)
{
	static const char *const texts[] = {"#", "|", "\u0391", "\u3000", "n", "t", "m",
					    "r", "e", "\u03a3", "'",      ".", "s", "VE'"};
	static char delimiter[] = "|", space[] = " ";
	struct tokenizer_token tokens[sizeof(texts) / sizeof(texts[0])] = {{0}};
	struct tokenizer tokenizer = {.n_tokens = sizeof(texts) / sizeof(texts[0]),
				      .tokens = tokens,
				      .unk_id = -1,
				      .delimiter_id = 1,
				      .delimiter = delimiter,
				      .replace_delimiter = space,
				      .do_lower_case = true,
				      .clean_up_spaces = true};
	struct vocab *vocab;

	(void)state;
	for (size_t i = 0; i < tokenizer.n_tokens; i++)
		tokens[i].text = (char *)(uintptr_t)texts[i];
	assert_int_equal(vocab_create(&tokenizer, -1, &vocab), 0);
	for (unsigned seed = 1; seed < 6; seed++)
		check_vocab(vocab, seed);
	vocab_destroy(vocab);
}

static void commit_ids(struct ctc_greedy *greedy, const int *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float row[64] = {0};

		row[ids[i]] = 9.0F;
		assert_int_equal(ctc_greedy_commit(greedy, row, 1), 0);
	}
}

/* base-style: 0 blank, 4 delimiter, 5 E, 6 T, 7 A. */
static void test_stable_by_hand(void **state)
{
	struct vocab *vocab = fixture_vocab("base-style", NULL);
	size_t tokens = vocab_size(vocab);
	struct ctc_greedy *greedy;
	float row[64] = {0};

	(void)state;
	assert_int_equal(ctc_greedy_create(vocab, tokens, 100, &greedy), 0);
	commit_ids(greedy, (const int[]){0, 4, 0, 5}, 4);
	assert_string_equal(ctc_greedy_stable(greedy), "E");
	assert_true(ctc_greedy_open_word(greedy));
	assert_int_equal(ctc_greedy_finished_words(greedy), 0);
	commit_ids(greedy, (const int[]){4, 0, 0, 4}, 4);
	assert_string_equal(ctc_greedy_stable(greedy), "E");
	assert_string_equal(ctc_greedy_committed(greedy), "E");
	assert_false(ctc_greedy_open_word(greedy));
	assert_int_equal(ctc_greedy_finished_words(greedy), 1);
	assert_int_equal(ctc_greedy_trailing_blank(greedy), 4);
	row[6] = 9.0F;
	assert_int_equal(ctc_greedy_provisional(greedy, row, 1), 0);
	assert_string_equal(ctc_greedy_text(greedy), "E  T");
	assert_string_equal(ctc_greedy_stable(greedy), "E");
	assert_int_equal(ctc_greedy_transcript(greedy)->n_words, 2);
	assert_int_equal(ctc_greedy_finished_words(greedy), 1);
	commit_ids(greedy, (const int[]){7}, 1);
	assert_string_equal(ctc_greedy_stable(greedy), "E  A");
	ctc_greedy_destroy(greedy);
	vocab_destroy(vocab);
}

static void test_capacity(void **state)
{
	struct vocab *vocab = fixture_vocab("base-style", NULL);
	size_t tokens = vocab_size(vocab);
	float *rows = calloc(11 * tokens, sizeof(*rows));
	struct ctc_greedy *greedy;

	(void)state;
	/* The longest token in every frame, never two in a row. */
	for (size_t f = 0; f < 11; f++)
		rows[f * tokens + (f % 2 == 0 ? 3 : 2)] = 1.0F;
	assert_int_equal(ctc_greedy_create(vocab, tokens, 10, &greedy), 0);
	assert_int_equal(ctc_greedy_commit(greedy, rows, 11), -ENOSPC);
	assert_int_equal(ctc_greedy_frames(greedy), 0);
	assert_int_equal(ctc_greedy_commit(greedy, rows, 4), 0);
	assert_int_equal(ctc_greedy_provisional(greedy, rows + 4 * tokens, 7), -ENOSPC);
	assert_int_equal(ctc_greedy_provisional(greedy, rows + 4 * tokens, 6), 0);
	assert_string_equal(ctc_greedy_text(greedy),
			    "<unk></s><unk></s><unk></s><unk></s><unk></s>");
	assert_int_equal(ctc_greedy_commit(greedy, rows + 4 * tokens, 6), 0);
	assert_int_equal(ctc_greedy_commit(greedy, rows, 1), -ENOSPC);
	assert_int_equal(ctc_greedy_transcript(greedy)->n_chars, 10);
	ctc_greedy_destroy(greedy);
	free(rows);
	vocab_destroy(vocab);
}

static void test_argmax(void **state)
{
	const float ties[] = {1, 2, 2}, nans[] = {NAN, 1, NAN, 3, NAN}, all[] = {NAN, NAN};
	const float wide[] = {0, 500, -INFINITY};
	float probability;

	(void)state;
	assert_int_equal(ctc_argmax(ties, 3, &probability), 1);
	assert_true(fabsf(probability - 1.0F / (2.0F + expf(-1.0F))) < 1e-6F);
	assert_int_equal(ctc_argmax(nans, 5, &probability), 3);
	assert_true(probability > 0.8F && probability <= 1.0F);
	assert_int_equal(ctc_argmax(all, 2, &probability), 0);
	assert_true(probability == 0.0F);
	assert_int_equal(ctc_argmax(wide, 3, &probability), 1);
	assert_true(probability == 1.0F);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixture_vocabularies),
		cmocka_unit_test(test_hard_vocabulary),
		cmocka_unit_test(test_stable_by_hand),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_argmax),
	};

	return cmocka_run_group_tests_name("ctc_greedy", tests, NULL, NULL);
}
