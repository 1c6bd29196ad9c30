/* The beam search against the enumeration of all paths of small lattices. */
#include "core/decode/ctc_beam.h"
#include "core/decode/ctc_loss.h"
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

enum { MOST = 1024 }; /* labellings of a small lattice */

/* Tokens of several letters make several labellings of one text. */
static const char *const letters[] = {"#", "|", "A", "AB"};
static const char *const pieces[] = {"#",
				     "\xe2\x96\x81"
				     "A",
				     "B", "\xe2\x96\x81"};
static const char *const bare[] = {"#", "A", "B", "BA"};

struct small {
	struct vocab *vocab;
	size_t tokens, frames;
	float logits[64];
	struct labelling *labellings; /* [MOST] */
	size_t n;
};

static void small_random(struct small *small, unsigned *random)
{
	small->frames = 1 + fixture_random(random, 6);
	lattice_random(small->logits, small->frames, small->tokens, 4.0F, random);
	small->n = lattice_enumerate(small->logits, small->frames, small->tokens, small->labellings,
				     MOST);
}

/* Nothing is pruned. */
static struct decode_plan *wide_plan(void)
{
	struct decode_plan *plan = decode_plan_create();

	assert_non_null(plan);
	plan->beam = PLAN_MAX_BEAM;
	plan->token_prune = 1000.0F;
	plan->beam_prune = 1000.0F;
	return plan;
}

static struct ctc_beam *search(const struct vocab *vocab, size_t tokens, size_t frames,
			       const struct decode_plan *plan, bool streaming)
{
	const struct decoder_params params = {vocab, tokens, frames, streaming};
	struct ctc_beam *beam;

	assert_int_equal(ctc_beam_create(&params, plan, &beam), 0);
	return beam;
}

/* ---- acoustics ---- */

static void check_all(const struct small *small, struct ctc_beam *beam)
{
	double before = INFINITY;

	ctc_beam_reset(beam);
	assert_int_equal(ctc_beam_commit(beam, small->logits, small->frames), 0);
	ctc_beam_finish(beam);
	assert_int_equal(ctc_beam_hypotheses(beam), small->n);
	for (size_t rank = 0; rank < small->n; rank++) {
		struct transcript transcript;
		struct decoder_score score;
		int labels[LATTICE_LABELS];
		const struct labelling *labelling;

		assert_int_equal(ctc_beam_hypothesis(beam, rank, &transcript), 0);
		ctc_beam_score(beam, rank, &score);
		labelling = lattice_find(small->labellings, small->n, labels,
					 lattice_labels(small->vocab, &transcript, labels));
		lattice_near(score.acoustic, log(labelling->sum));
		lattice_near(score.total, score.acoustic);
		assert_true(score.total <= before);
		before = score.total;
		transcript_finish(&transcript);
	}
	struct transcript none;
	assert_int_equal(ctc_beam_hypothesis(beam, small->n, &none), -ENOENT);
}

static void test_enumeration(void **state)
{
	struct small small = {.tokens = 4};
	struct decode_plan *plan = wide_plan();
	unsigned random = 1;

	(void)state;
	small.vocab = lattice_vocab(letters, 4);
	small.labellings = malloc(MOST * sizeof(*small.labellings));
	struct ctc_beam *beam = search(small.vocab, 4, 6, plan, false);
	for (int i = 0; i < 60; i++) {
		small_random(&small, &random);
		check_all(&small, beam);
	}
	ctc_beam_destroy(beam);
	decode_plan_release(plan);
	free(small.labellings);
	vocab_destroy(small.vocab);
}

/* Times are those of the best path, confidences the mean probabilities there. */
static void test_alignment(void **state)
{
	struct small small = {.tokens = 4};
	struct decode_plan *plan = wide_plan();
	unsigned random = 2;

	(void)state;
	small.vocab = lattice_vocab(letters, 4);
	small.labellings = malloc(MOST * sizeof(*small.labellings));
	struct ctc_beam *beam = search(small.vocab, 4, 6, plan, false);
	for (int i = 0; i < 60; i++) {
		const struct transcript *best;
		int labels[LATTICE_LABELS], of_frame[LATTICE_LABELS];
		size_t n;

		small_random(&small, &random);
		ctc_beam_reset(beam);
		ctc_beam_commit(beam, small.logits, small.frames);
		ctc_beam_finish(beam);
		best = ctc_beam_transcript(beam);
		n = lattice_labels(small.vocab, best, labels);
		assert_int_equal(ctc_align(small.logits, small.frames, 4, labels, n, 0, of_frame),
				 0);
		for (size_t k = 0; k < n; k++) {
			double sum = 0.0;
			int frames = 0;

			for (size_t f = 0; f < small.frames; f++) {
				bool inside = (int)f >= best->chars[k].start_frame &&
					      (int)f < best->chars[k].end_frame;

				assert_int_equal(of_frame[f] == (int)k, inside);
				frames += inside;
				sum += inside ? exp(lattice_ln(small.logits, 4, f, labels[k])) : 0;
			}
			lattice_near((double)best->chars[k].confidence, sum / frames);
		}
	}
	ctc_beam_destroy(beam);
	decode_plan_release(plan);
	free(small.labellings);
	vocab_destroy(small.vocab);
}

