/*
 * `heard-model make-random`: a model directory of a published size with random
 * weights, for measuring speed and memory where no checkpoint can be fetched.
 *
 * The shapes are those of facebook/hubert-large-ls960-ft and hubert-base. The
 * scales are those of the classes' initialization, so activations stay as
 * large as a fresh model's: norms are 1 and 0, linear weights have a standard
 * deviation of 0.02, convolutions sqrt(2 / fan-in). The text that such a model
 * prints means nothing.
 *
 * The same seed gives the same files on every machine.
 */
#include "core/base/half.h"
#include "core/base/log.h"
#include "core/weights/tensor.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/safetensors_out.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	CONV_LAYERS = 7,
	CONV_DIM = 512,
	POS_KERNEL = 128,
	POS_GROUPS = 16,
	VOCABULARY = 32,
	BLOCK = 1 << 16, /* elements made at a time */
};

static const size_t conv_kernel[CONV_LAYERS] = {10, 3, 3, 3, 3, 2, 2};
static const size_t conv_stride[CONV_LAYERS] = {5, 2, 2, 2, 2, 2, 2};

static const char *const letters[VOCABULARY] = {
	"<pad>", "<s>", "</s>", "<unk>", "|", "E", "T", "A", "O", "N", "I", "H", "S", "R", "D", "L",
	"U",     "M",   "W",    "C",     "F", "G", "Y", "P", "B", "V", "K", "'", "X", "J", "Q", "Z",
};

struct size {
	const char *name;
	size_t hidden, layers, heads, intermediate;
	bool large; /* layer norm in each conv, conv bias, pre-norm */
};

static const struct size sizes[] = {
	{"large", 1024, 24, 16, 4096, true},
	{"base", 768, 12, 12, 3072, false},
};

/* Where tensors go, in two passes over the same list: the first declares them,
 * the second fills them. */
struct writer {
	struct safetensors_out *file;
	enum dtype dtype;
	bool filling;
	int next;  /* tensor to fill */
	int error; /* first failure; everything after it does nothing */
	uint64_t random;
	float *values;      /* owned, [BLOCK] */
	uint16_t *narrowed; /* owned, [BLOCK] */
};

/* xorshift64* (Vigna 2016). */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* The sum of four uniform numbers: near enough to a normal distribution, exact
 * on every machine. Standard deviation 1. */
static float random_normal(uint64_t *state)
{
	uint64_t bits = random_next(state);
	int sum = (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) +
		  (int)(bits >> 48);

	return (float)(sum - 2 * 65535) * (1.0F / 37837.2F);
}

static void write_block(struct writer *w, size_t first, size_t count)
{
	const void *data = w->values;

	if (w->dtype != DTYPE_F32) {
		for (size_t i = 0; i < count; i++)
			w->narrowed[i] = w->dtype == DTYPE_F16 ? half_narrow_f16(w->values[i])
							       : half_narrow_bf16(w->values[i]);
		data = w->narrowed;
	}
	w->error = safetensors_out_write(w->file, w->next, first, data, count);
}

/* One tensor: `mean` plus normal noise of standard deviation `deviation`. */
static void put(struct writer *w, const char *name, size_t n_dims, const size_t *dims, double mean,
		double deviation)
{
	size_t total = 1;

	if (w->error)
		return;
	if (!w->filling) {
		int number = safetensors_out_add(w->file, name, w->dtype, n_dims, dims);
		w->error = number < 0 ? number : 0;
		return;
	}
	for (size_t i = 0; i < n_dims; i++)
		total *= dims[i];
	for (size_t first = 0; first < total && !w->error; first += BLOCK) {
		size_t count = total - first < BLOCK ? total - first : BLOCK;
		for (size_t i = 0; i < count; i++) {
			float noise = deviation > 0 ? random_normal(&w->random) : 0;
			w->values[i] = (float)mean + (float)deviation * noise;
		}
		write_block(w, first, count);
	}
	w->next++;
}

