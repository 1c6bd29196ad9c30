/*
 * `heard-model wer`: how many words and characters of recordings with
 * transcripts are recognized wrongly, with full context or streaming, in noise,
 * and by lookahead.
 */
#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/recognizer.h"
#include "tools/command_search.h"
#include "tools/commands.h"
#include "tools/evaluation.h"
#include "tools/json_out.h"
#include "tools/manifest.h"
#include "tools/noise.h"
#include "tools/outcome.h"
#include "tools/recordings.h"
#include "tools/search.h"
#include "tools/tool_model.h"
#include "tools/wer_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames of lookahead that a sweep tries; then full context. */
static const long lookaheads[] = {0, 4, 8, 16, 32, 64};

enum { N_LOOKAHEADS = sizeof(lookaheads) / sizeof(lookaheads[0]) };

struct tester {
	const struct options *options;
	struct tool_model model;
	struct decode_plan *plan;      /* held; NULL: greedy */
	struct recordings *recordings; /* owned */
	struct noise *noise;           /* owned, or NULL */
	struct manifest **manifests;   /* owned, [n_sets] */
	struct wer_set *sets;          /* owned, [n_sets] and the total behind them */
	size_t n_sets;
};

/* The part of a manifest that is taken. */
struct selection {
	const struct manifest *manifest; /* borrowed */
	int transcript;                  /* its column */
	size_t n;
	size_t *clips;            /* owned, [n] */
	size_t *samples;          /* owned, [n]: their lengths */
	struct outcome *outcomes; /* owned, [n]: of the last pass */
};

static int no_memory(const char *what)
{
	log_error("no memory for %s", what);
	return -ENOMEM;
}

/* ---- which utterances ---- */

static void selection_finish(struct selection *selection)
{
	for (size_t i = 0; i < selection->n && selection->outcomes; i++)
		outcome_finish(&selection->outcomes[i]);
	free(selection->clips);
	free(selection->samples);
	free(selection->outcomes);
}

/* Utterances of the split that have a transcript; with a limit, every k-th. */
static int select_clips(const struct options *options, const struct manifest *manifest,
			struct selection *out)
{
	size_t size = manifest_size(manifest);
	int split = manifest_column(manifest, "split");

	*out = (struct selection){
		.manifest = manifest,
		.transcript = manifest_column(manifest, "transcript"),
		.clips = calloc(size + 1, sizeof(*out->clips)),
		.samples = calloc(size + 1, sizeof(*out->samples)),
		.outcomes = calloc(size + 1, sizeof(*out->outcomes)),
	};
	if (out->transcript < 0) {
		log_error("%s: no column is called 'transcript'", manifest_path(manifest));
		return -EINVAL;
	}
	if (!out->clips || !out->samples || !out->outcomes)
		return no_memory("the utterances");
	for (size_t i = 0; i < size; i++) {
		const char *words = manifest_field(manifest, i, out->transcript);
		if (options->split && split >= 0 &&
		    strcmp(manifest_field(manifest, i, split), options->split) != 0)
			continue;
		if (words[strspn(words, " ")] != '\0')
			out->clips[out->n++] = i;
	}
	size_t limit = options->limit;
	if (limit > 0 && limit < out->n) {
		for (size_t i = 0; i < limit; i++)
			out->clips[i] = out->clips[i * out->n / limit];
		out->n = limit;
	}
	if (out->n == 0)
		log_warn("%s: no utterance with a transcript in split '%s'",
			 manifest_path(manifest), options->split ? options->split : "all");
	return 0;
}

/* ---- a pass ---- */

static int read_clip(struct tester *t, struct selection *selection, size_t i, float **samples,
		     size_t *silent)
{
	size_t clip = selection->clips[i];
	const struct manifest_clip *what = manifest_clip(selection->manifest, clip);

	int error = recordings_clip(t->recordings, selection->manifest, clip, samples,
				    &selection->samples[i]);
	if (error || !t->noise)
		return error;
	int mixed = noise_mix(t->noise, what->name, what->start, t->options->snr_db, *samples,
			      selection->samples[i]);
	*silent += mixed == 0;
	if (mixed < 0)
		free(*samples);
	return mixed < 0 ? mixed : 0;
}

static void warn_silent(const struct selection *selection, size_t silent)
{
	if (silent > 0)
		log_warn("%s: no noise under %zu utterances that are silent, or their noise is",
			 manifest_path(selection->manifest), silent);
}

/* The best phrase of a segment where it was accepted, else what was said as free text. */
static int add_command(const struct found_command *found, struct outcome *outcome)
{
	struct transcript said = {.text = found->accepted ? found->phrase.text : found->text};
	size_t n = found->accepted ? found->phrase.n_words : 0;

	said.words = calloc(n + 1, sizeof(*said.words));
	if (!said.words)
		return no_memory("the words of a command");
	said.n_words = n;
	for (size_t i = 0; i < n; i++)
		said.words[i].confidence = found->words[i].confidence;
	outcome->rejected = outcome->rejected || !found->accepted;
	int error = outcome_add(outcome, &said);
	free(said.words);
	return error;
}

