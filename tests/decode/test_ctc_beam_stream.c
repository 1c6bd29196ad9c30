/* The beam search frame by frame: splits, provisional frames, stable text, clones,
 * cuts, bounded memory. */
#include "core/decode/ctc_beam.h"
#include "core/decode/hotwords.h"
#include "tests/acoustic/allocations.h"
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

enum { TOKENS = 9, FRAMES = 240, PROVISIONAL = 16, TEXT = 4 * FRAMES };

static const char *const texts[TOKENS] = {"#", "|", "A", "B", "C", "D", "E", "AB", "'"};

struct bench {
	struct vocab *vocab;
	struct decode_plan *plan;
	struct decoder_params params;
	float logits[FRAMES * TOKENS];
};

static void bench_init(struct bench *bench, size_t width)
{
	static const struct hotword words[] = {{"AB", 2.0F}, {"D E", 3.0F}, {"CAD", 1.0F}};
	struct hotwords_error error;

	bench->vocab = lattice_vocab(texts, TOKENS);
	bench->plan = decode_plan_create();
	assert_non_null(bench->plan);
	bench->plan->beam = width;
	bench->plan->commit_delay = 12;
	assert_int_equal(hotwords_compile(bench->vocab, words, 3, &bench->plan->hotwords, &error),
			 0);
	bench->params = (struct decoder_params){bench->vocab, TOKENS, FRAMES, true};
}

static void bench_finish(struct bench *bench)
{
	decode_plan_release(bench->plan);
	vocab_destroy(bench->vocab);
}

static struct ctc_beam *bench_search(const struct bench *bench)
{
	struct ctc_beam *beam;

	assert_int_equal(ctc_beam_create(&bench->params, bench->plan, &beam), 0);
	return beam;
}

/* Everything that a search has found, as text. */
static void describe(const struct ctc_beam *beam, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%zu %s|%s", ctc_beam_frames(beam),
				    ctc_beam_stable(beam), ctc_beam_transcript(beam)->text);

	for (size_t rank = 0; rank < ctc_beam_hypotheses(beam); rank++) {
		struct decoder_score score;
		struct transcript transcript;

		ctc_beam_score(beam, rank, &score);
		assert_int_equal(ctc_beam_hypothesis(beam, rank, &transcript), 0);
		n += (size_t)snprintf(out + n, size - n, "\n%.17g %.17g %s", score.total,
				      score.hotwords, transcript.text);
		for (size_t i = 0; i < transcript.n_words; i++) {
			const struct span *word = &transcript.words[i];

			n += (size_t)snprintf(out + n, size - n, " %s:%d-%d:%.9g", word->text,
					      word->start_frame, word->end_frame,
					      (double)word->confidence);
		}
		transcript_finish(&transcript);
		assert_true(n < size);
	}
}

enum { DESCRIPTION = 1 << 18 };

static void check_order(const struct transcript *transcript)
{
	int end = 0;

	for (size_t i = 0; i < transcript->n_chars; i++) {
		const struct span *span = &transcript->chars[i];

		assert_true(span->start_frame >= end && span->end_frame > span->start_frame);
		assert_true(span->confidence >= 0.0F && span->confidence <= 1.0F + 1e-6F);
		end = span->end_frame;
	}
}

/* One utterance in random pieces, provisional frames between them. */
static void run_split(const struct bench *bench, struct ctc_beam *beam, size_t frames,
		      unsigned *random)
{
	char stable[TEXT] = "";
	size_t done = 0;

	ctc_beam_reset(beam);
	assert_string_equal(ctc_beam_stable(beam), "");
	assert_string_equal(ctc_beam_transcript(beam)->text, "");
	while (done < frames) {
		size_t n = fixture_random(random, 12), tail;

		n = n > frames - done ? frames - done : n;
		assert_int_equal(ctc_beam_commit(beam, bench->logits + done * TOKENS, n), 0);
		done += n;
		assert_int_equal(ctc_beam_frames(beam), done);
		for (int k = 0; k < 2; k++) {
			tail = fixture_random(random, PROVISIONAL);
			tail = tail > frames - done ? frames - done : tail;
			assert_int_equal(
				ctc_beam_provisional(beam, bench->logits + done * TOKENS, tail), 0);
			check_order(ctc_beam_transcript(beam));
			/* Stable text only grows, and everything shown begins with it. */
			assert_int_equal(strncmp(ctc_beam_stable(beam), stable, strlen(stable)), 0);
			assert_int_equal(strncmp(ctc_beam_transcript(beam)->text,
						 ctc_beam_stable(beam),
						 ctc_beam_stable_length(beam)),
					 0);
		}
		snprintf(stable, sizeof(stable), "%s", ctc_beam_stable(beam));
		assert_int_equal(ctc_beam_stable_length(beam), strlen(stable));
	}
	ctc_beam_finish(beam);
	assert_int_equal(strncmp(ctc_beam_transcript(beam)->text, stable, strlen(stable)), 0);
}

