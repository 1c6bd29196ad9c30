/*
 * `heard-model info`: what a model directory holds and what running it takes.
 * The model is loaded, so the figures are those of the real thing and a
 * directory that passes can be run.
 */
#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/memory.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct info {
	const char *dir;
	struct tool_model model;
	struct vocab *vocab; /* owned; NULL where the directory has none */
	char **languages;    /* owned by tokenizer_free_languages; NULL: no vocabulary */
	size_t n_languages;
	size_t stream_bytes; /* state of one stream with the recommended L:C:R */
	size_t labels_shown;
};

static const char *head_name(enum model_head head)
{
	switch (head) {
	case HEAD_CTC:
		return "ctc";
	case HEAD_CLASSIFICATION:
		return "classification";
	case HEAD_NONE:
		return "none";
	}
	return "none";
}

/* The name of the reference's class. */
static void architecture(const struct model_config *config, char *out, size_t size)
{
	static const char *const suffixes[] = {
		[HEAD_NONE] = "Model",
		[HEAD_CTC] = "ForCTC",
		[HEAD_CLASSIFICATION] = "ForSequenceClassification",
	};
	bool hubert = strcmp(config->model_type, "hubert") == 0;

	snprintf(out, size, "%s%s", hubert ? "Hubert" : "Wav2Vec2", suffixes[config->head]);
}

static double frames_ms(const struct info *info, size_t frames)
{
	return 1e3 * tool_model_seconds(&info->model, frames);
}

static double field_ms(const struct model_config *config)
{
	return 1e3 * (double)config->field / (double)config->sampling_rate;
}

/* From the end of a sound to the step that commits its frame, at most. */
static double latency_ms(const struct info *info)
{
	const struct model_config *config = info->model.config;

	return frames_ms(info, (size_t)(config->chunk + config->right - 1)) + field_ms(config);
}

static void json_network(const struct model_config *config, struct json_out *json)
{
	char name[64];

	architecture(config, name, sizeof(name));
	json_string(json, "architecture", name);
	json_string(json, "model_type", config->model_type);
	json_string(json, "head", head_name(config->head));
	json_integer(json, "layers", (long long)config->n_layers);
	json_integer(json, "hidden_size", (long long)config->hidden_size);
	json_integer(json, "attention_heads", (long long)config->n_heads);
	json_integer(json, "intermediate_size", (long long)config->intermediate_size);
	json_integer(json, "conv_layers", (long long)config->n_conv_layers);
	json_string(json, "conv_norm", config->conv_norm == CONV_NORM_GROUP ? "group" : "layer");
	json_bool(json, "stable_layer_norm", config->stable_layer_norm);
	json_bool(json, "do_normalize", config->do_normalize);
}

static void json_vocabulary(const struct info *info, struct json_out *json)
{
	const struct vocab *vocab = info->vocab;

	if (!vocab) {
		json_null(json, "vocabulary");
	} else {
		int delimiter = vocab_delimiter(vocab);
		json_begin_object(json, "vocabulary");
		json_integer(json, "size", (long long)vocab_size(vocab));
		json_integer(json, "blank", vocab_blank(vocab));
		json_string(json, "delimiter",
			    delimiter < 0 ? NULL : vocab_token(vocab, delimiter));
		json_end_object(json);
	}
	json_begin_array(json, "languages");
	for (size_t i = 0; i < info->n_languages; i++)
		json_string(json, NULL, info->languages[i]);
	json_end_array(json);
	json_begin_array(json, "labels");
	for (size_t i = 0; i < info->labels_shown; i++)
		json_string(json, NULL, info->model.config->labels[i]);
	json_end_array(json);
}

static void json_streaming(const struct info *info, struct json_out *json)
{
	const struct model_config *config = info->model.config;

	json_begin_object(json, "streaming");
	json_integer(json, "left", config->left);
	json_integer(json, "chunk", config->chunk);
	json_integer(json, "right", config->right);
	json_bool(json, "recommended", config->streaming_given);
	json_string(json, "final", config->final_mode == FINAL_STREAM ? "stream" : "offline");
	if (config->chunk > 0) {
		json_number(json, "chunk_ms", frames_ms(info, (size_t)config->chunk), 9);
		json_number(json, "lookahead_ms", frames_ms(info, (size_t)config->right), 9);
		json_number(json, "latency_ms", latency_ms(info), 9);
	}
	json_end_object(json);
}

static void print_json(const struct info *info)
{
	const struct model_config *config = info->model.config;
	const struct acoustic_model *acoustic = info->model.acoustic;
	struct json_out json = {.file = stdout};

	json_begin_object(&json, NULL);
	json_string(&json, "model", info->dir);
	json_network(config, &json);
	json_integer(&json, "parameters", (long long)acoustic_model_parameters(acoustic));
	json_integer(&json, "tensors", (long long)acoustic_model_tensors(acoustic));
	json_integer(&json, "sampling_rate", (long long)config->sampling_rate);
	json_integer(&json, "hop_samples", (long long)config->hop);
	json_number(&json, "hop_ms", frames_ms(info, 1), 9);
	json_integer(&json, "field_samples", (long long)config->field);
	json_number(&json, "field_ms", field_ms(config), 9);
	json_vocabulary(info, &json);
	json_streaming(info, &json);
	json_begin_object(&json, "memory");
	json_integer(&json, "weights_bytes", (long long)acoustic_model_bytes(acoustic));
	json_integer(&json, "stream_bytes", (long long)info->stream_bytes);
	json_integer(&json, "peak_rss_bytes", (long long)memory_peak_bytes());
	json_end_object(&json);
	json_end_object(&json);
	json_newline(&json);
}