static int search_clip(const struct tester *t, struct command_search *search, const float *samples,
		       size_t n, struct outcome *outcome)
{
	size_t rate = t->model.config->sampling_rate;
	double seconds = t->options->max_segment_s;
	size_t limit = seconds > 0 ? (size_t)(seconds * (double)rate) : SIZE_MAX;
	size_t start = 0, length;
	int error;

	do {
		struct found_command found;
		size_t left = n - start;
		length = recognizer_segment(samples + start, left, left < limit ? left : limit,
					    rate);
		error = command_search_run(search, samples + start, length, &found);
		if (!error) {
			error = add_command(&found, outcome);
			found_command_finish(&found);
		}
		start += length;
	} while (!error && start < n && length > 0);
	return error;
}

/* With a grammar: one utterance after the other, and no loss. */
static int recognize_commands(struct tester *t, struct selection *selection,
			      const struct wer_pass *pass)
{
	struct options options = *t->options;
	struct command_search *search;
	size_t silent = 0;

	options.streaming = pass->streaming;
	if (pass->streaming)
		options.window = pass->window;
	int error = command_search_create(&t->model, &options, &search);
	for (size_t i = 0; i < selection->n && !error; i++) {
		float *samples;
		error = read_clip(t, selection, i, &samples, &silent);
		if (error)
			break;
		outcome_finish(&selection->outcomes[i]);
		error = search_clip(t, search, samples, selection->samples[i],
				    &selection->outcomes[i]);
		free(samples);
	}
	if (!error)
		warn_silent(selection, silent);
	command_search_destroy(search);
	return error;
}

static int recognize(struct tester *t, struct selection *selection, const struct wer_pass *pass)
{
	const struct evaluation_params params = {
		.streaming = pass->streaming,
		.window = pass->window,
		.statistics = t->options->statistics,
		.streams = t->options->streams,
		.max_segment_s = t->options->max_segment_s,
		.plan = t->plan,
	};
	struct evaluation *evaluation;
	size_t silent = 0;

	int error = evaluation_create(&t->model, &params, &evaluation);
	for (size_t i = 0; i < selection->n && !error; i++) {
		const char *words = manifest_field(selection->manifest, selection->clips[i],
						   selection->transcript);
		float *samples;
		error = read_clip(t, selection, i, &samples, &silent);
		if (!error) {
			outcome_finish(&selection->outcomes[i]);
			error = evaluation_add(evaluation, samples, selection->samples[i], words,
					       &selection->outcomes[i]);
		}
	}
	if (!error)
		error = evaluation_finish(evaluation);
	if (!error)
		warn_silent(selection, silent);
	evaluation_destroy(evaluation);
	return error;
}

static int run_pass(struct tester *t, struct selection *selection, struct wer_pass *pass)
{
	double rate = (double)t->model.config->sampling_rate;

	int error = t->options->grammar ? recognize_commands(t, selection, pass)
					: recognize(t, selection, pass);
	for (size_t i = 0; i < selection->n && !error; i++) {
		const char *words = manifest_field(selection->manifest, selection->clips[i],
						   selection->transcript);
		error = score_add(&pass->score, words, &selection->outcomes[i],
				  (double)selection->samples[i] / rate);
	}
	return error;
}

/* ---- a set ---- */

static void plan_passes(const struct tester *t, struct wer_set *set)
{
	const struct window window = tool_model_window(&t->model, t->options);

	set->n_passes = 0;
	set->in_use = (struct confidence_map){(double)t->model.config->confidence_scale,
					      (double)t->model.config->confidence_shift};
	if (!t->options->lookahead_sweep) {
		set->passes[set->n_passes++] = (struct wer_pass){
			.streaming = t->options->streaming,
			.window = window,
		};
		return;
	}
	for (size_t i = 0; i < N_LOOKAHEADS; i++) {
		struct wer_pass pass = {.streaming = true, .window = window};
		pass.window.right = lookaheads[i];
		set->passes[set->n_passes++] = pass;
	}
	set->passes[set->n_passes++] = (struct wer_pass){.streaming = false};
}

static int show(const struct selection *selection)
{
	int error = 0;

	for (size_t i = 0; i < selection->n && !error; i++) {
		size_t clip = selection->clips[i];
		const struct manifest_clip *what = manifest_clip(selection->manifest, clip);
		const char *text = selection->outcomes[i].text;
		char *where = NULL;
		if (asprintf(&where, "%s:%llu", what->name, (unsigned long long)what->start) < 0)
			return -ENOMEM;
		error = wer_report_words(
			where, manifest_field(selection->manifest, clip, selection->transcript),
			text ? text : "");
		free(where);
	}
	return error;
}

