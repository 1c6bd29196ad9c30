/*
 * `heard-model verify`: what a smaller type of weights costs. Recordings are run
 * with full context through the model with the weights it is compared with
 * and with each of those in question, and every stage of the network, the greedy
 * tokens and, where it is known what is said, the words are compared.
 *
 * All are loaded at once, so that the one they are compared with is run once.
 */
#include "tools/verify.h"

#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/decode/ctc_greedy.h"
#include "core/recognizer.h"
#include "tools/commands.h"
#include "tools/manifest.h"
#include "tools/outcome.h"
#include "tools/recordings.h"
#include "tools/result.h"
#include "tools/score.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A clip of a manifest, or a file. */
struct utterance {
	const struct manifest *manifest; /* borrowed, or NULL */
	size_t clip;
	const char *path;  /* borrowed; without a manifest */
	const char *words; /* borrowed; NULL: not known */
};

/* A loaded model and what it made of the utterance at hand. */
struct side {
	struct tool_model model;
	struct acoustic_offline *offline; /* owned */
	struct path path;                 /* of the segment at hand */
	int *tokens;                      /* owned, [n_tokens]: of the utterance so far */
	size_t n_tokens, capacity;
	struct outcome outcome; /* likewise */
	struct score score;     /* of all utterances with words */
};

struct verifier {
	const struct options *options;
	struct manifest **manifests; /* owned, [n_arguments] */
	struct utterance *utterances;
	size_t n_utterances;
	bool has_words;
	struct recordings *recordings;    /* owned */
	struct deviation *deviation;      /* owned */
	struct side reference;            /* owned */
	struct side others[WEIGHT_TYPES]; /* owned, [n_others] */
	struct verdict verdicts[WEIGHT_TYPES];
	size_t n_others;
	double seconds;
};

static int no_memory(const char *what)
{
	log_error("no memory for %s", what);
	return -ENOMEM;
}

/* ---- which utterances ---- */