static void put_vector(struct writer *w, const char *prefix, const char *name, size_t n,
		       double mean)
{
	char full[128];

	snprintf(full, sizeof(full), "%s.%s", prefix, name);
	put(w, full, 1, &n, mean, 0);
}

static void put_norm(struct writer *w, const char *prefix, size_t n)
{
	put_vector(w, prefix, "weight", n, 1);
	put_vector(w, prefix, "bias", n, 0);
}

static void put_linear(struct writer *w, const char *prefix, size_t out, size_t in)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.weight", prefix);
	put(w, name, 2, (const size_t[]){out, in}, 0, 0.02);
	put_vector(w, prefix, "bias", out, 0);
}

static void put_conv_encoder(struct writer *w, const struct size *size)
{
	size_t in = 1;

	for (size_t i = 0; i < CONV_LAYERS; i++) {
		char prefix[96];
		char name[128];
		int n = snprintf(prefix, sizeof(prefix), "hubert.feature_extractor.conv_layers.%zu",
				 i);
		snprintf(name, sizeof(name), "%s.conv.weight", prefix);
		put(w, name, 3, (const size_t[]){CONV_DIM, in, conv_kernel[i]}, 0,
		    sqrt(2.0 / (double)(in * conv_kernel[i])));
		if (size->large)
			put_vector(w, prefix, "conv.bias", CONV_DIM, 0);
		if (size->large || i == 0) {
			snprintf(prefix + n, sizeof(prefix) - (size_t)n, ".layer_norm");
			put_norm(w, prefix, CONV_DIM);
		}
		in = CONV_DIM;
	}
}

static void put_positional(struct writer *w, const struct size *size)
{
	static const char prefix[] = "hubert.encoder.pos_conv_embed.conv";
	size_t in = size->hidden / POS_GROUPS;
	double deviation = 2.0 * sqrt(1.0 / (double)(POS_KERNEL * in));
	char name[128];

	put_vector(w, prefix, "bias", size->hidden, 0);
	/* g is the norm of v over all but the last axis, so that the product's
	 * scale is v's own. */
	snprintf(name, sizeof(name), "%s.weight_g", prefix);
	put(w, name, 3, (const size_t[]){1, 1, POS_KERNEL},
	    deviation * sqrt((double)(size->hidden * in)), 0);
	snprintf(name, sizeof(name), "%s.weight_v", prefix);
	put(w, name, 3, (const size_t[]){size->hidden, in, POS_KERNEL}, 0, deviation);
}

static void put_layer(struct writer *w, const struct size *size, size_t layer)
{
	static const char *const projections[] = {"k_proj", "v_proj", "q_proj", "out_proj"};
	char prefix[96];
	char name[128];

	snprintf(prefix, sizeof(prefix), "hubert.encoder.layers.%zu", layer);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s.attention.%s", prefix, projections[i]);
		put_linear(w, name, size->hidden, size->hidden);
	}
	snprintf(name, sizeof(name), "%s.layer_norm", prefix);
	put_norm(w, name, size->hidden);
	snprintf(name, sizeof(name), "%s.feed_forward.intermediate_dense", prefix);
	put_linear(w, name, size->intermediate, size->hidden);
	snprintf(name, sizeof(name), "%s.feed_forward.output_dense", prefix);
	put_linear(w, name, size->hidden, size->intermediate);
	snprintf(name, sizeof(name), "%s.final_layer_norm", prefix);
	put_norm(w, name, size->hidden);
}

static void put_all(struct writer *w, const struct size *size)
{
	put(w, "hubert.masked_spec_embed", 1, &size->hidden, 0, 0.02);
	put_conv_encoder(w, size);
	put_norm(w, "hubert.feature_projection.layer_norm", CONV_DIM);
	put_linear(w, "hubert.feature_projection.projection", size->hidden, CONV_DIM);
	put_positional(w, size);
	put_norm(w, "hubert.encoder.layer_norm", size->hidden);
	for (size_t i = 0; i < size->layers; i++)
		put_layer(w, size, i);
	put_linear(w, "lm_head", VOCABULARY, size->hidden);
}

