/*
 * `heard-model intent`: how well spoken commands are understood, and how often
 * other speech is taken for one, as a curve over the threshold.
 */
#include "core/base/log.h"
#include "tools/command_search.h"
#include "tools/commands.h"
#include "tools/intent_report.h"
#include "tools/intent_truth.h"
#include "tools/json_out.h"
#include "tools/manifest.h"
#include "tools/noise.h"
#include "tools/recordings.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tester {
	const struct options *options;
	struct tool_model model;
	struct command_search *search; /* owned */
	struct recordings *recordings; /* owned */
	struct noise *noise;           /* owned, or NULL */
	struct intent_counts counts;
};

/* What was said and what was understood: an object a clip, or a line. */
static void show(const struct tester *t, const struct manifest *manifest,
		 const struct intent_truth *truth, size_t i, const struct found_command *found)
{
	const struct manifest_clip *clip = manifest_clip(manifest, i);
	bool command = intent_truth_kind(truth, i) == INTENT_COMMAND;
	bool right = found->accepted ? intent_truth_agrees(truth, i, &found->phrase) : !command;

	if (t->options->json) {
		struct json_out json = {.file = stdout};
		json_begin_object(&json, NULL);
		json_string(&json, "path", clip->name);
		json_integer(&json, "start", (long long)clip->start);
		json_string(&json, "reference", intent_truth_text(truth, i));
		json_bool(&json, "command", command);
		json_string(&json, "text", found->text);
		json_bool(&json, "accepted", found->accepted);
		json_bool(&json, "right", right);
		found_command_json(found, 0, &json);
		json_end_object(&json);
		json_newline(&json);
	} else {
		printf("%s:%llu %s %.3f %s\n", clip->name, (unsigned long long)clip->start,
		       right ? "right" : "WRONG", (double)found->confidence,
		       found->accepted ? "accepted" : "rejected");
		printf("  said  %s\n  heard %s\n  best  %s\n", intent_truth_text(truth, i),
		       found->text, found->phrase.text ? found->phrase.text : "-");
	}
}

static int run_clip(struct tester *t, const struct manifest *manifest,
		    const struct intent_truth *truth, size_t i)
{
	const struct manifest_clip *clip = manifest_clip(manifest, i);
	struct found_command found;
	float *samples;
	size_t n;

	int error = recordings_clip(t->recordings, manifest, i, &samples, &n);
	if (error)
		return error;
	if (t->noise) {
		int mixed = noise_mix(t->noise, clip->name, clip->start, t->options->snr_db,
				      samples, n);
		error = mixed < 0 ? mixed : 0;
	}
	if (!error)
		error = command_search_run(t->search, samples, n, &found);
	free(samples);
	if (error)
		return error;
	t->counts.seconds += (double)n / (double)t->model.config->sampling_rate;
	if (intent_truth_kind(truth, i) == INTENT_OTHER)
		error = intent_counts_other(&t->counts, found.confidence);
	else
		error = intent_counts_command(&t->counts, found.confidence,
					      intent_truth_agrees(truth, i, &found.phrase));
	if (t->options->show)
		show(t, manifest, truth, i, &found);
	found_command_finish(&found);
	return error;
}

/* Clips of the split of which something is known; with a limit, every k-th. */
static size_t select_clips(const struct tester *t, const struct manifest *manifest,
			   const struct intent_truth *truth, size_t *clips)
{
	int split = manifest_column(manifest, "split");
	size_t n = 0, limit = t->options->limit;

	for (size_t i = 0; i < manifest_size(manifest); i++) {
		if (t->options->split && split >= 0 &&
		    strcmp(manifest_field(manifest, i, split), t->options->split) != 0)
			continue;
		if (intent_truth_kind(truth, i) != INTENT_UNKNOWN)
			clips[n++] = i;
	}
	if (limit == 0 || limit >= n)
		return n;
	for (size_t i = 0; i < limit; i++)
		clips[i] = clips[i * n / limit];
	return limit;
}

static int run_manifest(struct tester *t, const char *path)
{
	struct manifest *manifest = NULL;
	struct intent_truth *truth = NULL;
	size_t *clips = NULL, n = 0;

	int error = manifest_load(path, &manifest);
	if (!error)
		error = intent_truth_load(manifest, command_search_grammar(t->search),
					  t->model.vocab, &truth);
	if (!error) {
		clips = calloc(manifest_size(manifest) + 1, sizeof(*clips));
		if (!clips)
			error = -ENOMEM;
	}
	if (!error)
		n = select_clips(t, manifest, truth, clips);
	if (!error && n == 0)
		log_warn("%s: nothing is known of what is said in split '%s'",
			 manifest_path(manifest), t->options->split ? t->options->split : "all");
	for (size_t i = 0; i < n && !error; i++)
		error = run_clip(t, manifest, truth, clips[i]);
	free(clips);
	intent_truth_destroy(truth);
	manifest_destroy(manifest);
	return error;
}

static int prepare(struct tester *t)
{
	const struct options *options = t->options;

	int error = tool_model_open(options, TOOL_MODEL_TEXT, &t->model);
	if (!error)
		error = command_search_create(&t->model, options, &t->search);
	if (error)
		return error;
	unsigned rate = (unsigned)t->model.config->sampling_rate;
	if (recordings_create(rate, RECORDINGS_DEFAULT_BYTES, &t->recordings)) {
		log_error("no memory for recordings");
		return -ENOMEM;
	}
	return options->noise ? noise_open(options->noise, rate, options->seed, &t->noise) : 0;
}

static int run(const struct options *options)
{
	struct tester t = {.options = options};

	int error = prepare(&t);
	for (size_t i = 1; i < options->n_arguments && !error; i++)
		error = run_manifest(&t, options->arguments[i]);
	if (!error && options->json)
		intent_report_json(&t.counts, options);
	else if (!error)
		intent_report_text(&t.counts, options);
	intent_counts_finish(&t.counts);
	noise_close(t.noise);
	recordings_destroy(t.recordings);
	command_search_destroy(t.search);
	if (t.model.acoustic)
		tool_model_close(&t.model);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command intent_command = {
	.name = "intent",
	.arguments = "DIR MANIFEST... --grammar FILE [options]",
	.summary = "Measures how well commands are understood and other speech rejected.",
	.min_arguments = 2,
	.max_arguments = OPTIONS_ANY_NUMBER,
	.options = OPTION_JSON | OPTION_LANG | OPTION_STREAMING | OPTION_STATISTICS |
		   OPTION_THREADS | OPTION_WEIGHTS | OPTION_SPLIT | OPTION_LIMIT | OPTION_NOISE |
		   OPTION_SEED | OPTION_SHOW | OPTION_GRAMMAR,
	.required = OPTION_GRAMMAR,
	.run = run,
};