static void show_json(const struct selection *selection, struct json_out *json)
{
	json_begin_array(json, "clips");
	for (size_t i = 0; i < selection->n; i++) {
		size_t clip = selection->clips[i];
		const struct manifest_clip *what = manifest_clip(selection->manifest, clip);
		const char *text = selection->outcomes[i].text;
		json_begin_object(json, NULL);
		json_string(json, "path", what->name);
		json_integer(json, "start", (long long)what->start);
		json_string(json, "reference",
			    manifest_field(selection->manifest, clip, selection->transcript));
		json_string(json, "hypothesis", text ? text : "");
		json_end_object(json);
	}
	json_end_array(json);
}

/* A set's object; of the total where there is no selection. */
static void print_json(const struct tester *t, struct wer_set *set,
		       const struct selection *selection)
{
	struct json_out json = {.file = stdout};
	enum weight_type weights = acoustic_model_weights(t->model.acoustic);

	json_begin_object(&json, NULL);
	wer_report_json(set, t->options, weight_type_name(weights), &json);
	if (selection && t->options->show)
		show_json(selection, &json);
	json_end_object(&json);
	json_newline(&json);
	fflush(stdout);
}

static int run_set(struct tester *t, size_t i)
{
	struct wer_set *set = &t->sets[i];
	struct wer_set *total = &t->sets[t->n_sets];
	struct selection selection;

	set->name = manifest_set(t->manifests[i]);
	plan_passes(t, set);
	int error = select_clips(t->options, t->manifests[i], &selection);
	for (size_t k = 0; k < set->n_passes && !error; k++) {
		struct score *score = &set->passes[k].score;
		error = run_pass(t, &selection, &set->passes[k]);
		if (!error)
			error = score_merge(&total->passes[k].score, score);
		confusions_rank(&score->confusions);
	}
	if (!error && t->options->json)
		print_json(t, set, &selection);
	else if (!error && t->options->show)
		error = show(&selection);
	selection_finish(&selection);
	return error;
}

/* ---- all ---- */

static int prepare(struct tester *t)
{
	const struct options *options = t->options;

	t->n_sets = options->n_arguments - 1;
	t->manifests = calloc(t->n_sets, sizeof(*t->manifests));
	t->sets = calloc(t->n_sets + 1, sizeof(*t->sets));
	if (!t->manifests || !t->sets)
		return no_memory("the sets");
	/* What is wrong in the last of them is better said before than after. */
	for (size_t i = 0; i < t->n_sets; i++) {
		int error = manifest_load(options->arguments[1 + i], &t->manifests[i]);
		if (error)
			return error;
	}
	int error = tool_model_open(options, TOOL_MODEL_TEXT, &t->model);
	if (error)
		return error;
	unsigned rate = (unsigned)t->model.config->sampling_rate;
	if (recordings_create(rate, RECORDINGS_DEFAULT_BYTES, &t->recordings))
		return no_memory("recordings");
	return options->noise ? noise_open(options->noise, rate, options->seed, &t->noise) : 0;
}

static int run_sets(struct tester *t)
{
	struct wer_set *total = &t->sets[t->n_sets];
	int error = 0;

	total->name = "total";
	plan_passes(t, total);
	for (size_t i = 0; i < t->n_sets && !error; i++)
		error = run_set(t, i);
	if (error)
		return error;
	for (size_t k = 0; k < total->n_passes; k++)
		confusions_rank(&total->passes[k].score.confusions);
	if (!t->options->json)
		wer_report_text(t->sets, t->n_sets > 1 ? t->n_sets + 1 : 1, t->options,
				1e3 * tool_model_seconds(&t->model, 1));
	else if (t->n_sets > 1)
		print_json(t, total, NULL);
	return 0;
}

static int run(const struct options *options)
{
	struct tester t = {.options = options};

	int error = prepare(&t);
	if (!error)
		error = search_plan(options, &t.model, &t.plan);
	if (!error)
		error = run_sets(&t);
	for (size_t i = 0; i <= t.n_sets && t.sets; i++)
		wer_set_finish(&t.sets[i]);
	for (size_t i = 0; i < t.n_sets && t.manifests; i++)
		manifest_destroy(t.manifests[i]);
	free(t.sets);
	free(t.manifests);
	noise_close(t.noise);
	recordings_destroy(t.recordings);
	decode_plan_release(t.plan);
	if (t.model.acoustic)
		tool_model_close(&t.model);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command wer_command = {
	.name = "wer",
	.arguments = "DIR MANIFEST... [options]",
	.summary = "Measures word and character error rates on recordings with transcripts.",
	.min_arguments = 2,
	.max_arguments = OPTIONS_ANY_NUMBER,
	.options = OPTION_JSON | OPTION_LANG | OPTION_STREAMING | OPTION_STATISTICS |
		   OPTION_MAX_SEGMENT | OPTION_THREADS | OPTION_WEIGHTS | OPTION_SPLIT |
		   OPTION_LIMIT | OPTION_NOISE | OPTION_SEED | OPTION_SWEEP | OPTION_SHOW |
		   OPTION_CALIBRATION | OPTION_STREAMS | OPTION_SEARCH | OPTION_GRAMMAR,
	.streams = 16,
	.run = run,
};
