/*
 * The fields of HubertConfig and Wav2Vec2Config that inference reads. What the
 * classes ignore is ignored here too (feat_proj_layer_norm of a wav2vec2 model,
 * attention adapters without pre-norm), what they would act on and we do not
 * is refused by name; training's fields are left unread.
 */
#include "core/weights/config.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/base/mapping.h"
#include "core/weights/config_json.h"
#include "core/weights/json_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Far above any published model; they keep products of two or three of them,
 * and a mistyped number, within reason. */
enum {
	MAX_WIDTH = 1 << 16,
	MAX_LAYERS = 1024,
	MAX_VOCAB = 1 << 24,
	MAX_FIELD_SAMPLES = 1 << 24,
	MAX_STREAMING_FRAMES = 1 << 20,
	DEFAULT_LEFT_FRAMES = 250,
	DEFAULT_CHUNK_FRAMES = 16,
	DEFAULT_RIGHT_FRAMES = 16,
};

static const char hubert[] = "hubert", wav2vec2[] = "wav2vec2";

static const struct {
	const char *name;
	const char *model_type;
	enum model_head head;
} architectures[] = {
	{"HubertForCTC", hubert, HEAD_CTC},
	{"HubertForSequenceClassification", hubert, HEAD_CLASSIFICATION},
	{"HubertModel", hubert, HEAD_NONE},
	{"Wav2Vec2ForCTC", wav2vec2, HEAD_CTC},
	{"Wav2Vec2ForSequenceClassification", wav2vec2, HEAD_CLASSIFICATION},
	{"Wav2Vec2Model", wav2vec2, HEAD_NONE},
	{"Wav2Vec2ForPreTraining", wav2vec2, HEAD_NONE},
};

static const struct {
	const char *name;
	enum activation activation;
} activations[] = {
	{"gelu", ACTIVATION_GELU},
	{"gelu_python", ACTIVATION_GELU},
	{"gelu_new", ACTIVATION_GELU_TANH},
	{"gelu_fast", ACTIVATION_GELU_TANH},
	{"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
	{"gelu_accurate", ACTIVATION_GELU_TANH},
	{"quick_gelu", ACTIVATION_QUICK_GELU},
	{"relu", ACTIVATION_RELU},
	{"relu6", ACTIVATION_RELU6},
	{"selu", ACTIVATION_SELU},
	{"silu", ACTIVATION_SILU},
	{"swish", ACTIVATION_SILU},
	{"mish", ACTIVATION_MISH},
	{"tanh", ACTIVATION_TANH},
	{"sigmoid", ACTIVATION_SIGMOID},
	{"linear", ACTIVATION_LINEAR},
};

static void read_kind(struct config_reader *reader, struct model_config *config)
{
	const char *type = config_read_text(reader, "model_type", NULL);
	const cJSON *list = config_read_item(reader, "architectures");
	const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;

	if (type && strcmp(type, hubert) != 0 && strcmp(type, wav2vec2) != 0) {
		config_refuse(reader, -ENOTSUP, "model_type",
			      "is '%s'; known are hubert and wav2vec2", type);
		return;
	}
	if (list && (!cJSON_IsArray(list) || (first && !cJSON_IsString(first)))) {
		config_refuse(reader, -EINVAL, "architectures", "must be a list of names");
		return;
	}
	if (first) {
		size_t n = sizeof(architectures) / sizeof(architectures[0]), i = 0;
		while (i < n && strcmp(first->valuestring, architectures[i].name) != 0)
			i++;
		if (i == n) {
			config_refuse(reader, -ENOTSUP, "architectures",
				      "names '%s', which is not supported", first->valuestring);
			return;
		}
		if (type && strcmp(type, architectures[i].model_type) != 0) {
			config_refuse(reader, -EINVAL, "architectures",
				      "names '%s', but model_type is '%s'", first->valuestring,
				      type);
			return;
		}
		type = architectures[i].model_type;
		config->head = architectures[i].head;
		config->head_given = true;
	}
	if (type == NULL) {
		config_refuse(reader, -EINVAL, "model_type", "is missing");
		return;
	}
	strcpy(config->model_type, type);
}

static enum activation read_activation(struct config_reader *reader, const char *key)
{
	const char *name = config_read_text(reader, key, "gelu");

	for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
		if (strcmp(name, activations[i].name) == 0)
			return activations[i].activation;
	}
	config_refuse(reader, -ENOTSUP, key, "is '%s', an unknown activation", name);
	return ACTIVATION_LINEAR;
}

