/*
 * `heard-model transcribe`: the text of audio files. Each segment of a file is
 * an utterance of its own, run with full context or, with --streaming, in
 * chunks as a live stream would be.
 */
#include "core/acoustic/acoustic.h"
#include "core/recognizer.h"
#include "tools/command_search.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/n_best.h"
#include "tools/result.h"
#include "tools/search.h"
#include "tools/segments.h"
#include "tools/streaming.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transcriber {
	const struct options *options;
	struct tool_model model;
	struct path path;                /* of the current segment, with --streaming */
	struct decode_plan *plan;        /* held; NULL: greedy */
	struct decoder *decoder;         /* owned; with plan, of the current segment */
	struct n_best n_best;            /* of the current file */
	struct command_search *commands; /* owned; with --grammar */
};

static int take_step(void *ctx, const struct acoustic_output *output)
{
	struct transcriber *t = ctx;

	if (t->decoder)
		return decoder_commit(t->decoder, output->committed, output->n_committed);
	return path_add_logits(&t->path, output->committed, output->n_committed, t->model.width);
}

static int run_streaming(struct transcriber *t, struct streaming *streaming, const float *samples,
			 size_t n, struct transcript *out)
{
	path_clear(&t->path);
	int error = streaming_run(streaming, samples, n, take_step, t);

	return error ? error : path_decode(&t->path, &t->model, out);
}

static int search_streaming(struct transcriber *t, struct streaming *streaming,
			    const float *samples, size_t n, struct recognizer_hypothesis *out,
			    size_t *count)
{
	const struct decoder_params params = {
		.vocab = t->model.vocab,
		.tokens = t->model.width,
		.max_frames = config_frames(t->model.config, n),
		.streaming = true,
	};

	int error = decoder_create(&params, t->plan, &t->decoder);
	if (!error)
		error = streaming_run(streaming, samples, n, take_step, t);
	if (!error) {
		decoder_finish(t->decoder);
		error = recognizer_hypotheses(t->decoder, out, count);
	}
	decoder_destroy(t->decoder);
	t->decoder = NULL;
	return error;
}

/* One utterance as the plan searches; keeps the hypotheses that are wanted. */
static int run_search(struct transcriber *t, struct streaming *streaming, double start,
		      const float *samples, size_t n, struct transcript *out)
{
	size_t count = t->options->n_best > 0 ? t->options->n_best : 1;
	struct recognizer_hypothesis *hypotheses = calloc(count, sizeof(*hypotheses));

	if (!hypotheses)
		return -ENOMEM;
	int error = streaming ? search_streaming(t, streaming, samples, n, hypotheses, &count)
			      : recognizer_search(t->model.recognizer, samples, n, 0, t->plan,
						  hypotheses, &count);
	if (error) {
		free(hypotheses);
		return error;
	}
	error = transcript_copy(&hypotheses[0].transcript, out);
	if (error || t->options->n_best == 0) {
		hypotheses_free(hypotheses, count);
		return error;
	}
	error = n_best_add(&t->n_best, start,
			   start + (double)n / (double)t->model.config->sampling_rate, hypotheses,
			   count);
	if (error)
		transcript_finish(out);
	return error;
}

static int transcribe_segments(struct transcriber *t, struct segments *segments,
			       struct result *result)
{
	struct streaming *streaming = NULL;
	const float *samples;
	size_t n;
	int more;

	while ((more = segments_next(segments, &samples, &n)) > 0) {
		struct transcript transcript;
		int error = 0;
		if (t->options->streaming && !streaming)
			error = streaming_create(&t->model, t->options, segments_longest(segments),
						 &streaming);
		double start =
			(double)segments_start(segments) / (double)t->model.config->sampling_rate;
		if (!error && t->plan)
			error = run_search(t, streaming, start, samples, n, &transcript);
		else if (!error && streaming)
			error = run_streaming(t, streaming, samples, n, &transcript);
		else if (!error)
			error = recognizer_transcribe(t->model.recognizer, samples, n, 0, 0, NULL,
						      &transcript);
		if (!error) {
			error = result_add(result, &t->model, &transcript, start, NULL);
			transcript_finish(&transcript);
		}
		if (error) {
			more = error;
			break;
		}
	}
	streaming_destroy(streaming);
	return more;
}