static void test_splits(void **state)
{
	char *expected = malloc(DESCRIPTION), *got = malloc(DESCRIPTION);
	unsigned random = 1;
	size_t stable = 0;

	(void)state;
	for (size_t width = 2; width <= 32; width *= 4) {
		struct bench bench;

		bench_init(&bench, width);
		struct ctc_beam *beam = bench_search(&bench);
		for (int i = 0; i < 20; i++) {
			size_t frames = 1 + fixture_random(&random, FRAMES);

			lattice_peaky(bench.logits, frames, TOKENS, &random);
			ctc_beam_reset(beam);
			ctc_beam_commit(beam, bench.logits, frames);
			ctc_beam_finish(beam);
			describe(beam, expected, DESCRIPTION);
			stable += ctc_beam_stable_length(beam);
			for (int k = 0; k < 3; k++) {
				run_split(&bench, beam, frames, &random);
				describe(beam, got, DESCRIPTION);
				assert_string_equal(got, expected);
			}
		}
		ctc_beam_destroy(beam);
		bench_finish(&bench);
	}
	assert_true(stable > 1000);
	free(expected);
	free(got);
}

/* Tokens older than the delay are stable, whatever the hypotheses think. */
static void test_commit_delay(void **state)
{
	struct bench bench;
	unsigned random = 2;

	(void)state;
	bench_init(&bench, 16);
	struct ctc_beam *beam = bench_search(&bench);
	/* Every frame in doubt: hypotheses agree on nothing. */
	lattice_random(bench.logits, FRAMES, TOKENS, 1.0F, &random);
	for (size_t f = 0; f < FRAMES; f++) {
		const struct transcript *transcript;
		size_t settled = 0;

		ctc_beam_commit(beam, bench.logits + f * TOKENS, 1);
		transcript = ctc_beam_transcript(beam);
		for (size_t i = 0; i < transcript->n_chars; i++) {
			if (transcript->chars[i].end_frame + 12 > (int)f + 1)
				break;
			if (strcmp(transcript->chars[i].text, " ") != 0)
				settled += strlen(transcript->chars[i].text);
		}
		for (const char *at = ctc_beam_stable(beam); *at != '\0'; at++)
			settled -= *at != ' ' && settled > 0;
		assert_int_equal(settled, 0);
	}
	ctc_beam_destroy(beam);
	bench_finish(&bench);
}

static void test_copy_and_reset(void **state)
{
	char *expected = malloc(DESCRIPTION), *got = malloc(DESCRIPTION);
	struct bench bench;
	unsigned random = 3;

	(void)state;
	bench_init(&bench, 8);
	struct ctc_beam *beam = bench_search(&bench), *clone = bench_search(&bench);
	for (int i = 0; i < 20; i++) {
		size_t half = fixture_random(&random, FRAMES / 2), tail = 10;

		lattice_peaky(bench.logits, FRAMES, TOKENS, &random);
		ctc_beam_reset(beam);
		ctc_beam_commit(beam, bench.logits, half);
		ctc_beam_provisional(beam, bench.logits + half * TOKENS, tail);
		ctc_beam_copy(clone, beam);
		describe(beam, expected, DESCRIPTION);
		describe(clone, got, DESCRIPTION);
		assert_string_equal(got, expected);
		/* Each goes on without the other. */
		ctc_beam_commit(clone, bench.logits + half * TOKENS, FRAMES - half);
		ctc_beam_finish(clone);
		ctc_beam_commit(beam, bench.logits, half);
		ctc_beam_reset(beam);
		ctc_beam_commit(beam, bench.logits, FRAMES);
		ctc_beam_finish(beam);
		describe(beam, expected, DESCRIPTION);
		describe(clone, got, DESCRIPTION);
		assert_string_equal(got, expected);
	}
	ctc_beam_destroy(beam);
	ctc_beam_destroy(clone);
	bench_finish(&bench);
	free(expected);
	free(got);
}

