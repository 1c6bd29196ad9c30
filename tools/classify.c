/*
 * `heard-model classify`: what a sequence classification model hears in an
 * audio file, which is always run in one piece.
 */
#include "audio/file.h"
#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBABILITY_DIGITS = 9 };

struct score {
	size_t id;
	double probability;
};

struct classifier {
	const struct options *options;
	struct tool_model model;
	struct acoustic_offline *offline; /* owned; grows to the longest file */
	struct score *scores;             /* owned, [n_labels] */
	int label;                        /* of --label; -1: not given */
};

/* A name wins over a number: labels may be called "7". */
static int find_label(const struct model_config *config, const char *text)
{
	char *end;

	for (size_t i = 0; i < config->n_labels; i++) {
		if (strcmp(config->labels[i], text) == 0)
			return (int)i;
	}
	errno = 0;
	long id = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || id < 0 || (size_t)id >= config->n_labels) {
		log_error("'%s' is no label of this model", text);
		return -EINVAL;
	}
	return (int)id;
}

static double log_sum_exp(const float *logits, size_t n)
{
	float max = logits[0];
	double sum = 0;

	/* No fmax: gcc 12 for 64-bit ARM crashes on its reduction. */
	for (size_t i = 1; i < n; i++)
		max = logits[i] > max ? logits[i] : max;
	for (size_t i = 0; i < n; i++)
		sum += exp((double)logits[i] - (double)max);
	return (double)max + log(sum);
}

static int compare_scores(const void *a, const void *b)
{
	const struct score *x = a;
	const struct score *y = b;

	if (x->probability != y->probability)
		return x->probability < y->probability ? 1 : -1;
	return x->id < y->id ? -1 : 1;
}

/* Fills the scores, best first, and returns the loss: the cross-entropy that
 * the reference computes whatever the problem type. NAN without a label. */
static double score(struct classifier *c, const float *logits)
{
	size_t n = c->model.config->n_labels;
	double total = log_sum_exp(logits, n);

	for (size_t i = 0; i < n; i++) {
		double logit = (double)logits[i];
		c->scores[i].id = i;
		c->scores[i].probability =
			c->model.config->multi_label ? 1 / (1 + exp(-logit)) : exp(logit - total);
	}
	qsort(c->scores, n, sizeof(*c->scores), compare_scores);
	return c->label < 0 ? NAN : total - (double)logits[c->label];
}

static void print_json(const struct classifier *c, const char *file, double duration, size_t n,
		       double loss)
{
	struct json_out json = {.file = stdout};

	json_begin_object(&json, NULL);
	json_string(&json, "file", file);
	json_number(&json, "duration", duration, 10);
	json_begin_array(&json, "labels");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(&json, NULL);
		json_string(&json, "label", c->model.config->labels[c->scores[i].id]);
		json_integer(&json, "id", (long long)c->scores[i].id);
		json_number(&json, "probability", c->scores[i].probability, PROBABILITY_DIGITS);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_number(&json, "loss", loss, PROBABILITY_DIGITS);
	json_end_object(&json);
	json_newline(&json);
}

/* Columns separated by tabs; the file comes first where there are several. */
static void print_text(const struct classifier *c, const char *file, size_t n, double loss)
{
	bool several = c->options->n_arguments > 2;

	for (size_t i = 0; i < n; i++) {
		if (several)
			printf("%s\t", file);
		printf("%.6f\t%s\n", c->scores[i].probability,
		       c->model.config->labels[c->scores[i].id]);
	}
	if (isfinite(loss)) {
		if (several)
			printf("%s\t", file);
		printf("%.6f\tloss\n", loss);
	}
}

static int classify_samples(struct classifier *c, const char *file, const float *samples, size_t n)
{
	int error = 0;

	if (!c->offline)
		error = acoustic_offline_create(c->model.acoustic, n, &c->offline);
	if (!error)
		error = tool_model_run(&c->model, c->offline, samples, n, NULL);
	if (error)
		return error;

	/* Too short for a frame: nothing was heard. */
	const float *logits = acoustic_offline_labels(c->offline);
	size_t n_scores = logits ? c->model.config->n_labels : 0;
	double loss = logits ? score(c, logits) : NAN;
	if (c->options->json)
		print_json(c, file, (double)n / (double)c->model.config->sampling_rate, n_scores,
			   loss);
	else
		print_text(c, file, n_scores, loss);
	fflush(stdout);
	return 0;
}

static int classify_file(struct classifier *c, const char *path)
{
	struct audio_file *file = NULL;
	float *samples = NULL;
	size_t n = 0;

	int error = audio_file_open(path, (unsigned)c->model.config->sampling_rate,
				    &c->options->raw, &file);
	if (!error)
		error = audio_file_read_all(file, &samples, &n);
	if (!error)
		error = classify_samples(c, path, samples, n);
	audio_file_close(file);
	free(samples);
	return error;
}

static int prepare(struct classifier *c)
{
	const struct options *options = c->options;

	c->label = -1;
	int error = tool_model_open(options, TOOL_MODEL_NETWORK, &c->model);
	if (error)
		return error;
	if (c->model.config->head != HEAD_CLASSIFICATION) {
		log_error("%s: this model has no sequence classification head",
			  options->arguments[0]);
		return -EINVAL;
	}
	c->scores = calloc(c->model.config->n_labels, sizeof(*c->scores));
	if (!c->scores)
		return -ENOMEM;
	if (options->label) {
		c->label = find_label(c->model.config, options->label);
		if (c->label < 0)
			return c->label;
	}
	return 0;
}

static int run(const struct options *options)
{
	struct classifier c = {.options = options};
	int code = prepare(&c) ? EXIT_FAILED : EXIT_DONE;

	if (code == EXIT_DONE) {
		for (size_t i = 1; i < options->n_arguments; i++) {
			if (classify_file(&c, options->arguments[i]))
				code = EXIT_FAILED;
		}
	}
	acoustic_offline_destroy(c.offline);
	free(c.scores);
	tool_model_close(&c.model);
	return code;
}

const struct command classify_command = {
	.name = "classify",
	.arguments = "DIR AUDIO... [options]",
	.summary = "Prints the labels of each audio file with their probabilities.",
	.min_arguments = 2,
	.max_arguments = OPTIONS_ANY_NUMBER,
	.options = OPTION_JSON | OPTION_LANG | OPTION_LABEL | OPTION_THREADS | OPTION_WEIGHTS |
		   OPTION_RAW,
	.run = run,
};
