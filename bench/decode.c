/*
 * What a step costs behind the network: greedy, beam, hotwords, phrases and
 * language models, on logits of real speech.
 *
 * usage: bench-decode MODEL LOGITS [LM...]
 *
 * LOGITS comes from `heard-model features MODEL AUDIO -o LOGITS`. Each step
 * commits 16 frames and shows the 16 after them, as a stream of 16:16 does.
 * Hotwords and phrases are made up of two words each, spelled with the letters
 * of the vocabulary, the same ones each time.
 */
#include "core/base/log.h"
#include "core/decode/ctc_grammar.h"
#include "core/decode/decoder.h"
#include "core/decode/grammar.h"
#include "core/decode/hotwords.h"
#include "core/language_model.h"
#include "core/weights/weights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 16, RIGHT = 16, PHRASES = 10000, PHRASE_BYTES = 32, SECONDS = 3 };

struct bench {
	struct vocab *vocab;
	float *logits; /* [frames, tokens] */
	size_t frames, tokens;
	char (*texts)[PHRASE_BYTES]; /* [PHRASES] */
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int load(struct bench *bench, const char *model, const char *path)
{
	struct tokenizer tokenizer;
	struct weights *weights;
	const struct tensor *logits;
	int error = tokenizer_load(model, NULL, &tokenizer);

	if (error)
		return error;
	error = vocab_create(&tokenizer, -1, &bench->vocab);
	tokenizer_finish(&tokenizer);
	if (!error)
		error = weights_open_file(path, &weights);
	if (error)
		return error;
	logits = weights_find(weights, "logits");
	if (logits == NULL || logits->n_dims != 2) {
		log_error("%s: no tensor 'logits' of two dimensions", path);
		error = -EINVAL;
	} else {
		bench->frames = logits->dims[0];
		bench->tokens = logits->dims[1];
		bench->logits = malloc(tensor_elements(logits) * sizeof(float) + 1);
		if (bench->logits)
			tensor_read_f32(logits, 0, tensor_elements(logits), bench->logits);
		else
			error = -ENOMEM;
	}
	weights_close(weights);
	return error;
}

static int make_phrases(struct bench *bench)
{
	unsigned long long random = 1;

	bench->texts = calloc(PHRASES, sizeof(*bench->texts));
	if (bench->texts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < PHRASES; i++) {
		for (size_t k = 0; k < 13; k++) {
			random = random * 6364136223846793005U + 1442695040888963407U;
			bench->texts[i][k] = k == 6 ? ' ' : (char)('A' + (random >> 33) % 26);
		}
	}
	return 0;
}

/* Takes one step of either kind; false at the end of the logits. */
static bool step_frames(const struct bench *bench, size_t at, size_t *ahead)
{
	if (at + CHUNK > bench->frames)
		return false;
	*ahead = bench->frames - at - CHUNK;
	*ahead = *ahead < RIGHT ? *ahead : RIGHT;
	return true;
}

static int compare_times(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

struct times {
	double steps[1 << 16];
	size_t n;
};

static void add_time(struct times *times, double begin)
{
	if (times->n < sizeof(times->steps) / sizeof(times->steps[0]))
		times->steps[times->n++] = now_s() - begin;
}

static void report(const char *what, struct times *times)
{
	qsort(times->steps, times->n, sizeof(times->steps[0]), compare_times);
	if (times->n > 0)
		printf("%-40s %9.3f %9.3f ms a step (p50, p99)\n", what,
		       1e3 * times->steps[times->n / 2], 1e3 * times->steps[times->n * 99 / 100]);
}

static int run_plan(const struct bench *bench, const char *what, struct decode_plan *plan)
{
	static struct times times;
	const struct decoder_params params = {
		.vocab = bench->vocab,
		.tokens = bench->tokens,
		.max_frames = bench->frames + RIGHT,
		.streaming = true,
	};
	struct decoder *decoder;
	double started = now_s();
	int error = decoder_create(&params, plan, &decoder);

	if (error)
		return error;
	times.n = 0;
	while (now_s() - started < SECONDS) {
		size_t ahead;

		decoder_reset(decoder);
		for (size_t at = 0; step_frames(bench, at, &ahead) && !error; at += CHUNK) {
			const float *row = bench->logits + at * bench->tokens;
			double begin = now_s();

			error = decoder_commit(decoder, row, CHUNK);
			if (!error)
				error = decoder_provisional(decoder, row + CHUNK * bench->tokens,
							    ahead);
			decoder_text(decoder);
			add_time(&times, begin);
		}
		if (error)
			break;
		decoder_finish(decoder);
	}
	report(what, &times);
	decoder_destroy(decoder);
	return error;
}

static int run_beam(const struct bench *bench, const char *what, struct hotwords *hotwords,
		    struct plan_lm *lm)
{
	struct decode_plan *plan = decode_plan_create();
	int error;

	if (plan == NULL)
		return -ENOMEM;
	plan->beam = PLAN_BEAM;
	plan->hotwords = hotwords_hold(hotwords);
	plan->lm = plan_lm_hold(lm);
	if (lm)
		plan->weights = lm->weights;
	error = run_plan(bench, what, plan);
	decode_plan_release(plan);
	return error;
}

static int run_hotwords(const struct bench *bench)
{
	struct hotword *list = calloc(PHRASES, sizeof(*list));
	struct hotwords_error reason = {0};
	struct hotwords *hotwords;
	double begin = now_s();
	int error;

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < PHRASES; i++)
		list[i] = (struct hotword){bench->texts[i], HOTWORDS_WEIGHT};
	error = hotwords_compile(bench->vocab, list, PHRASES, &hotwords, &reason);
	free(list);
	if (error) {
		log_error("%s", reason.message);
		return error;
	}
	printf("%-40s %9.1f ms, %zu states\n", "10,000 hotwords compiled in",
	       1e3 * (now_s() - begin), hotwords_states(hotwords));
	error = run_beam(bench, "beam, 10,000 hotwords", hotwords, NULL);
	hotwords_release(hotwords);
	return error;
}

static int run_search(const struct bench *bench, struct grammar *grammar)
{
	static struct times times;
	const struct ctc_grammar_options options = {.threshold = -1};
	struct ctc_grammar *search;
	double started = now_s();
	int error = ctc_grammar_create(bench->vocab, grammar, &options, bench->tokens,
				       bench->frames + RIGHT, &search);

	if (error)
		return error;
	times.n = 0;
	while (now_s() - started < SECONDS && !error) {
		size_t ahead;

		ctc_grammar_reset(search);
		for (size_t at = 0; step_frames(bench, at, &ahead) && !error; at += CHUNK) {
			const float *row = bench->logits + at * bench->tokens;
			double begin = now_s();

			error = ctc_grammar_commit(search, row, CHUNK);
			if (!error)
				error = ctc_grammar_provisional(search, row + CHUNK * bench->tokens,
								ahead);
			ctc_grammar_text(search);
			add_time(&times, begin);
		}
	}
	report("grammar of 10,000 phrases, beside it", &times);
	ctc_grammar_destroy(search);
	return error;
}

static int run_phrases(const struct bench *bench)
{
	const char **list = calloc(PHRASES, sizeof(*list));
	struct grammar_error reason = {0};
	struct grammar *grammar;
	double begin = now_s();
	int error;

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < PHRASES; i++)
		list[i] = bench->texts[i];
	error = grammar_compile_phrases(bench->vocab, list, PHRASES, &grammar, &reason);
	free(list);
	if (error) {
		log_error("%s", reason.message);
		return error;
	}
	printf("%-40s %9.1f ms, %zu states, %.1f MB\n", "10,000 phrases compiled in",
	       1e3 * (now_s() - begin), grammar_size(grammar).states,
	       (double)grammar_size(grammar).bytes / 1e6);
	error = run_search(bench, grammar);
	grammar_unref(grammar);
	return error;
}