static int write_weights(struct writer *w, const struct size *size)
{
	put_all(w, size);
	if (!w->error)
		w->error = safetensors_out_begin(w->file);
	w->filling = true;
	put_all(w, size);
	return w->error ? w->error : safetensors_out_finish(w->file);
}

static int make_weights(const char *dir, const struct size *size, const struct options *options)
{
	char *path = NULL;
	struct writer w = {
		.dtype = strcmp(options->dtype, "f16") == 0    ? DTYPE_F16
			 : strcmp(options->dtype, "bf16") == 0 ? DTYPE_BF16
							       : DTYPE_F32,
		/* The generator must not start at 0, and near seeds must not
		 * give near numbers. */
		.random = (options->seed + 1) * 0x9e3779b97f4a7c15ULL | 1,
		.values = malloc(BLOCK * sizeof(*w.values)),
		.narrowed = malloc(BLOCK * sizeof(*w.narrowed)),
	};

	for (int i = 0; i < 8; i++)
		random_next(&w.random);
	int error = -ENOMEM;
	if (w.values && w.narrowed && asprintf(&path, "%s/model.safetensors", dir) >= 0)
		error = safetensors_out_create(path, &w.file);
	if (!error)
		error = write_weights(&w, size);
	safetensors_out_destroy(w.file);
	free(path);
	free(w.values);
	free(w.narrowed);
	return error;
}

static void json_sizes(struct json_out *json, const char *key, const size_t *values)
{
	json_begin_array(json, key);
	for (size_t i = 0; i < CONV_LAYERS; i++)
		json_integer(json, NULL, values ? (long long)values[i] : CONV_DIM);
	json_end_array(json);
}

static void write_config(struct json_out *json, const struct size *size,
			 const struct options *options)
{
	bool half = strcmp(options->dtype, "f16") == 0;
	bool brain = strcmp(options->dtype, "bf16") == 0;

	json_begin_object(json, NULL);
	json_begin_array(json, "architectures");
	json_string(json, NULL, "HubertForCTC");
	json_end_array(json);
	json_string(json, "model_type", "hubert");
	json_bool(json, "conv_bias", size->large);
	json_sizes(json, "conv_dim", NULL);
	json_sizes(json, "conv_kernel", conv_kernel);
	json_sizes(json, "conv_stride", conv_stride);
	json_string(json, "feat_extract_activation", "gelu");
	json_string(json, "feat_extract_norm", size->large ? "layer" : "group");
	json_bool(json, "feat_proj_layer_norm", true);
	json_integer(json, "num_conv_pos_embeddings", POS_KERNEL);
	json_integer(json, "num_conv_pos_embedding_groups", POS_GROUPS);
	json_bool(json, "do_stable_layer_norm", size->large);
	json_string(json, "hidden_act", "gelu");
	json_integer(json, "hidden_size", (long long)size->hidden);
	json_integer(json, "intermediate_size", (long long)size->intermediate);
	json_integer(json, "num_attention_heads", (long long)size->heads);
	json_integer(json, "num_hidden_layers", (long long)size->layers);
	json_number(json, "layer_norm_eps", 1e-5, 6);
	json_integer(json, "vocab_size", VOCABULARY);
	json_integer(json, "pad_token_id", 0);
	json_integer(json, "bos_token_id", 1);
	json_integer(json, "eos_token_id", 2);
	json_string(json, "ctc_loss_reduction", "sum");
	json_bool(json, "ctc_zero_infinity", false);
	json_string(json, "torch_dtype", half ? "float16" : brain ? "bfloat16" : "float32");
	json_end_object(json);
}