/* Reads a list of sizes; absent leaves the class default in place. Returns the
 * length. */
static size_t read_conv_list(struct config_reader *reader, const char *key,
			     const unsigned short *defaults, size_t n_defaults,
			     size_t values[CONFIG_MAX_CONV_LAYERS])
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(reader->object, key);
	const cJSON *item;
	size_t n = 0;

	if (list == NULL) {
		for (size_t i = 0; i < n_defaults; i++)
			values[i] = defaults[i];
		return n_defaults;
	}
	if (!cJSON_IsArray(list) || list->child == NULL) {
		config_refuse(reader, -EINVAL, key, "must be a list of sizes");
		return 0;
	}
	cJSON_ArrayForEach(item, list)
	{
		if (n == CONFIG_MAX_CONV_LAYERS) {
			config_refuse(reader, -ENOTSUP, key, "has more than %d entries",
				      CONFIG_MAX_CONV_LAYERS);
			return 0;
		}
		if (!json_to_size(item, &values[n]) || values[n] == 0 || values[n] > MAX_WIDTH) {
			config_refuse(reader, -EINVAL, key, "holds a value outside of 1 to %d",
				      MAX_WIDTH);
			return 0;
		}
		n++;
	}
	return n;
}

/* hop = s0 s1 ..., field = 1 + (k0 - 1) + (k1 - 1) s0 + (k2 - 1) s0 s1 + ... */
static void derive_field(struct config_reader *reader, struct model_config *config)
{
	size_t hop = 1, field = 1;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		size_t reach;
		if (!checked_mul(config->conv_kernel[i] - 1, hop, &reach) ||
		    !checked_add(field, reach, &field) ||
		    !checked_mul(hop, config->conv_stride[i], &hop) || hop > MAX_FIELD_SAMPLES ||
		    field > MAX_FIELD_SAMPLES) {
			config_refuse(reader, -EINVAL, "conv_stride",
				      "and conv_kernel make a frame of more than %d samples",
				      MAX_FIELD_SAMPLES);
			return;
		}
	}
	config->hop = hop;
	config->field = field;
}

static void read_conv(struct config_reader *reader, struct model_config *config)
{
	static const unsigned short dims[] = {512, 512, 512, 512, 512, 512, 512};
	static const unsigned short kernels[] = {10, 3, 3, 3, 3, 2, 2};
	static const unsigned short strides[] = {5, 2, 2, 2, 2, 2, 2};
	static const char *const norms[] = {"group", "layer", NULL};

	size_t n = read_conv_list(reader, "conv_dim", dims, 7, config->conv_dim);
	size_t n_kernels = read_conv_list(reader, "conv_kernel", kernels, 7, config->conv_kernel);
	size_t n_strides = read_conv_list(reader, "conv_stride", strides, 7, config->conv_stride);
	if (n_kernels != n)
		config_refuse(reader, -EINVAL, "conv_kernel", "has %zu entries, conv_dim has %zu",
			      n_kernels, n);
	if (n_strides != n)
		config_refuse(reader, -EINVAL, "conv_stride", "has %zu entries, conv_dim has %zu",
			      n_strides, n);
	size_t given = config_read_size(reader, "num_feat_extract_layers", n, 0, MAX_WIDTH);
	if (given != n)
		config_refuse(reader, -EINVAL, "num_feat_extract_layers",
			      "is %zu, but conv_dim has %zu entries", given, n);
	config->n_conv_layers = n;
	config->conv_bias = config_read_flag(reader, "conv_bias", false);
	config->conv_norm = config_read_choice(reader, "feat_extract_norm", norms, 0) == 0
				    ? CONV_NORM_GROUP
				    : CONV_NORM_LAYER;
	config->conv_activation = read_activation(reader, "feat_extract_activation");
	if (!reader->error)
		derive_field(reader, config);
}