static void print_list(const char *name, char *const *items, size_t n)
{
	if (n == 0)
		return;
	printf("%-14s", name);
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i > 0 ? ", " : "", items[i]);
	putchar('\n');
}

static void print_network(const struct info *info)
{
	const struct model_config *config = info->model.config;
	const struct acoustic_model *acoustic = info->model.acoustic;

	char name[64];

	architecture(config, name, sizeof(name));
	printf("%-14s%s\n", "architecture", name);
	printf("%-14s%zu layers of %zu, %zu heads, %zu inner, %s\n", "transformer",
	       config->n_layers, config->hidden_size, config->n_heads, config->intermediate_size,
	       config->stable_layer_norm ? "pre-norm" : "post-norm");
	printf("%-14s%zu layers, %s norm\n", "convolutions", config->n_conv_layers,
	       config->conv_norm == CONV_NORM_GROUP ? "group" : "layer");
	printf("%-14s%.1f million in %zu tensors\n", "parameters",
	       (double)acoustic_model_parameters(acoustic) / 1e6, acoustic_model_tensors(acoustic));
	printf("%-14s%zu Hz, %s\n", "audio", config->sampling_rate,
	       config->do_normalize ? "normalized" : "as it is");
	printf("%-14s%zu samples, %g ms; a frame sees %g ms\n", "hop", config->hop,
	       frames_ms(info, 1), field_ms(config));
}

static void print_text(const struct info *info)
{
	const struct model_config *config = info->model.config;
	const struct vocab *vocab = info->vocab;

	print_network(info);
	if (vocab)
		printf("%-14s%zu tokens, blank %d\n", "vocabulary", vocab_size(vocab),
		       vocab_blank(vocab));
	print_list("languages", info->languages, info->n_languages);
	print_list("labels", config->labels, info->labels_shown);
	printf("%-14s%ld:%ld:%ld frames%s, final %s\n", "streaming", config->left, config->chunk,
	       config->right, config->streaming_given ? " (heard.json)" : "",
	       config->final_mode == FINAL_STREAM ? "stream" : "offline");
	if (config->chunk > 0)
		printf("%-14s%g ms; a sound is committed after at most %g ms\n", "lookahead",
		       frames_ms(info, (size_t)config->right), latency_ms(info));
	printf("%-14s%.1f MB of weights, %.1f MB a stream\n", "memory",
	       (double)acoustic_model_bytes(info->model.acoustic) / 1e6,
	       (double)info->stream_bytes / 1e6);
}

static int measure_stream(struct info *info)
{
	const struct model_config *config = info->model.config;
	struct acoustic_stream *stream = NULL;
	struct acoustic_stream_params params = {
		.left = config->left,
		.chunk = config->chunk,
		.right = config->right,
		/* The longest utterance of a live source: 30 s. */
		.max_frames = 1 + config_frames(config, 30 * config->sampling_rate),
		.adapter = info->model.adapter,
	};

	int error = acoustic_stream_create(info->model.acoustic, &params, &stream);
	if (error)
		return error;
	info->stream_bytes = acoustic_stream_bytes(stream);
	acoustic_stream_destroy(stream);
	return 0;
}

/* A network without a vocabulary can still be looked at. */
static int load_vocabulary(struct info *info, const char *language)
{
	struct tokenizer tokenizer;
	char *path = NULL;

	if (asprintf(&path, "%s/vocab.json", info->dir) < 0)
		return -ENOMEM;
	bool missing = access(path, F_OK) != 0;
	free(path);
	if (missing)
		return 0;
	int error = tokenizer_load(info->dir, language, &tokenizer);
	if (error)
		return error;
	error = vocab_create(&tokenizer, -1, &info->vocab);
	tokenizer_finish(&tokenizer);
	int n = error ? error : tokenizer_languages(info->dir, &info->languages);
	if (n > 0)
		info->n_languages = (size_t)n;
	return n < 0 ? n : 0;
}

static int gather(struct info *info, const struct options *options)
{
	int error = tool_model_open(options, TOOL_MODEL_NETWORK, &info->model);
	if (!error && info->model.config->head == HEAD_CTC)
		error = load_vocabulary(info, options->language);
	if (error)
		return error;
	if (info->model.config->head == HEAD_CLASSIFICATION)
		info->labels_shown = info->model.config->n_labels;
	return measure_stream(info);
}

static int run(const struct options *options)
{
	struct info info = {.dir = options->arguments[0]};

	int error = gather(&info, options);
	if (!error && options->json)
		print_json(&info);
	else if (!error)
		print_text(&info);
	if (info.languages)
		tokenizer_free_languages(info.languages);
	vocab_destroy(info.vocab);
	tool_model_close(&info.model);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command info_command = {
	.name = "info",
	.arguments = "DIR [options]",
	.summary = "Prints what a model directory holds and what running it takes.",
	.min_arguments = 1,
	.max_arguments = 1,
	.options = OPTION_JSON | OPTION_LANG | OPTION_THREADS | OPTION_WEIGHTS,
	.run = run,
};