static int run_lm(const struct bench *bench, const char *path)
{
	struct plan_lm *lm;
	double begin = now_s();
	int error = language_model_open(path, &lm);
	char what[128];

	if (error)
		return error;
	printf("%-40s %9.1f ms, %zu words, order %u\n", path, 1e3 * (now_s() - begin),
	       lm_size(lm->lm), lm_order(lm->lm));
	snprintf(what, sizeof(what), "beam, %s", path);
	error = run_beam(bench, what, NULL, lm);
	plan_lm_release(lm);
	return error;
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	int error;

	if (argc < 3) {
		fprintf(stderr, "usage: bench-decode MODEL LOGITS [LM...]\n");
		return 2;
	}
	error = load(&bench, argv[1], argv[2]);
	if (!error)
		error = make_phrases(&bench);
	if (!error) {
		printf("%zu frames of %zu tokens, steps of %d + %d\n", bench.frames, bench.tokens,
		       CHUNK, RIGHT);
		error = run_plan(&bench, "greedy", NULL);
	}
	if (!error)
		error = run_beam(&bench, "beam", NULL, NULL);
	if (!error)
		error = run_hotwords(&bench);
	if (!error)
		error = run_phrases(&bench);
	for (int i = 3; i < argc && !error; i++)
		error = run_lm(&bench, argv[i]);
	vocab_destroy(bench.vocab);
	free(bench.logits);
	free(bench.texts);
	return error ? 1 : 0;
}