static void test_truncate(void **state)
{
	struct bench bench;
	unsigned random = 4;

	(void)state;
	bench_init(&bench, 8);
	struct ctc_beam *beam = bench_search(&bench);
	for (int i = 0; i < 60; i++) {
		size_t frames = 1 + fixture_random(&random, FRAMES - 1);
		size_t cut = fixture_random(&random, (unsigned)frames + 4);
		char before[TEXT], stable[TEXT];
		const struct transcript *transcript;

		lattice_peaky(bench.logits, FRAMES, TOKENS, &random);
		ctc_beam_reset(beam);
		ctc_beam_commit(beam, bench.logits, frames);
		ctc_beam_provisional(beam, bench.logits + frames * TOKENS,
				     frames + 3 <= FRAMES ? 3 : 0);
		ctc_beam_commit(beam, NULL, 0);
		snprintf(before, sizeof(before), "%s", ctc_beam_transcript(beam)->text);
		ctc_beam_truncate(beam, cut);
		cut = cut > frames ? frames : cut;
		assert_int_equal(ctc_beam_frames(beam), cut);
		transcript = ctc_beam_transcript(beam);
		check_order(transcript);
		assert_int_equal(strncmp(before, transcript->text, strlen(transcript->text)), 0);
		for (size_t k = 0; k < transcript->n_chars; k++)
			assert_true(transcript->chars[k].start_frame < (int)cut);
		snprintf(stable, sizeof(stable), "%s", ctc_beam_stable(beam));
		assert_int_equal(strncmp(transcript->text, stable, strlen(stable)), 0);
		/* And it can go on. */
		ctc_beam_commit(beam, bench.logits + cut * TOKENS, FRAMES - cut);
		ctc_beam_finish(beam);
		assert_int_equal(strncmp(ctc_beam_transcript(beam)->text, stable, strlen(stable)),
				 0);
		check_order(ctc_beam_transcript(beam));
	}
	ctc_beam_destroy(beam);
	bench_finish(&bench);
}

/* A minute of noise, every hypothesis different: the pools never run out, and
 * nothing is allocated. */
static void test_memory(void **state)
{
	enum { MINUTE = 3000 };
	struct bench bench;
	float *logits = malloc((size_t)MINUTE * TOKENS * sizeof(*logits));
	unsigned random = 5;

	(void)state;
	assert_non_null(logits);
	bench_init(&bench, 64);
	lattice_random(logits, MINUTE, TOKENS, 0.1F, &random);
	bench.params.max_frames = MINUTE;
	for (int streaming = 0; streaming < 2; streaming++) {
		bench.params.streaming = streaming;
		bench.plan->commit_delay = 1000;
		bench.plan->beam_prune = 100.0F;
		struct ctc_beam *beam = bench_search(&bench);
		for (int round = 0; round < 2; round++) {
			size_t before = allocations_count();

			ctc_beam_reset(beam);
			for (size_t f = 0; f + 16 <= MINUTE; f += 8) {
				ctc_beam_commit(beam, logits + f * TOKENS, 8);
				ctc_beam_provisional(beam, logits + (f + 8) * TOKENS, 8);
				ctc_beam_transcript(beam);
			}
			ctc_beam_truncate(beam, MINUTE / 2);
			ctc_beam_finish(beam);
			assert_int_equal(allocations_count() - before, 0);
		}
		ctc_beam_destroy(beam);
	}
	bench_finish(&bench);
	free(logits);
}

static void test_capacity(void **state)
{
	struct bench bench;
	unsigned random = 6;

	(void)state;
	bench_init(&bench, 4);
	lattice_peaky(bench.logits, FRAMES, TOKENS, &random);
	bench.params.max_frames = 10;
	struct ctc_beam *beam = bench_search(&bench);
	assert_int_equal(ctc_beam_commit(beam, bench.logits, 11), -ENOSPC);
	assert_int_equal(ctc_beam_frames(beam), 0);
	assert_int_equal(ctc_beam_commit(beam, bench.logits, 4), 0);
	assert_int_equal(ctc_beam_provisional(beam, bench.logits, 7), -ENOSPC);
	assert_int_equal(ctc_beam_provisional(beam, bench.logits, 6), 0);
	assert_int_equal(ctc_beam_commit(beam, bench.logits, 6), 0);
	assert_int_equal(ctc_beam_commit(beam, bench.logits, 1), -ENOSPC);
	ctc_beam_destroy(beam);
	bench_finish(&bench);
}

/* Infinities and NaN in, numbers out. */
static void test_strange_logits(void **state)
{
	static const float values[] = {0.0F, 1.0F, -1e30F, 1e30F};
	struct bench bench;
	unsigned random = 7;

	(void)state;
	bench_init(&bench, 8);
	struct ctc_beam *beam = bench_search(&bench);
	for (int i = 0; i < 50; i++) {
		for (size_t k = 0; k < (size_t)FRAMES * TOKENS; k++) {
			unsigned kind = fixture_random(&random, 20);

			bench.logits[k] = kind == 0   ? NAN
					  : kind == 1 ? INFINITY
					  : kind == 2 ? -INFINITY
						      : values[kind % 4];
		}
		ctc_beam_reset(beam);
		ctc_beam_commit(beam, bench.logits, FRAMES);
		ctc_beam_finish(beam);
		check_order(ctc_beam_transcript(beam));
		for (size_t rank = 0; rank < ctc_beam_hypotheses(beam); rank++) {
			struct decoder_score score;

			ctc_beam_score(beam, rank, &score);
			assert_false(isnan(score.total));
		}
	}
	ctc_beam_destroy(beam);
	bench_finish(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),         cmocka_unit_test(test_commit_delay),
		cmocka_unit_test(test_copy_and_reset), cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_memory),         cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_strange_logits),
	};

	return cmocka_run_group_tests_name("ctc_beam_stream", tests, NULL, NULL);
}