/* Tokens of equal text, and ids that the vocabulary does not know, are one. */
static void test_equal_tokens(void **state)
{
	static const char *const twice[] = {"#", "A", "A", "B"};
	const float logits[] = {0.0F, 1.0F, 1.2F, 1.5F};
	struct vocab *vocab = lattice_vocab(twice, 4);
	struct decode_plan *plan = wide_plan();
	struct ctc_beam *beam = search(vocab, 4, 4, plan, false);
	struct decoder_score score;

	(void)state;
	ctc_beam_commit(beam, logits, 1);
	ctc_beam_finish(beam);
	assert_int_equal(ctc_beam_hypotheses(beam), 3);
	assert_string_equal(ctc_beam_transcript(beam)->text, "A");
	ctc_beam_score(beam, 0, &score);
	lattice_near(score.acoustic,
		     log(exp(lattice_ln(logits, 4, 0, 1)) + exp(lattice_ln(logits, 4, 0, 2))));
	ctc_beam_destroy(beam);
	decode_plan_release(plan);
	vocab_destroy(vocab);
}

/* ---- hotwords ---- */

/* Occurrences as whole words, counted the slow way. A piece's mark is a space. */
static double count_hotwords(const char *text, bool words, const struct hotword *list, size_t n)
{
	char padded[256] = "", needle[64];
	double sum = 0.0;

	if (words)
		strcat(padded, " ");
	for (const char *at = text; *at != '\0'; at++) {
		if (strncmp(at, "\xe2\x96\x81", 3) == 0) {
			strcat(padded, " ");
			at += 2;
		} else {
			strncat(padded, at, 1);
		}
	}
	if (words)
		strcat(padded, " ");
	for (size_t i = 0; i < n; i++) {
		snprintf(needle, sizeof(needle), words ? " %s " : "%s", list[i].phrase);
		for (const char *at = padded; (at = strstr(at, needle)) != NULL; at++)
			sum += (double)list[i].weight;
	}
	return sum;
}

static void check_hotwords(const char *const *texts, bool words, const struct hotword *list,
			   size_t n)
{
	struct small small = {.tokens = 4};
	struct decode_plan *plan = wide_plan();
	struct hotwords_error error;
	unsigned random = 3;
	size_t bonuses = 0;

	small.vocab = lattice_vocab(texts, 4);
	small.labellings = malloc(MOST * sizeof(*small.labellings));
	assert_int_equal(hotwords_compile(small.vocab, list, n, &plan->hotwords, &error), 0);
	struct ctc_beam *beam = search(small.vocab, 4, 6, plan, false);
	for (int i = 0; i < 60; i++) {
		double best = -INFINITY;
		struct decoder_score score;

		small_random(&small, &random);
		ctc_beam_reset(beam);
		assert_int_equal(ctc_beam_commit(beam, small.logits, small.frames), 0);
		ctc_beam_finish(beam);
		assert_int_equal(ctc_beam_hypotheses(beam), small.n);
		for (size_t rank = 0; rank < small.n; rank++) {
			const struct labelling *labelling;
			struct transcript transcript;
			int labels[LATTICE_LABELS];
			char text[64];
			size_t chars;

			assert_int_equal(ctc_beam_hypothesis(beam, rank, &transcript), 0);
			ctc_beam_score(beam, rank, &score);
			chars = lattice_labels(small.vocab, &transcript, labels);
			labelling = lattice_find(small.labellings, small.n, labels, chars);
			lattice_text(small.vocab, labels, chars, text);
			lattice_near(score.hotwords, count_hotwords(text, words, list, n));
			lattice_near(score.total, log(labelling->sum) + score.hotwords);
			bonuses += score.hotwords > 0.0;
			transcript_finish(&transcript);
		}
		for (size_t k = 0; k < small.n; k++) {
			char text[64];
			double total;

			lattice_text(small.vocab, small.labellings[k].labels, small.labellings[k].n,
				     text);
			total = log(small.labellings[k].sum) + count_hotwords(text, words, list, n);
			best = total > best ? total : best;
		}
		ctc_beam_score(beam, 0, &score);
		lattice_near(score.total, best);
	}
	assert_true(bonuses > 100);
	ctc_beam_destroy(beam);
	decode_plan_release(plan);
	free(small.labellings);
	vocab_destroy(small.vocab);
}

