/* CTC loss and alignment against the reference and against enumerating all paths. */
#include "core/decode/ctc_loss.h"
#include "tests/decode/fixture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_fixtures(void **state)
{
	size_t checked = 0;

	(void)state;
	for (char **name = fixture_cases("decode.json"); *name != NULL; name++) {
		cJSON *json = fixture_json(*name, "expected.json");
		cJSON *config = fixture_json(*name, "config.json");
		const cJSON *pad = cJSON_GetObjectItemCaseSensitive(config, "pad_token_id");
		struct ctc_loss_options options = {.blank = pad != NULL ? pad->valueint : 0};
		size_t n, frames, tokens;
		double loss, expected;
		float *logits;
		int *labels;

		if (cJSON_GetObjectItemCaseSensitive(json, "loss") != NULL) {
			logits = fixture_tensor(*name, "expected.safetensors", "logits", &frames,
						&tokens);
			labels = fixture_ints(cJSON_GetObjectItemCaseSensitive(json, "labels"), &n);
			options.mean =
				strcmp(fixture_string(json, "ctc_loss_reduction"), "mean") == 0;
			expected = cJSON_GetObjectItemCaseSensitive(json, "loss")->valuedouble;
			assert_int_equal(
				ctc_loss(logits, frames, tokens, labels, n, &options, &loss), 0);
			assert_true(fabs(loss - expected) <= 1e-5 * fabs(expected));
			checked++;
			free(labels);
			free(logits);
		}
		cJSON_Delete(config);
		cJSON_Delete(json);
	}
	assert_true(checked >= 30);
}

enum { MAX_FRAMES = 6, MAX_TOKENS = 4 };

struct tiny {
	size_t frames, tokens, n;
	float logits[MAX_FRAMES * MAX_TOKENS];
	int labels[MAX_FRAMES];
	double total; /* probability of all paths */
	double best;  /* log score of the best path, not normalised */
};

static void tiny_random(struct tiny *tiny, unsigned *random)
{
	tiny->frames = 1 + fixture_random(random, MAX_FRAMES);
	tiny->tokens = 2 + fixture_random(random, MAX_TOKENS - 1);
	tiny->n = fixture_random(random, 4);
	for (size_t i = 0; i < tiny->frames * tiny->tokens; i++)
		tiny->logits[i] = (float)fixture_random(random, 1000) / 100.0F - 5.0F;
	for (size_t i = 0; i < tiny->n; i++)
		tiny->labels[i] = (int)(1 + fixture_random(random, (unsigned)tiny->tokens - 1));
}

/* Token f of path p, counted like a number with base `tokens`. */
static int path_token(const struct tiny *tiny, size_t path, size_t frame)
{
	while (frame-- > 0)
		path /= tiny->tokens;
	return (int)(path % tiny->tokens);
}

static bool path_fits(const struct tiny *tiny, size_t path)
{
	size_t n = 0;
	int last = 0;

	for (size_t f = 0; f < tiny->frames; f++) {
		int token = path_token(tiny, path, f);

		if (token != 0 && token != last) {
			if (n == tiny->n || tiny->labels[n] != token)
				return false;
			n++;
		}
		last = token;
	}
	return n == tiny->n;
}

static void tiny_enumerate(struct tiny *tiny)
{
	size_t paths = 1;
	double norm = 0.0;

	for (size_t f = 0; f < tiny->frames; f++) {
		double sum = 0.0;

		paths *= tiny->tokens;
		for (size_t t = 0; t < tiny->tokens; t++)
			sum += exp((double)tiny->logits[f * tiny->tokens + t]);
		norm += log(sum);
	}
	tiny->total = 0.0;
	tiny->best = -INFINITY;
	for (size_t path = 0; path < paths; path++) {
		double score = 0.0;

		if (!path_fits(tiny, path))
			continue;
		for (size_t f = 0; f < tiny->frames; f++)
			score += (double)tiny->logits[f * tiny->tokens +
						      (size_t)path_token(tiny, path, f)];
		tiny->total += exp(score - norm);
		if (score > tiny->best)
			tiny->best = score;
	}
}

static void check_alignment(const struct tiny *tiny)
{
	int aligned[MAX_FRAMES];
	double score = 0.0;
	int last = -1;
	int rc = ctc_align(tiny->logits, tiny->frames, tiny->tokens, tiny->labels, tiny->n, 0,
			   aligned);

	if (tiny->best == -INFINITY) {
		assert_int_equal(rc, -EDOM);
		return;
	}
	assert_int_equal(rc, 0);
	for (size_t f = 0; f < tiny->frames; f++) {
		int label = aligned[f];

		if (label >= 0) {
			assert_true(label == last || label == last + 1);
			if (label == last + 1 && label > 0 && f > 0 && aligned[f - 1] >= 0)
				assert_true(tiny->labels[label] != tiny->labels[label - 1]);
			if (label == last)
				assert_true(aligned[f - 1] == label);
			last = label;
		}
		score += (double)tiny->logits[f * tiny->tokens +
					      (label >= 0 ? (size_t)tiny->labels[label] : 0)];
	}
	assert_int_equal(last, (int)tiny->n - 1);
	assert_true(fabs(score - tiny->best) < 1e-9);
}