static void write_preprocessor(struct json_out *json, const struct size *size,
			       const struct options *options)
{
	(void)size;
	(void)options;
	json_begin_object(json, NULL);
	json_string(json, "feature_extractor_type", "Wav2Vec2FeatureExtractor");
	json_bool(json, "do_normalize", true);
	json_integer(json, "feature_size", 1);
	json_string(json, "padding_side", "right");
	json_number(json, "padding_value", 0, 6);
	json_bool(json, "return_attention_mask", true);
	json_integer(json, "sampling_rate", 16000);
	json_end_object(json);
}

static void write_vocabulary(struct json_out *json, const struct size *size,
			     const struct options *options)
{
	(void)size;
	(void)options;
	json_begin_object(json, NULL);
	for (int i = 0; i < VOCABULARY; i++)
		json_integer(json, letters[i], i);
	json_end_object(json);
}

static void json_special_tokens(struct json_out *json)
{
	json_string(json, "pad_token", letters[0]);
	json_string(json, "bos_token", letters[1]);
	json_string(json, "eos_token", letters[2]);
	json_string(json, "unk_token", letters[3]);
}

static void write_tokenizer(struct json_out *json, const struct size *size,
			    const struct options *options)
{
	(void)size;
	(void)options;
	json_begin_object(json, NULL);
	json_string(json, "tokenizer_class", "Wav2Vec2CTCTokenizer");
	json_special_tokens(json);
	json_string(json, "word_delimiter_token", "|");
	json_bool(json, "do_lower_case", false);
	json_end_object(json);
}

static void write_special_tokens(struct json_out *json, const struct size *size,
				 const struct options *options)
{
	(void)size;
	(void)options;
	json_begin_object(json, NULL);
	json_special_tokens(json);
	json_end_object(json);
}

struct json_file {
	const char *name;
	void (*write)(struct json_out *json, const struct size *size,
		      const struct options *options);
};

static const struct json_file json_files[] = {
	{"config.json", write_config},
	{"preprocessor_config.json", write_preprocessor},
	{"vocab.json", write_vocabulary},
	{"tokenizer_config.json", write_tokenizer},
	{"special_tokens_map.json", write_special_tokens},
};

static int make_json(const char *dir, const struct json_file *file, const struct size *size,
		     const struct options *options)
{
	char *path = NULL;
	FILE *f = NULL;
	int error = 0;

	if (asprintf(&path, "%s/%s", dir, file->name) < 0)
		return -ENOMEM;
	f = fopen(path, "we");
	if (!f) {
		error = -errno;
	} else {
		struct json_out json = {.file = f};
		file->write(&json, size, options);
		json_newline(&json);
		bool broken = ferror(f) != 0;
		if (fclose(f) != 0)
			error = -errno;
		else if (broken)
			error = -EIO;
	}
	if (error)
		log_error("%s: %s", path, strerror(-error));
	free(path);
	return error;
}

static int make_directory(const char *dir)
{
	if (mkdir(dir, 0777) == 0 || errno == EEXIST)
		return 0;
	int error = errno;
	log_error("%s: %s", dir, strerror(error));
	return -error;
}

static int run(const struct options *options)
{
	const char *dir = options->arguments[1];
	const struct size *size = NULL;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (strcmp(options->arguments[0], sizes[i].name) == 0)
			size = &sizes[i];
	}
	if (!size) {
		log_error("'%s' is no size: large or base", options->arguments[0]);
		return EXIT_USAGE;
	}
	int error = make_directory(dir);
	if (!error)
		error = make_weights(dir, size, options);
	for (size_t i = 0; i < sizeof(json_files) / sizeof(json_files[0]) && !error; i++)
		error = make_json(dir, &json_files[i], size, options);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command make_random_command = {
	.name = "make-random",
	.arguments = "large|base OUT [options]",
	.summary = "Writes a model directory of full size with random weights, for measuring.",
	.min_arguments = 2,
	.max_arguments = 2,
	.options = OPTION_SEED | OPTION_DTYPE,
	.run = run,
};
