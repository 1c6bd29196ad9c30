/* The beam search with language models of words and of tokens: every labelling of
 * small lattices has the score that the ARPA file's definition gives it. */
#include "core/decode/ctc_beam.h"
#include "core/decode/hotwords.h"
#include "tests/decode/fixture.h"
#include "tests/decode/lattice.h"
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

enum { MOST = 1024, FRAMES = 6, TOKENS = 4 };

static const char *const letters[TOKENS] = {"#", "|", "a", "b"};

struct bench {
	struct vocab *vocab;
	struct lm_reference *reference;
	struct decode_plan *plan;
	struct ctc_beam *beam;
	struct labelling *labellings;
};

static void bench_init(struct bench *bench, const struct scratch *scratch, enum lm_unit unit,
		       const struct lm_random *what, unsigned *random)
{
	const struct decoder_params params = {bench->vocab, TOKENS, FRAMES, false};
	char *arpa = lm_random_arpa(what, random), path[128];
	struct lm *lm;

	bench->reference = lm_reference_read(arpa);
	scratch_write_text(scratch, "lm.arpa", arpa);
	free(arpa);
	snprintf(path, sizeof(path), "%s/lm.arpa", scratch->dir);
	assert_int_equal(lm_open(path, &lm), 0);
	bench->plan = decode_plan_create();
	assert_non_null(bench->plan);
	bench->plan->beam = PLAN_MAX_BEAM;
	bench->plan->token_prune = bench->plan->beam_prune = 1000.0F;
	bench->plan->lm = plan_lm_create(lm);
	assert_non_null(bench->plan->lm);
	bench->plan->lm->unit = unit;
	bench->plan->weights = (struct lm_weights){
		.alpha = 0.25F * (float)(1 + fixture_random(random, 4)),
		.beta = 0.5F * (float)fixture_random(random, 4),
		.unknown_offset = -2.0F,
		.boundary = fixture_random(random, 2) == 0,
	};
	assert_int_equal(ctc_beam_create(&params, bench->plan, &bench->beam), 0);
}

static void bench_finish(struct bench *bench)
{
	ctc_beam_destroy(bench->beam);
	decode_plan_release(bench->plan);
	lm_reference_free(bench->reference);
}

/* The words of a text; with an LM of tokens every token. */
static size_t split(const int *labels, size_t n, bool tokens, char words[][16])
{
	size_t count = 0;
	bool open = false;

	for (size_t i = 0; i < n; i++) {
		bool space = labels[i] == 1;

		if (tokens) {
			strcpy(words[count++], letters[labels[i]]);
			continue;
		}
		if (!space && !open)
			words[count++][0] = '\0';
		if (!space)
			strcat(words[count - 1], letters[labels[i]]);
		open = !space;
	}
	return count;
}

static double expected_lm(const struct bench *bench, const int *labels, size_t n, bool tokens)
{
	const struct lm_weights *weights = &bench->plan->weights;
	char words[LATTICE_LABELS][16];
	const char *history[LATTICE_LABELS + 1];
	size_t count = split(labels, n, tokens, words), known = 0;
	double sum = 0.0;

	if (weights->boundary)
		history[known++] = "<s>";
	for (size_t i = 0; i < count; i++) {
		double score = lm_reference_score(bench->reference, history, known, words[i]);

		if (!lm_reference_lists(bench->reference, words[i]))
			score += (double)weights->unknown_offset;
		sum += (double)weights->alpha * log(10.0) * score + (double)weights->beta;
		history[known++] = words[i];
	}
	if (weights->boundary && lm_reference_lists(bench->reference, "</s>"))
		sum += (double)weights->alpha * log(10.0) *
		       lm_reference_score(bench->reference, history, known, "</s>");
	return sum;
}

