/*
 * `heard-model align`: when each word of a known text is said, and how well
 * the text fits (CTC loss). The logits of all segments are put one after the
 * other; the best path through them is decoded as a recognized one would be.
 */
#include "core/acoustic/acoustic.h"
#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/decode/ctc_loss.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/result.h"
#include "tools/segments.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aligner {
	const struct options *options;
	struct tool_model model;
	struct acoustic_offline *offline; /* owned */
	float *logits;                    /* owned, [frames, width] */
	size_t frames;
	double *times; /* owned, [frames]: where each frame starts, in seconds */
	int *labels;   /* owned, [n_labels] */
	size_t n_labels;
	double duration;
	double loss; /* INFINITY: no path */
	bool feasible;
};

static int no_memory(void)
{
	log_error("no memory for the logits of the whole file");
	return -ENOMEM;
}

static int append(struct aligner *a, size_t start)
{
	size_t frames = acoustic_offline_frames(a->offline);
	size_t width = a->model.width;
	double rate = (double)a->model.config->sampling_rate;
	size_t total = a->frames + frames;
	size_t bytes;

	if (frames == 0)
		return 0;
	if (!checked_mul(total, width * sizeof(float), &bytes))
		return no_memory();
	float *logits = realloc(a->logits, bytes);
	if (!logits)
		return no_memory();
	a->logits = logits;
	double *times = realloc(a->times, total * sizeof(*times));
	if (!times)
		return no_memory();
	a->times = times;

	memcpy(logits + a->frames * width, acoustic_offline_output(a->offline),
	       frames * width * sizeof(float));
	for (size_t f = 0; f < frames; f++)
		times[a->frames + f] = (double)start / rate + tool_model_seconds(&a->model, f);
	a->frames = total;
	return 0;
}

static int read_file(struct aligner *a, const char *file)
{
	struct segments *segments = NULL;
	const float *samples;
	size_t n;
	size_t rate = a->model.config->sampling_rate;

	int more = segments_open(file, rate, a->options, &segments);
	while (more >= 0 && (more = segments_next(segments, &samples, &n)) > 0) {
		if (!a->offline)
			more = acoustic_offline_create(a->model.acoustic, n, &a->offline);
		if (more >= 0)
			more = tool_model_run(&a->model, a->offline, samples, n, NULL);
		if (more >= 0)
			more = append(a, segments_start(segments));
	}
	if (more >= 0)
		a->duration = (double)segments_end(segments) / (double)rate;
	segments_close(segments);
	return more;
}

static int make_labels(struct aligner *a)
{
	size_t unknown = 0;

	int n = vocab_encode(a->model.vocab, a->options->text, &a->labels, &unknown);
	if (n < 0) {
		log_error("no memory for the labels");
		return n;
	}
	a->n_labels = (size_t)n;
	if (unknown > 0)
		log_warn("%zu characters of the text are not in the vocabulary", unknown);
	return 0;
}

/* Puts the best path into *path. -EDOM where there is none. */
static int find_path(const struct aligner *a, struct path *path)
{
	int blank = tool_model_blank(&a->model);
	size_t width = a->model.width;
	int *label_of_frame = calloc(a->frames + 1, sizeof(*label_of_frame));

	if (!label_of_frame)
		return no_memory();
	int error = ctc_align(a->logits, a->frames, width, a->labels, a->n_labels, blank,
			      label_of_frame);
	if (error == -ENOMEM)
		no_memory();
	for (size_t f = 0; f < a->frames && !error; f++) {
		const float *row = a->logits + f * width;
		bool is_blank = label_of_frame[f] < 0;
		int id = is_blank ? blank : a->labels[label_of_frame[f]];
		double sum = 0;
		for (size_t k = 0; k < width; k++)
			sum += exp((double)row[k] - (double)row[id]);
		error = path_add(path, is_blank ? vocab_blank(a->model.vocab) : id,
				 (float)(1 / sum));
	}
	free(label_of_frame);
	return error;
}

static int align(struct aligner *a, struct result *result)
{
	const struct model_config *config = a->model.config;
	struct ctc_loss_options loss_options = {
		.blank = tool_model_blank(&a->model),
		.mean = config->ctc_loss_mean,
		.zero_infinity = config->ctc_zero_infinity,
	};
	struct path path = {0};
	struct transcript transcript;

	int error = ctc_loss(a->logits, a->frames, a->model.width, a->labels, a->n_labels,
			     &loss_options, &a->loss);
	if (error == -EINVAL)
		log_error("the vocabulary has tokens that the network does not");
	else if (error)
		no_memory();
	if (!error)
		error = find_path(a, &path);
	a->feasible = !error;
	if (!error)
		error = path_decode(&path, &a->model, &transcript);
	if (!error) {
		error = result_add(result, &a->model, &transcript, 0, a->times);
		transcript_finish(&transcript);
	}
	path_finish(&path);
	return error == -EDOM ? 0 : error;
}

static void print(const struct aligner *a, const struct result *result, const char *file)
{
	if (a->options->json) {
		struct json_out json = {.file = stdout};
		json_begin_object(&json, NULL);
		result_json(result, &json, file, a->duration);
		json_number(&json, "loss", a->loss, 9);
		json_bool(&json, "feasible", a->feasible);
		json_end_object(&json);
		json_newline(&json);
		return;
	}
	if (!a->feasible) {
		printf("loss\tinfinite\n");
		return;
	}
	printf("loss\t%.6f\n", a->loss);
	for (size_t i = 0; i < result->words.n; i++) {
		const struct result_span *span = &result->words.spans[i];
		printf("%.3f\t%.3f\t%s\n", span->start, span->end, result->strings + span->text);
	}
}

static int run(const struct options *options)
{
	struct aligner a = {.options = options};
	struct result result = {0};
	const char *file = options->arguments[1];

	int error = tool_model_open(options, TOOL_MODEL_TEXT, &a.model);
	if (!error)
		error = make_labels(&a);
	if (!error)
		error = read_file(&a, file);
	if (!error)
		error = align(&a, &result);
	if (!error)
		print(&a, &result, file);
	result_finish(&result);
	acoustic_offline_destroy(a.offline);
	free(a.logits);
	free(a.times);
	free(a.labels);
	tool_model_close(&a.model);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command align_command = {
	.name = "align",
	.arguments = "DIR AUDIO --text TEXT [options]",
	.summary = "Prints when each word of a known text is said, and the CTC loss.",
	.min_arguments = 2,
	.max_arguments = 2,
	.options = OPTION_JSON | OPTION_LANG | OPTION_TEXT | OPTION_MAX_SEGMENT | OPTION_THREADS |
		   OPTION_WEIGHTS | OPTION_RAW,
	.required = OPTION_TEXT,
	.run = run,
};