/* ---- commands ---- */

static void print_command(const struct transcriber *t, const struct found_command *found,
			  const char *file, double start, double end)
{
	struct json_out json = {.file = stdout};

	if (!t->options->json) {
		if (found->accepted)
			printf("%s\n", found->phrase.text);
		else
			printf("(no match) %s\n", found->text);
		return;
	}
	json_begin_object(&json, NULL);
	json_string(&json, "file", file);
	json_number(&json, "start", start, 9);
	json_number(&json, "end", end, 9);
	json_string(&json, "text", found->text);
	json_bool(&json, "accepted", found->accepted);
	found_command_json(found, start, &json);
	json_end_object(&json);
	json_newline(&json);
}

/* Each segment is an utterance and has a line. */
static int find_commands(struct transcriber *t, const char *file)
{
	double rate = (double)t->model.config->sampling_rate;
	struct segments *segments = NULL;
	const float *samples;
	size_t n;

	int more = segments_open(file, (size_t)rate, t->options, &segments);
	if (more)
		return more;
	while ((more = segments_next(segments, &samples, &n)) > 0) {
		struct found_command found;
		int error = command_search_run(t->commands, samples, n, &found);
		if (error) {
			more = error;
			break;
		}
		double start = (double)segments_start(segments) / rate;
		print_command(t, &found, file, start, start + (double)n / rate);
		found_command_finish(&found);
		fflush(stdout);
	}
	segments_close(segments);
	return more;
}

static int transcribe_file(struct transcriber *t, const char *file)
{
	if (t->commands)
		return find_commands(t, file);

	struct segments *segments = NULL;
	struct result result = {0};
	size_t rate = t->model.config->sampling_rate;

	int error = segments_open(file, rate, t->options, &segments);
	if (!error)
		error = transcribe_segments(t, segments, &result);
	if (!error && t->options->json) {
		struct json_out json = {.file = stdout};
		json_begin_object(&json, NULL);
		result_json(&result, &json, file, (double)segments_end(segments) / (double)rate);
		if (t->options->n_best > 0)
			n_best_json(&t->n_best, &json);
		json_end_object(&json);
		json_newline(&json);
	} else if (!error) {
		printf("%s\n", result_text(&result));
	}
	/* Whoever reads a pipe waits for one file, not for all. */
	fflush(stdout);
	segments_close(segments);
	result_finish(&result);
	n_best_finish(&t->n_best);
	return error;
}

static int run(const struct options *options)
{
	struct transcriber t = {.options = options};
	int code = EXIT_DONE;

	int error = tool_model_open(options, TOOL_MODEL_TEXT, &t.model);
	if (!error)
		error = search_plan(options, &t.model, &t.plan);
	if (!error && options->grammar)
		error = command_search_create(&t.model, options, &t.commands);
	for (size_t i = 1; i < options->n_arguments && !error; i++) {
		if (transcribe_file(&t, options->arguments[i]))
			code = EXIT_FAILED;
	}
	path_finish(&t.path);
	decode_plan_release(t.plan);
	command_search_destroy(t.commands);
	tool_model_close(&t.model);
	return error ? EXIT_FAILED : code;
}

const struct command transcribe_command = {
	.name = "transcribe",
	.arguments = "DIR AUDIO... [options]",
	.summary = "Prints the text of each audio file on a line; '-' is standard input.",
	.min_arguments = 2,
	.max_arguments = OPTIONS_ANY_NUMBER,
	.options = OPTION_JSON | OPTION_LANG | OPTION_STREAMING | OPTION_STATISTICS |
		   OPTION_MAX_SEGMENT | OPTION_THREADS | OPTION_WEIGHTS | OPTION_RAW |
		   OPTION_SEARCH | OPTION_NBEST | OPTION_GRAMMAR,
	.run = run,
};