static bool is_manifest(const char *path)
{
	static const char suffix[] = ".tsv";
	size_t length = strlen(path), n = sizeof(suffix) - 1;
	struct stat st;

	if (length > n && strcmp(path + length - n, suffix) == 0)
		return true;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static struct utterance *grow(struct verifier *v, size_t more)
{
	struct utterance *utterances =
		realloc(v->utterances, (v->n_utterances + more) * sizeof(*utterances));

	if (utterances)
		v->utterances = utterances;
	return utterances;
}

/* Of the split; with a limit, every k-th. */
static int add_manifest(struct verifier *v, const char *path, struct manifest **out)
{
	const struct options *options = v->options;

	int error = manifest_load(path, out);
	if (error)
		return error;
	const struct manifest *manifest = *out;
	int split = manifest_column(manifest, "split");
	int transcript = manifest_column(manifest, "transcript");
	if (!grow(v, manifest_size(manifest) + 1))
		return no_memory("the utterances");
	struct utterance *first = v->utterances + v->n_utterances;
	size_t n = 0;
	for (size_t i = 0; i < manifest_size(manifest); i++) {
		const char *words = manifest_field(manifest, i, transcript);
		if (options->split && split >= 0 &&
		    strcmp(manifest_field(manifest, i, split), options->split) != 0)
			continue;
		first[n++] = (struct utterance){
			.manifest = manifest,
			.clip = i,
			.words = words[strspn(words, " ")] != '\0' ? words : NULL,
		};
	}
	if (options->limit > 0 && options->limit < n) {
		for (size_t i = 0; i < options->limit; i++)
			first[i] = first[i * n / options->limit];
		n = options->limit;
	}
	if (n == 0)
		log_warn("%s: no utterance in split '%s'", manifest_path(manifest),
			 options->split ? options->split : "all");
	v->n_utterances += n;
	return 0;
}

static int add_file(struct verifier *v, const char *path)
{
	if (strcmp(path, "-") == 0) {
		log_error("standard input cannot be read once for each type of weights");
		return -EINVAL;
	}
	if (!grow(v, 1))
		return no_memory("the utterances");
	v->utterances[v->n_utterances++] = (struct utterance){.path = path};
	return 0;
}

static int find_utterances(struct verifier *v)
{
	const struct options *options = v->options;
	int error = 0;

	v->manifests = calloc(options->n_arguments, sizeof(*v->manifests));
	if (!v->manifests)
		return no_memory("the manifests");
	for (size_t i = 1; i < options->n_arguments && !error; i++) {
		const char *path = options->arguments[i];
		error = is_manifest(path) ? add_manifest(v, path, &v->manifests[i])
					  : add_file(v, path);
	}
	for (size_t i = 0; i < v->n_utterances; i++)
		v->has_words = v->has_words || v->utterances[i].words;
	return error;
}

/* ---- a side ---- */

static int side_open(struct side *side, const struct verifier *v, enum weight_type type)
{
	struct options options = *v->options;

	options.weights = type;
	int error = tool_model_open(&options, v->has_words ? TOOL_MODEL_TEXT : TOOL_MODEL_NETWORK,
				    &side->model);
	if (!error && acoustic_offline_create(side->model.acoustic, 0, &side->offline))
		error = no_memory("an utterance");
	return error;
}

static void side_close(struct side *side)
{
	acoustic_offline_destroy(side->offline);
	path_finish(&side->path);
	outcome_finish(&side->outcome);
	score_finish(&side->score);
	free(side->tokens);
	if (side->model.acoustic)
		tool_model_close(&side->model);
	*side = (struct side){0};
}

static int blank_of(const struct side *side)
{
	int blank = side->model.config->pad_token_id;

	if (side->model.vocab)
		return tool_model_blank(&side->model);
	return blank >= 0 ? blank : 0;
}

/* The best token of each frame, and those that are left of them. */
static int take_logits(struct side *side, const float *logits, size_t frames)
{
	struct path *path = &side->path;
	int last = blank_of(side), blank = last;

	path_clear(path);
	int error = path_add_logits(path, logits, frames, side->model.width);
	if (error)
		return error;
	if (side->n_tokens + frames > side->capacity) {
		size_t capacity = 2 * (side->n_tokens + frames);
		int *tokens = realloc(side->tokens, capacity * sizeof(*tokens));
		if (!tokens)
			return no_memory("the tokens");
		side->tokens = tokens;
		side->capacity = capacity;
	}
	for (size_t i = 0; i < path->n; i++) {
		if (path->ids[i] != blank && path->ids[i] != last)
			side->tokens[side->n_tokens++] = path->ids[i];
		last = path->ids[i];
	}
	if (!side->model.vocab)
		return 0;
	struct transcript transcript;
	error = path_decode(path, &side->model, &transcript);
	if (!error) {
		error = outcome_add(&side->outcome, &transcript);
		transcript_finish(&transcript);
	}
	return error;
}

static int take_label(struct side *side)
{
	const float *labels = acoustic_offline_labels(side->offline);

	path_clear(&side->path);
	return labels ? path_add_logits(&side->path, labels, 1, side->model.config->n_labels) : 0;
}

static int side_run(struct side *side, const float *samples, size_t n,
		    const struct acoustic_tap *tap)
{
	if (tool_model_run(&side->model, side->offline, samples, n, tap))
		return no_memory("an utterance");
	switch (side->model.config->head) {
	case HEAD_CTC:
		return take_logits(side, acoustic_offline_output(side->offline),
				   acoustic_offline_frames(side->offline));
	case HEAD_CLASSIFICATION:
		return take_label(side);
	default:
		return 0;
	}
}

/* ---- an utterance ---- */

static int run_segment(struct verifier *v, const float *samples, size_t n)
{
	const struct path *exact = &v->reference.path;

	int error = side_run(&v->reference, samples, n, deviation_keep(v->deviation));
	for (size_t k = 0; k < v->n_others && !error; k++) {
		struct agreement *agreement = &v->verdicts[k].agreement;
		struct side *other = &v->others[k];
		error = side_run(other, samples, n, deviation_compare(v->deviation, k));
		if (!error)
			error = deviation_error(v->deviation);
		for (size_t i = 0; i < exact->n && !error; i++)
			agreement->frames_equal += exact->ids[i] == other->path.ids[i];
		agreement->frames += exact->n;
	}
	return error;
}

/* Tokens are units of as many bytes as an int has. */
static int token_units(const struct side *side, struct edit_units *out)
{
	out->n = side->n_tokens;
	out->units = calloc(side->n_tokens + 1, sizeof(*out->units));
	if (!out->units)
		return -ENOMEM;
	for (size_t i = 0; i < side->n_tokens; i++)
		out->units[i] =
			(struct edit_unit){(const char *)&side->tokens[i], sizeof(side->tokens[i])};
	return 0;
}

static int count_tokens(const struct side *reference, const struct side *other,
			struct agreement *agreement)
{
	struct edit_units exact = {0}, units = {0};
	struct edit_counts counts = {0};

	int error = token_units(reference, &exact);
	if (!error)
		error = token_units(other, &units);
	if (!error)
		error = edit_count(&exact, &units, &counts);
	edit_counts_add(&agreement->tokens, &counts);
	agreement->utterances_equal += edit_errors(&counts) == 0;
	edit_units_finish(&exact);
	edit_units_finish(&units);
	return error ? no_memory("the tokens") : 0;
}

static void side_begin(struct side *side)
{
	side->n_tokens = 0;
	outcome_finish(&side->outcome);
}

/* Counts what the segments of an utterance came to. */
static int end_utterance(struct verifier *v, const char *words, double seconds)
{
	struct side *reference = &v->reference;
	int error = 0;

	if (words)
		error = score_add(&reference->score, words, &reference->outcome, seconds);
	for (size_t k = 0; k < v->n_others && !error; k++) {
		struct agreement *agreement = &v->verdicts[k].agreement;
		struct side *other = &v->others[k];
		agreement->utterances++;
		if (reference->model.config->head == HEAD_CTC)
			error = count_tokens(reference, other, agreement);
		if (words && !error)
			error = score_add(&other->score, words, &other->outcome, seconds);
	}
	v->seconds += seconds;
	return error;
}

static int run_samples(struct verifier *v, const char *words, const float *samples, size_t n)
{
	const struct model_config *config = v->reference.model.config;
	double rate = (double)config->sampling_rate;
	double limit = v->options->max_segment_s * rate;
	size_t longest = limit > 0 && config->head != HEAD_CLASSIFICATION ? (size_t)limit : n;
	int error = 0;

	side_begin(&v->reference);
	for (size_t k = 0; k < v->n_others; k++)
		side_begin(&v->others[k]);
	for (size_t at = 0; at < n && !error;) {
		size_t left = n - at;
		size_t length = recognizer_segment(
			samples + at, left, left < longest ? left : longest, config->sampling_rate);
		error = run_segment(v, samples + at, length);
		at += length;
	}
	return error ? error : end_utterance(v, words, (double)n / rate);
}

static int run_utterance(struct verifier *v, const struct utterance *what)
{
	const float *samples;
	float *clip;
	size_t n;

	if (!what->manifest) {
		int error = recordings_file(v->recordings, what->path, &samples, &n);
		return error ? error : run_samples(v, NULL, samples, n);
	}
	int error = recordings_clip(v->recordings, what->manifest, what->clip, &clip, &n);
	if (error)
		return error;
	error = run_samples(v, what->words, clip, n);
	free(clip);
	return error;
}

/* ---- all ---- */

static int open_sides(struct verifier *v)
{
	unsigned types = v->options->weight_types;

	int error = side_open(&v->reference, v, v->options->against);
	if (error)
		return error;
	if (types == 0)
		types = ((1u << WEIGHT_TYPES) - 1) &
			~(1u << WEIGHT_AUTO |
			  1u << acoustic_model_weights(v->reference.model.acoustic));
	for (int type = 0; type < WEIGHT_TYPES && !error; type++) {
		if (types & 1u << type)
			error = side_open(&v->others[v->n_others++], v, (enum weight_type)type);
	}
	return error;
}

static int run_utterances(struct verifier *v)
{
	int error = deviation_create(&v->deviation);

	if (!error && recordings_create((unsigned)v->reference.model.config->sampling_rate,
					RECORDINGS_DEFAULT_BYTES, &v->recordings))
		error = no_memory("recordings");
	for (size_t i = 0; i < v->n_utterances && !error; i++)
		error = run_utterance(v, &v->utterances[i]);
	return error;
}

static void report(struct verifier *v)
{
	const struct acoustic_model *reference = v->reference.model.acoustic;

	for (size_t k = 0; k < v->n_others; k++) {
		struct verdict *verdict = &v->verdicts[k];
		verdict->type = acoustic_model_weights(v->others[k].model.acoustic);
		verdict->weights_bytes = acoustic_model_bytes(v->others[k].model.acoustic);
		verdict->words = v->others[k].score.words;
	}
	verify_report(&(struct verify_report){
		.options = v->options,
		.config = v->reference.model.config,
		.against = acoustic_model_weights(reference),
		.weights_bytes = acoustic_model_bytes(reference),
		.words = v->reference.score.words,
		.seconds = v->seconds,
		.deviation = v->deviation,
		.verdicts = v->verdicts,
		.n_verdicts = v->n_others,
	});
}

static int run(const struct options *options)
{
	struct verifier v = {.options = options};

	int error = find_utterances(&v);
	if (!error && v.n_utterances > 0) {
		error = open_sides(&v);
		if (!error)
			error = run_utterances(&v);
		if (!error)
			report(&v);
	}
	for (size_t k = 0; k < v.n_others; k++)
		side_close(&v.others[k]);
	side_close(&v.reference);
	recordings_destroy(v.recordings);
	deviation_destroy(v.deviation);
	for (size_t i = 0; i < options->n_arguments && v.manifests; i++)
		manifest_destroy(v.manifests[i]);
	free(v.manifests);
	free(v.utterances);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command verify_command = {
	.name = "verify",
	.arguments = "DIR AUDIO|MANIFEST... [options]",
	.summary = "Measures what smaller types of weights cost on recordings.",
	.min_arguments = 2,
	.max_arguments = OPTIONS_ANY_NUMBER,
	.options = OPTION_JSON | OPTION_LANG | OPTION_MAX_SEGMENT | OPTION_THREADS |
		   OPTION_WEIGHTS | OPTION_AGAINST | OPTION_SPLIT | OPTION_LIMIT,
	.run = run,
};