static void test_hotwords(void **state)
{
	static const struct hotword spaced[] = {
		{"A", 1.5F}, {"AB A", 4.0F}, {"AA", 2.0F}, {"AAB", -3.0F}, {"A AB", 2.25F}};
	static const struct hotword unspaced[] = {
		{"AB", 1.5F}, {"BAB", 4.0F}, {"ABBA", 3.0F}, {"B", 0.5F}};

	(void)state;
	check_hotwords(letters, true, spaced, 5);
	check_hotwords(pieces, true,
		       (const struct hotword[]){{"AB", 2.0F}, {"A AB", 3.0F}, {"A", 0.5F}}, 3);
	check_hotwords(bare, false, unspaced, 4);
}

/* ---- narrow beams ---- */

static double greedy_score(const float *logits, size_t frames, size_t tokens, char *text,
			   const struct vocab *vocab)
{
	int labels[512], last = 0;
	double score = 0.0;
	size_t n = 0;

	for (size_t f = 0; f < frames; f++) {
		int best = 0;

		for (size_t t = 1; t < tokens; t++) {
			if (logits[f * tokens + t] > logits[f * tokens + (size_t)best])
				best = (int)t;
		}
		score += lattice_ln(logits, tokens, f, best);
		if (best != 0 && best != last)
			labels[n++] = best;
		last = best;
	}
	lattice_text(vocab, labels, n, text);
	return score;
}

static void test_never_below_greedy(void **state)
{
	enum { FRAMES = 120 };
	static const char *const texts[] = {"#", "|", "A", "B", "C", "D", "E", "F"};
	struct vocab *vocab = lattice_vocab(texts, 8);
	unsigned random = 4;
	float logits[FRAMES * 8];
	size_t better = 0;

	(void)state;
	for (size_t width = 2; width <= 16; width *= 2) {
		struct decode_plan *plan = decode_plan_create();

		plan->beam = width;
		/* Harsh enough to lose the greedy prefix, were it not kept. */
		plan->tokens = 2;
		plan->beam_prune = 1.0F;
		struct ctc_beam *beam = search(vocab, 8, FRAMES, plan, false);
		for (int i = 0; i < 60; i++) {
			char greedy[4 * FRAMES];
			struct decoder_score score;
			double least;
			bool found = false;

			lattice_peaky(logits, FRAMES, 8, &random);
			least = greedy_score(logits, FRAMES, 8, greedy, vocab);
			ctc_beam_reset(beam);
			ctc_beam_commit(beam, logits, FRAMES);
			ctc_beam_finish(beam);
			ctc_beam_score(beam, 0, &score);
			assert_true(score.total >= least - 1e-4);
			for (size_t rank = 0; rank < ctc_beam_hypotheses(beam) && !found; rank++) {
				struct transcript transcript;
				int labels[4 * FRAMES];
				char text[4 * FRAMES];

				ctc_beam_hypothesis(beam, rank, &transcript);
				lattice_text(vocab, labels,
					     lattice_labels(vocab, &transcript, labels), text);
				found = strcmp(text, greedy) == 0;
				better += found && rank > 0;
				transcript_finish(&transcript);
			}
			assert_true(found);
		}
		ctc_beam_destroy(beam);
		decode_plan_release(plan);
	}
	assert_true(better > 0);
	vocab_destroy(vocab);
}

static void test_refusals(void **state)
{
	struct vocab *vocab = lattice_vocab(letters, 4);
	const struct decoder_params params = {vocab, 4, 10, false};
	struct decode_plan *plan = decode_plan_create();
	struct ctc_beam *beam;

	(void)state;
	plan->beam = PLAN_MAX_BEAM + 1;
	assert_int_equal(ctc_beam_create(&params, plan, &beam), -EINVAL);
	assert_null(beam);
	plan->beam = 4;
	plan->tokens = PLAN_MAX_TOKENS + 1;
	assert_int_equal(ctc_beam_create(&params, plan, &beam), -EINVAL);
	plan->tokens = 0;
	plan->beam_prune = NAN;
	assert_int_equal(ctc_beam_create(&params, plan, &beam), -EINVAL);
	decode_plan_release(plan);
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),        cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_equal_tokens),       cmocka_unit_test(test_hotwords),
		cmocka_unit_test(test_never_below_greedy), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("ctc_beam", tests, NULL, NULL);
}