static void test_enumeration(void **state)
{
	const struct ctc_loss_options options = {.blank = 0};
	unsigned random = 11;
	int infeasible = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct tiny tiny;
		double loss;

		tiny_random(&tiny, &random);
		tiny_enumerate(&tiny);
		assert_int_equal(ctc_loss(tiny.logits, tiny.frames, tiny.tokens, tiny.labels,
					  tiny.n, &options, &loss),
				 0);
		if (tiny.total == 0.0) {
			assert_true(isinf(loss) && loss > 0.0);
			infeasible++;
		} else {
			assert_true(fabs(loss + log(tiny.total)) < 1e-9);
		}
		check_alignment(&tiny);
	}
	assert_true(infeasible > 100 && infeasible < 2900);
}

static void test_options_and_errors(void **state)
{
	static const float logits[] = {1, 2, 3, 3, 2, 1};
	struct ctc_loss_options options = {.blank = 0};
	double loss, half;
	int labels[] = {1, 1}, aligned[2];

	(void)state;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 2, &options, &loss), 0);
	assert_true(isinf(loss));
	options.zero_infinity = true;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 2, &options, &loss), 0);
	assert_true(loss == 0.0);
	labels[1] = 2;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 2, &options, &loss), 0);
	options.mean = true;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 2, &options, &half), 0);
	assert_true(loss == 2.0 * half);
	/* No label: all blank. No frame: certain without labels, impossible with. */
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 0, &options, &loss), 0);
	assert_true(loss > 0.0 && !isinf(loss));
	assert_int_equal(ctc_loss(logits, 0, 3, labels, 0, &options, &loss), 0);
	assert_true(loss == 0.0);
	options.zero_infinity = false;
	assert_int_equal(ctc_loss(logits, 0, 3, labels, 1, &options, &loss), 0);
	assert_true(isinf(loss));
	assert_int_equal(ctc_align(logits, 0, 3, labels, 0, 0, aligned), 0);
	assert_int_equal(ctc_align(logits, 0, 3, labels, 1, 0, aligned), -EDOM);

	labels[1] = 3;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 2, &options, &loss), -EINVAL);
	assert_int_equal(ctc_align(logits, 2, 3, labels, 2, 0, aligned), -EINVAL);
	labels[1] = -1;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 2, &options, &loss), -EINVAL);
	options.blank = 3;
	assert_int_equal(ctc_loss(logits, 2, 3, labels, 1, &options, &loss), -EINVAL);
	assert_int_equal(ctc_align(logits, 2, 3, labels, 1, -1, aligned), -EINVAL);
}

/* Far below what a double can hold, with a closed form: one path only. */
static void test_no_underflow(void **state)
{
	enum { FRAMES = 3000 };
	const struct ctc_loss_options options = {.blank = 0};
	float *logits = calloc((size_t)FRAMES * 2, sizeof(*logits));
	int *labels = calloc(FRAMES, sizeof(*labels));
	double loss;

	(void)state;
	/* Label, blank, label, blank: repeats leave no other way. */
	for (int f = 0; f < FRAMES; f++)
		logits[f * 2 + (f % 2 == 0 ? 0 : 1)] = 2000.0F;
	for (int i = 0; i < FRAMES / 2; i++)
		labels[i] = 1;
	assert_int_equal(ctc_loss(logits, FRAMES - 1, 2, labels, FRAMES / 2, &options, &loss), 0);
	assert_true(fabs(loss - 2000.0 * (FRAMES - 1)) < 1e-6 * loss);
	logits[100] = NAN;
	assert_int_equal(ctc_loss(logits, FRAMES - 1, 2, labels, FRAMES / 2, &options, &loss), 0);
	assert_true(isnan(loss));
	/* A masked token is one of probability zero. */
	logits[100] = -INFINITY;
	assert_int_equal(ctc_loss(logits, 200, 2, labels, 0, &options, &loss), 0);
	assert_true(isinf(loss));
	free(labels);
	free(logits);
}

/* Long enough for several blocks: the path must be the one that the logits were made for. */
static void test_long_alignment(void **state)
{
	enum { FRAMES = 20000, LABELS = 4000, TOKENS = 8 };
	float *logits = calloc((size_t)FRAMES * TOKENS, sizeof(*logits));
	int *labels = calloc(LABELS, sizeof(*labels));
	int *truth = calloc(FRAMES, sizeof(*truth)), *aligned = calloc(FRAMES, sizeof(*aligned));
	unsigned random = 5;

	(void)state;
	for (int i = 0; i < LABELS; i++) {
		labels[i] = (int)(1 + fixture_random(&random, TOKENS - 1));
		if (i > 0 && labels[i] == labels[i - 1])
			labels[i] = labels[i] % (TOKENS - 1) + 1;
	}
	for (int f = 0; f < FRAMES; f++) {
		int place = f % 5 + (int)fixture_random(&random, 1);

		truth[f] = place < 3 && f / 5 < LABELS ? f / 5 : -1;
		for (int t = 0; t < TOKENS; t++)
			logits[f * TOKENS + t] = (float)fixture_random(&random, 100) / 100.0F;
		logits[f * TOKENS + (truth[f] < 0 ? 0 : labels[truth[f]])] = 5.0F;
	}
	assert_int_equal(ctc_align(logits, FRAMES, TOKENS, labels, LABELS, 0, aligned), 0);
	assert_memory_equal(aligned, truth, FRAMES * sizeof(*truth));
	free(aligned);
	free(truth);
	free(labels);
	free(logits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),           cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_options_and_errors), cmocka_unit_test(test_no_underflow),
		cmocka_unit_test(test_long_alignment),
	};

	return cmocka_run_group_tests_name("ctc_loss", tests, NULL, NULL);
}