static void check_lattice(struct bench *bench, bool tokens, unsigned *random)
{
	float logits[FRAMES * TOKENS];
	size_t frames = 1 + fixture_random(random, FRAMES), n;
	double best = -INFINITY;
	struct decoder_score score;

	lattice_random(logits, frames, TOKENS, 4.0F, random);
	n = lattice_enumerate(logits, frames, TOKENS, bench->labellings, MOST);
	ctc_beam_reset(bench->beam);
	assert_int_equal(ctc_beam_commit(bench->beam, logits, frames), 0);
	ctc_beam_finish(bench->beam);
	assert_int_equal(ctc_beam_hypotheses(bench->beam), n);
	for (size_t rank = 0; rank < n; rank++) {
		const struct labelling *labelling;
		struct transcript transcript;
		int labels[LATTICE_LABELS];
		size_t chars;

		assert_int_equal(ctc_beam_hypothesis(bench->beam, rank, &transcript), 0);
		ctc_beam_score(bench->beam, rank, &score);
		chars = lattice_labels(bench->vocab, &transcript, labels);
		labelling = lattice_find(bench->labellings, n, labels, chars);
		lattice_near(score.lm, expected_lm(bench, labels, chars, tokens));
		lattice_near(score.total, log(labelling->sum) + score.lm);
		transcript_finish(&transcript);
	}
	for (size_t k = 0; k < n; k++) {
		const struct labelling *labelling = &bench->labellings[k];

		best = fmax(best, log(labelling->sum) + expected_lm(bench, labelling->labels,
								    labelling->n, tokens));
	}
	ctc_beam_score(bench->beam, 0, &score);
	lattice_near(score.total, best);
}

static void check_unit(const struct scratch *scratch, enum lm_unit unit, unsigned seed)
{
	struct bench bench = {.vocab = lattice_vocab(letters, TOKENS)};
	unsigned random = seed;

	bench.labellings = malloc(MOST * sizeof(*bench.labellings));
	assert_non_null(bench.labellings);
	for (int i = 0; i < 12; i++) {
		const struct lm_random what = {
			.order = 1 + fixture_random(&random, 5),
			.whole = fixture_random(&random, 2) == 0,
			.unknown = true,
			.end = fixture_random(&random, 2) == 0,
		};

		bench_init(&bench, scratch, unit, &what, &random);
		for (int k = 0; k < 6; k++)
			check_lattice(&bench, unit == LM_UNIT_TOKEN, &random);
		bench_finish(&bench);
	}
	free(bench.labellings);
	vocab_destroy(bench.vocab);
}

static void test_words(void **state)
{
	check_unit(*state, LM_UNIT_WORD, 1);
}

static void test_tokens(void **state)
{
	check_unit(*state, LM_UNIT_TOKEN, 2);
}

/* The model decides between two words that sound alike; while the word is open
 * its beginning is held against what words there are. */
static void test_choice(void **state)
{
	static const char arpa[] = "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n"
				   "-2\t<unk>\n-1\t<s>\t-0.3\n-1\tab\n-1\tba\n\n"
				   "\\2-grams:\n-0.1\t<s> ab\n\n\\end\\\n";
	/* Each letter is in doubt. */
	static const float logits[] = {
		-9, -9, 2.0F, 2.1F, /* b rather than a */
		-9, -9, 2.1F, 2.0F, /* a rather than b */
		9,  0,  0,    0,    /* blank */
	};
	const struct scratch *scratch = *state;
	struct vocab *vocab = lattice_vocab(letters, TOKENS);
	const struct decoder_params params = {vocab, TOKENS, 16, true};
	struct decode_plan *plan = decode_plan_create();
	char path[128];
	struct ctc_beam *beam;
	struct lm *lm;

	scratch_write_text(scratch, "lm.arpa", arpa);
	snprintf(path, sizeof(path), "%s/lm.arpa", scratch->dir);
	assert_int_equal(lm_open(path, &lm), 0);
	plan->beam = 8;
	assert_int_equal(ctc_beam_create(&params, plan, &beam), 0);
	ctc_beam_commit(beam, logits, 3);
	ctc_beam_finish(beam);
	assert_string_equal(ctc_beam_transcript(beam)->text, "ba");
	ctc_beam_destroy(beam);

	plan->lm = plan_lm_create(lm);
	plan->weights = lm_weights_default();
	assert_int_equal(ctc_beam_create(&params, plan, &beam), 0);
	ctc_beam_commit(beam, logits, 3);
	ctc_beam_finish(beam);
	assert_string_equal(ctc_beam_transcript(beam)->text, "ab");
	ctc_beam_destroy(beam);
	decode_plan_release(plan);
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_tokens, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_choice, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests_name("ctc_beam_lm", tests, NULL, NULL);
}