static void read_transformer(struct config_reader *reader, struct model_config *config)
{
	bool is_hubert = strcmp(config->model_type, hubert) == 0;

	config->hidden_size = config_read_size(reader, "hidden_size", 768, 1, MAX_WIDTH);
	config->n_layers = config_read_size(reader, "num_hidden_layers", 12, 1, MAX_LAYERS);
	config->n_heads = config_read_size(reader, "num_attention_heads", 12, 1, MAX_WIDTH);
	config->intermediate_size =
		config_read_size(reader, "intermediate_size", 3072, 1, 16 * MAX_WIDTH);
	config->hidden_activation = read_activation(reader, "hidden_act");
	config->stable_layer_norm = config_read_flag(reader, "do_stable_layer_norm", false);
	config->layer_norm_eps =
		(float)config_read_number(reader, "layer_norm_eps", 1e-5, 0.0, 1.0);
	config->pos_kernel = config_read_size(reader, "num_conv_pos_embeddings", 128, 1, MAX_WIDTH);
	config->pos_groups =
		config_read_size(reader, "num_conv_pos_embedding_groups", 16, 1, MAX_WIDTH);

	/* Wav2Vec2FeatureProjection always normalises and its positional
	 * convolution never has a batch norm. */
	bool projection_norm = config_read_flag(reader, "feat_proj_layer_norm", true);
	bool batch_norm = config_read_flag(reader, "conv_pos_batch_norm", false);
	config->projection_layer_norm = projection_norm || !is_hubert;
	config->pos_batch_norm = batch_norm && is_hubert;

	/* The reference builds adapters into the pre-norm layers only. */
	if (config_read_item(reader, "adapter_attn_dim"))
		config->adapter_attn_dim =
			config_read_size(reader, "adapter_attn_dim", 0, 1, MAX_WIDTH);
	if (!config->stable_layer_norm)
		config->adapter_attn_dim = 0;

	if (reader->error)
		return;
	if (config->hidden_size % config->n_heads != 0)
		config_refuse(reader, -EINVAL, "num_attention_heads",
			      "is %zu, which does not divide hidden_size %zu", config->n_heads,
			      config->hidden_size);
	if (config->hidden_size % config->pos_groups != 0)
		config_refuse(reader, -EINVAL, "num_conv_pos_embedding_groups",
			      "is %zu, which does not divide hidden_size %zu", config->pos_groups,
			      config->hidden_size);
}

static void read_ctc(struct config_reader *reader, struct model_config *config)
{
	static const char *const reductions[] = {"sum", "mean", NULL};
	const cJSON *pad = cJSON_GetObjectItemCaseSensitive(reader->object, "pad_token_id");

	config->vocab_size = config_read_size(reader, "vocab_size", 32, 1, MAX_VOCAB);
	config->ctc_loss_mean =
		config_read_choice(reader, "ctc_loss_reduction", reductions, 0) == 1;
	config->ctc_zero_infinity = config_read_flag(reader, "ctc_zero_infinity", false);
	config->pad_token_id = -1;
	if (!cJSON_IsNull(pad))
		config->pad_token_id = (int)config_read_long(reader, "pad_token_id", 0, 0, INT_MAX);
	/* Without a head the blank has no meaning and may be anything. */
	bool may_be_ctc = config->head == HEAD_CTC || !config->head_given;
	if (!reader->error && may_be_ctc && config->pad_token_id >= 0 &&
	    (size_t)config->pad_token_id >= config->vocab_size)
		config_refuse(reader, -EINVAL, "pad_token_id",
			      "is %d, outside of the vocabulary of %zu", config->pad_token_id,
			      config->vocab_size);
}

/* Options of the reference that change what the network computes and that this
 * program does not have. */
static void refuse_unsupported(struct config_reader *reader)
{
	if (config_read_flag(reader, "add_adapter", false))
		config_refuse(reader, -ENOTSUP, "add_adapter", "is true, which is not supported");
	const char *position = config_read_text(reader, "position_embeddings_type", NULL);
	if (position)
		config_refuse(reader, -ENOTSUP, "position_embeddings_type",
			      "is '%s', which is not supported", position);
	/* Ours only says what the dtypes of the tensors say too. */
	const cJSON *quantization = config_read_item(reader, "quantization_config");
	const char *method = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(quantization, "quant_method"));
	if (quantization && (!method || strcmp(method, "heard") != 0))
		config_refuse(reader, -ENOTSUP, "quantization_config",
			      "is of method '%s', which is not supported", method ? method : "?");
}

static void read_preprocessor(struct config_reader *reader, struct model_config *config)
{
	static const char *const extractors[] = {"Wav2Vec2FeatureExtractor", NULL};

	if (config_read_item(reader, "feature_extractor_type"))
		config_read_choice(reader, "feature_extractor_type", extractors, 0);
	config_read_size(reader, "feature_size", 1, 1, 1);
	config->do_normalize = config_read_flag(reader, "do_normalize", true);
	config->sampling_rate = config_read_size(reader, "sampling_rate", 16000, 1000, 768000);
}

/* More of what the words say must not lower a confidence: the scale is positive. */
static void read_confidence(struct config_reader *reader, struct model_config *config)
{
	const cJSON *confidence = config_read_item(reader, "confidence");
	struct config_reader inner = {confidence, reader->file, reader->error};

	if (confidence && !cJSON_IsObject(confidence))
		config_refuse(reader, -EINVAL, "confidence", "must be an object");
	config->confidence_scale = (float)config_read_number(&inner, "scale", 1, 0.001, 100);
	config->confidence_shift = (float)config_read_number(&inner, "shift", 0, -100, 100);
	if (!reader->error)
		reader->error = inner.error;
}

static void read_heard(struct config_reader *reader, struct model_config *config)
{
	static const char *const modes[] = {"offline", "stream", NULL};
	const cJSON *streaming = config_read_item(reader, "streaming");
	struct config_reader inner = {streaming, reader->file, reader->error};

	if (streaming && !cJSON_IsObject(streaming))
		config_refuse(reader, -EINVAL, "streaming", "must be an object");
	config->streaming_given = streaming != NULL;
	config->left =
		config_read_long(&inner, "left", DEFAULT_LEFT_FRAMES, -1, MAX_STREAMING_FRAMES);
	config->chunk =
		config_read_long(&inner, "chunk", DEFAULT_CHUNK_FRAMES, 1, MAX_STREAMING_FRAMES);
	config->right =
		config_read_long(&inner, "right", DEFAULT_RIGHT_FRAMES, 0, MAX_STREAMING_FRAMES);
	if (!reader->error)
		reader->error = inner.error;
	config->final_mode =
		config_read_choice(reader, "final", modes, 0) == 1 ? FINAL_STREAM : FINAL_OFFLINE;
	read_confidence(reader, config);
}

/* Runs one of the steps above over one file. */
static int read_file(const char *dir, const char *name, const cJSON *object,
		     struct model_config *config,
		     void (*read)(struct config_reader *, struct model_config *))
{
	char *path = mapping_path(dir, name);
	struct config_reader reader = {object, path, 0};

	if (path == NULL)
		return -ENOMEM;
	if (object && !cJSON_IsObject(object)) {
		log_error("%s: not a JSON object", path);
		reader.error = -EINVAL;
	} else {
		read(&reader, config);
	}
	free(path);
	return reader.error;
}

static void read_model(struct config_reader *reader, struct model_config *config)
{
	read_kind(reader, config);
	refuse_unsupported(reader);
	if (reader->error)
		return;
	read_conv(reader, config);
	read_transformer(reader, config);
	read_ctc(reader, config);
	if (!reader->error)
		config_read_labels(reader, config);
}

int config_from_json(const char *dir, const cJSON *config_json, const cJSON *preprocessor_json,
		     const cJSON *heard_json, struct model_config *config)
{
	*config = (struct model_config){0};
	int rc = read_file(dir, "config.json", config_json, config, read_model);
	if (rc == 0)
		rc = read_file(dir, "preprocessor_config.json", preprocessor_json, config,
			       read_preprocessor);
	if (rc == 0)
		rc = read_file(dir, "heard.json", heard_json, config, read_heard);
	if (rc < 0)
		config_finish(config);
	return rc;
}

int config_load(const char *dir, struct model_config *config)
{
	cJSON *config_json = NULL, *preprocessor_json = NULL, *heard_json = NULL;

	*config = (struct model_config){0};
	int rc = json_file_read(dir, "config.json", &config_json);
	if (rc == -ENOENT)
		log_error("%s: no config.json", dir);
	if (rc == 0)
		rc = json_file_read(dir, "preprocessor_config.json", &preprocessor_json);
	if (rc == 0 || (rc == -ENOENT && config_json))
		rc = json_file_read(dir, "heard.json", &heard_json);
	if (rc == 0 || (rc == -ENOENT && config_json))
		rc = config_from_json(dir, config_json, preprocessor_json, heard_json, config);
	cJSON_Delete(config_json);
	cJSON_Delete(preprocessor_json);
	cJSON_Delete(heard_json);
	return rc;
}

void config_finish(struct model_config *config)
{
	for (size_t i = 0; config->labels && i < config->n_labels; i++)
		free(config->labels[i]);
	free(config->labels);
	*config = (struct model_config){0};
}

size_t config_frames(const struct model_config *config, size_t samples)
{
	size_t n = samples;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		if (n < config->conv_kernel[i])
			return 0;
		n = (n - config->conv_kernel[i]) / config->conv_stride[i] + 1;
	}
	return n;
}
