#include "core/acoustic/model.h"

#include "core/acoustic/weight_choice.h"
#include "core/acoustic/weight_norm.h"
#include "core/base/log.h"
#include "core/kernels/kernels.h"
#include "core/weights/weights.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* torch's default, which the reference uses for all norms of the conv stack
 * and of the attention adapters whatever layer_norm_eps says. */
static const float torch_norm_eps = 1e-5f;

#define TRY(call)                       \
	do {                            \
		int try_ret = (call);   \
		if (try_ret < 0)        \
			return try_ret; \
	} while (0)

static struct binder make_binder(const struct acoustic_model *model, struct weights *weights,
				 struct arena *arena)
{
	return (struct binder){
		.weights = weights,
		.kernels = model->kernels,
		.arena = arena,
		.pool = model->pool,
		.prefix = model->prefix,
		.linear_type = weight_choice_of(MATRIX_LINEAR, model->weight_type),
		.convolution_type = weight_choice_of(MATRIX_CONVOLUTION, model->weight_type),
	};
}

/* The same for what stays as it is. */
static struct binder exact_binder(const struct binder *binder)
{
	struct binder exact = *binder;

	exact.linear_type = exact.convolution_type = weight_choice_of(MATRIX_EXACT, WEIGHT_F32);
	return exact;
}

static int bind_conv_encoder(struct acoustic_model *model, const struct binder *binder)
{
	const struct model_config *config = &model->config;
	const struct binder exact = exact_binder(binder);
	char name[BIND_NAME_BYTES];

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		struct conv_layer *layer = &model->conv[i];
		layer->in = i == 0 ? 1 : config->conv_dim[i - 1];
		layer->out = config->conv_dim[i];
		layer->kernel = config->conv_kernel[i];
		layer->stride = config->conv_stride[i];
		layer->layer_norm = config->conv_norm == CONV_NORM_LAYER;

		TRY(bind_name(name, sizeof(name), binder,
			      "feature_extractor.conv_layers.%zu.conv.weight", i));
		TRY(bind_convolution(i == 0 ? &exact : binder, name, layer->out, 0, layer->out,
				     layer->in, layer->kernel, NULL, &layer->w));
		if (config->conv_bias) {
			TRY(bind_name(name, sizeof(name), binder,
				      "feature_extractor.conv_layers.%zu.conv.bias", i));
			TRY(bind_vector(binder, name, 1, &layer->out, &layer->bias));
		}
		if (layer->layer_norm || i == 0) {
			TRY(bind_name(name, sizeof(name), binder,
				      "feature_extractor.conv_layers.%zu.layer_norm", i));
			TRY(bind_norm(binder, name, layer->out, torch_norm_eps, &layer->norm));
		}
	}
	return 0;
}

static int bind_projection(struct acoustic_model *model, const struct binder *binder)
{
	const struct model_config *config = &model->config;
	size_t in = config->conv_dim[config->n_conv_layers - 1];
	char name[BIND_NAME_BYTES];

	if (config->projection_layer_norm) {
		TRY(bind_name(name, sizeof(name), binder, "feature_projection.layer_norm"));
		TRY(bind_norm(binder, name, in, config->layer_norm_eps, &model->projection_norm));
	}
	TRY(bind_name(name, sizeof(name), binder, "feature_projection.projection"));
	return bind_linear(binder, name, config->hidden_size, in, &model->projection);
}

static int read_weight_norm(const struct binder *binder, const char *g_name, const char *v_name,
			    const struct pos_conv *pos, size_t hidden, float *factors)
{
	const struct tensor *g, *v;
	TRY(weights_require(binder->weights, g_name, 3, (size_t[]){1, 1, pos->kernel}, &g));
	TRY(weights_require(binder->weights, v_name, 3, (size_t[]){hidden, pos->width, pos->kernel},
			    &v));
	return binder->arena->base ? weight_norm_factors(g, v, factors) : 0;
}

static int bind_pos_batch_norm(struct acoustic_model *model, const struct binder *binder)
{
	size_t hidden = model->config.hidden_size;
	char name[BIND_NAME_BYTES];
	struct norm norm;
	const float *mean, *variance;

	TRY(bind_name(name, sizeof(name), binder, "encoder.pos_conv_embed.batch_norm"));
	TRY(bind_norm(binder, name, hidden, torch_norm_eps, &norm));
	TRY(bind_name(name, sizeof(name), binder,
		      "encoder.pos_conv_embed.batch_norm.running_mean"));
	TRY(bind_vector(binder, name, 1, &hidden, &mean));
	TRY(bind_name(name, sizeof(name), binder, "encoder.pos_conv_embed.batch_norm.running_var"));
	TRY(bind_vector(binder, name, 1, &hidden, &variance));

	float *scale = arena_alloc_array(binder->arena, hidden, sizeof(*scale));
	float *shift = arena_alloc_array(binder->arena, hidden, sizeof(*shift));
	model->pos.scale = scale;
	model->pos.shift = shift;
	if (binder->arena->base == NULL)
		return 0;
	for (size_t i = 0; i < hidden; i++) {
		double factor = norm.gamma[i] / sqrt((double)variance[i] + norm.eps);
		scale[i] = (float)factor;
		shift[i] = (float)(norm.beta[i] - mean[i] * factor);
	}
	return 0;
}

static int bind_pos_conv(struct acoustic_model *model, const struct binder *binder)
{
	const struct model_config *config = &model->config;
	struct pos_conv *pos = &model->pos;
	size_t hidden = config->hidden_size;
	char name[BIND_NAME_BYTES], g_name[BIND_NAME_BYTES];

	pos->n_groups = config->pos_groups;
	pos->width = hidden / config->pos_groups;
	pos->kernel = config->pos_kernel;
	pos->left = pos->kernel / 2;
	pos->right = pos->kernel - 1 - pos->kernel / 2;

	TRY(bind_name(name, sizeof(name), binder, "encoder.pos_conv_embed.conv.bias"));
	TRY(bind_vector(binder, name, 1, &hidden, &pos->bias));
	if (config->pos_batch_norm)
		TRY(bind_pos_batch_norm(model, binder));

	float *factors = NULL;
	TRY(bind_name(name, sizeof(name), binder, "encoder.pos_conv_embed.conv.weight"));
	if (!bind_has(binder, name)) {
		static const char *const spellings[][2] = {
			{"weight_g", "weight_v"},
			{"parametrizations.weight.original0", "parametrizations.weight.original1"},
		};
		TRY(bind_name(name, sizeof(name), binder, "encoder.pos_conv_embed.conv.%s",
			      spellings[1][1]));
		size_t spelling = bind_has(binder, name) ? 1 : 0;
		TRY(bind_name(g_name, sizeof(g_name), binder, "encoder.pos_conv_embed.conv.%s",
			      spellings[spelling][0]));
		TRY(bind_name(name, sizeof(name), binder, "encoder.pos_conv_embed.conv.%s",
			      spellings[spelling][1]));
		factors = arena_alloc_array(binder->arena, pos->kernel, sizeof(*factors));
		TRY(read_weight_norm(binder, g_name, name, pos, hidden, factors));
	}

	pos->groups = arena_alloc_array(binder->arena, pos->n_groups, sizeof(*pos->groups));
	for (size_t g = 0; g < pos->n_groups; g++) {
		const struct matrix *group;
		TRY(bind_convolution(binder, name, hidden, g * pos->width, pos->width, pos->width,
				     pos->kernel, factors, &group));
		if (pos->groups)
			pos->groups[g] = group;
	}
	return 0;
}

static int bind_layer(const struct acoustic_model *model, const struct binder *binder, size_t i,
		      struct encoder_layer *layer)
{
	const struct model_config *config = &model->config;
	size_t hidden = config->hidden_size, inner = config->intermediate_size;
	const struct {
		const char *name;
		struct linear *linear;
		size_t out, in;
	} linears[] = {
		{"attention.q_proj", &layer->query, hidden, hidden},
		{"attention.k_proj", &layer->key, hidden, hidden},
		{"attention.v_proj", &layer->value, hidden, hidden},
		{"attention.out_proj", &layer->output, hidden, hidden},
		{"feed_forward.intermediate_dense", &layer->up, inner, hidden},
		{"feed_forward.output_dense", &layer->down, hidden, inner},
	};
	char name[BIND_NAME_BYTES];

	for (size_t j = 0; j < sizeof(linears) / sizeof(linears[0]); j++) {
		TRY(bind_name(name, sizeof(name), binder, "encoder.layers.%zu.%s", i,
			      linears[j].name));
		TRY(bind_linear(binder, name, linears[j].out, linears[j].in, linears[j].linear));
	}
	TRY(bind_name(name, sizeof(name), binder, "encoder.layers.%zu.layer_norm", i));
	TRY(bind_norm(binder, name, hidden, config->layer_norm_eps, &layer->attention_norm));
	TRY(bind_name(name, sizeof(name), binder, "encoder.layers.%zu.final_layer_norm", i));
	return bind_norm(binder, name, hidden, config->layer_norm_eps, &layer->final_norm);
}

static int bind_adapters(const struct acoustic_model *model, const struct binder *binder,
			 struct head *head)
{
	const struct model_config *config = &model->config;
	size_t hidden = config->hidden_size, width = config->adapter_attn_dim;
	char name[BIND_NAME_BYTES];

	/* The reference builds adapters into the pre-norm layer only. */
	if (width == 0 || !config->stable_layer_norm)
		return 0;
	head->adapters =
		arena_alloc_array(binder->arena, config->n_layers, sizeof(*head->adapters));
	for (size_t i = 0; i < config->n_layers; i++) {
		struct adapter_layer layer;
		TRY(bind_name(name, sizeof(name), binder, "encoder.layers.%zu.adapter_layer.norm",
			      i));
		TRY(bind_norm(binder, name, hidden, torch_norm_eps, &layer.norm));
		TRY(bind_name(name, sizeof(name), binder,
			      "encoder.layers.%zu.adapter_layer.linear_1", i));
		TRY(bind_linear(binder, name, width, hidden, &layer.down));
		TRY(bind_name(name, sizeof(name), binder,
			      "encoder.layers.%zu.adapter_layer.linear_2", i));
		TRY(bind_linear(binder, name, hidden, width, &layer.up));
		if (head->adapters)
			head->adapters[i] = layer;
	}
	return 0;
}

static int bind_layer_weights(struct acoustic_model *model, const struct binder *binder)
{
	size_t n = model->config.n_layers + 1;
	const float *raw;

	TRY(bind_vector(binder, "layer_weights", 1, &n, &raw));
	float *weights = arena_alloc_array(binder->arena, n, sizeof(*weights));
	model->layer_weights = weights;
	if (weights == NULL)
		return 0;
	memcpy(weights, raw, n * sizeof(*weights));
	double sum = 0;
	float max = raw[0];
	/* No fmax: gcc 12 for 64-bit ARM crashes on its reduction. */
	for (size_t i = 1; i < n; i++)
		max = raw[i] > max ? raw[i] : max;
	for (size_t i = 0; i < n; i++)
		sum += exp((double)raw[i] - max);
	for (size_t i = 0; i < n; i++)
		weights[i] = (float)(exp((double)raw[i] - max) / sum);
	return 0;
}

static int bind_heads(struct acoustic_model *model, const struct binder *binder)
{
	const struct model_config *config = &model->config;
	struct head *head = &model->heads[0];
	const struct binder exact = exact_binder(binder);

	TRY(bind_adapters(model, binder, head));
	switch (config->head) {
	case HEAD_NONE:
		return 0;
	case HEAD_CTC:
		return bind_linear(&exact, "lm_head", config->vocab_size, config->hidden_size,
				   &head->ctc);
	case HEAD_CLASSIFICATION:
		if (config->weighted_layer_sum)
			TRY(bind_layer_weights(model, binder));
		TRY(bind_linear(&exact, "projector", config->classifier_proj_size,
				config->hidden_size, &model->projector));
		return bind_linear(&exact, "classifier", config->n_labels,
				   config->classifier_proj_size, &model->classifier);
	}
	abort();
}

static int bind_model(struct acoustic_model *model)
{
	const struct model_config *config = &model->config;
	const struct binder binder = make_binder(model, model->weights, &model->arena);
	char name[BIND_NAME_BYTES];

	TRY(bind_conv_encoder(model, &binder));
	TRY(bind_projection(model, &binder));
	TRY(bind_pos_conv(model, &binder));
	weights_release(model->weights);
	TRY(bind_name(name, sizeof(name), &binder, "encoder.layer_norm"));
	TRY(bind_norm(&binder, name, config->hidden_size, config->layer_norm_eps,
		      &model->encoder_norm));
	model->layers = arena_alloc_array(&model->arena, config->n_layers, sizeof(*model->layers));
	for (size_t i = 0; i < config->n_layers; i++) {
		struct encoder_layer layer;
		TRY(bind_layer(model, &binder, i, &layer));
		if (model->layers)
			model->layers[i] = layer;
		weights_release(model->weights);
	}
	TRY(bind_heads(model, &binder));
	weights_release(model->weights);
	return 0;
}

/* Checkpoints of a bare model have no prefix; those of a head have the class's. */
static const char *find_prefix(const struct acoustic_model *model)
{
	static const char *const prefixes[] = {"hubert.", "wav2vec2.", ""};
	char name[BIND_NAME_BYTES];

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		snprintf(name, sizeof(name), "%sfeature_extractor.conv_layers.0.conv.weight",
			 prefixes[i]);
		if (weights_find(model->weights, name))
			return prefixes[i];
	}
	/* Nothing fits: let the first missing tensor be named as the class names it. */
	return strcmp(model->config.model_type, "wav2vec2") == 0 ? "wav2vec2." : "hubert.";
}

static void find_head(struct acoustic_model *model)
{
	if (model->config.head_given)
		return;
	if (weights_find(model->weights, "lm_head.weight"))
		model->config.head = HEAD_CTC;
	else if (weights_find(model->weights, "classifier.weight"))
		model->config.head = HEAD_CLASSIFICATION;
	else
		model->config.head = HEAD_NONE;
}

static size_t count_parameters(const struct weights *weights)
{
	size_t sum = 0;

	for (size_t i = 0; i < weights_count(weights); i++) {
		const struct tensor *tensor = weights_at(weights, i);
		/* Scales and factors of quantized matrices are no parameters. */
		if (strstr(tensor->name, ".weight_scale") || strstr(tensor->name, ".weight_factor"))
			continue;
		if (tensor->dtype == DTYPE_F32 || tensor->dtype == DTYPE_F16 ||
		    tensor->dtype == DTYPE_BF16 || tensor->dtype == DTYPE_F64 ||
		    tensor->dtype == DTYPE_I8)
			sum += tensor_elements(tensor);
		if (tensor->dtype == DTYPE_U8) /* two codes a byte */
			sum += 2 * tensor_elements(tensor);
	}
	return sum;
}

int acoustic_model_load(const char *dir, struct pool *pool, enum weight_type weights,
			struct acoustic_model **out)
{
	int ret = -ENOMEM;
	struct acoustic_model *model = calloc(1, sizeof(*model));
	if (model == NULL)
		return -ENOMEM;
	model->pool = pool;
	model->kernels = kernels_get();
	model->dir = strdup(dir);
	if (model->dir == NULL)
		goto fail;
	ret = config_load(dir, &model->config);
	if (ret < 0)
		goto fail;
	ret = weights_open(dir, &model->weights);
	if (ret < 0)
		goto fail;
	model->prefix = find_prefix(model);
	find_head(model);
	model->weight_type = weight_choice(weights, model);
	model->parameters = count_parameters(model->weights);
	model->n_heads = 1;

	/* First pass: names and shapes, and the size of the arena. */
	ret = bind_model(model);
	if (ret < 0)
		goto fail;
	ret = weights_check_all_used(model->weights);
	if (ret < 0)
		goto fail;
	ret = arena_init(&model->arena, model->arena.used);
	if (ret < 0) {
		log_error("%s: no memory for the weights", dir);
		goto fail;
	}
	ret = bind_model(model);
	if (ret < 0)
		goto fail;
	*out = model;
	return 0;

fail:
	acoustic_model_destroy(model);
	return ret;
}

void acoustic_model_destroy(struct acoustic_model *model)
{
	if (model == NULL)
		return;
	for (size_t i = 0; i < model->n_heads; i++) {
		free(model->heads[i].language);
		weights_close(model->heads[i].weights);
		arena_finish(&model->heads[i].arena);
	}
	arena_finish(&model->arena);
	weights_close(model->weights);
	config_finish(&model->config);
	free(model->dir);
	free(model);
}

static int bind_language(struct acoustic_model *model, struct head *head)
{
	const struct binder binder = make_binder(model, head->weights, &head->arena);
	const struct binder exact = exact_binder(&binder);
	const struct tensor *lm_head = weights_find(head->weights, "lm_head.weight");
	/* Each language has its own vocabulary size; a missing head is reported
	 * by bind_linear. */
	size_t vocab = lm_head && lm_head->n_dims == 2 ? lm_head->dims[0] : 1;

	TRY(bind_adapters(model, &binder, head));
	return bind_linear(&exact, "lm_head", vocab, model->config.hidden_size, &head->ctc);
}

static bool language_is_sane(const char *language)
{
	if (language[0] == '\0' || strlen(language) > 64)
		return false;
	for (const char *c = language; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return false;
	}
	return true;
}

int acoustic_model_adapter(struct acoustic_model *model, const char *language)
{
	char path[4096];

	for (size_t i = 1; i < model->n_heads; i++) {
		if (strcmp(model->heads[i].language, language) == 0)
			return (int)i;
	}
	/* The name becomes part of a path and may come from a socket. */
	if (!language_is_sane(language) || model->config.head != HEAD_CTC ||
	    model->config.adapter_attn_dim == 0 || !model->config.stable_layer_norm) {
		log_error("%s: no adapter for language \"%.64s\"", model->dir, language);
		return -ENOENT;
	}
	if (model->n_heads == MAX_HEADS) {
		log_error("%s: more than %d adapters", model->dir, MAX_HEADS - 1);
		return -ENOSPC;
	}

	struct head *head = &model->heads[model->n_heads];
	*head = (struct head){0};
	int n = snprintf(path, sizeof(path), "%s/adapter.%s.safetensors", model->dir, language);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	int ret = weights_open_file(path, &head->weights);
	if (ret < 0)
		return ret;
	head->language = strdup(language);
	ret = head->language ? bind_language(model, head) : -ENOMEM;
	if (ret == 0)
		ret = weights_check_all_used(head->weights);
	if (ret == 0)
		ret = arena_init(&head->arena, head->arena.used);
	if (ret == 0)
		ret = bind_language(model, head);
	if (ret < 0) {
		free(head->language);
		weights_close(head->weights);
		arena_finish(&head->arena);
		return ret;
	}
	return (int)model->n_heads++;
}

const struct model_config *acoustic_model_config(const struct acoustic_model *model)
{
	return &model->config;
}

size_t acoustic_model_parameters(const struct acoustic_model *model)
{
	return model->parameters;
}

size_t acoustic_model_bytes(const struct acoustic_model *model)
{
	size_t bytes = model->arena.used;

	for (size_t i = 1; i < model->n_heads; i++)
		bytes += model->heads[i].arena.used;
	return bytes;
}

enum weight_type acoustic_model_weights(const struct acoustic_model *model)
{
	return model->weight_type;
}

size_t acoustic_model_tensors(const struct acoustic_model *model)
{
	return weights_count(model->weights);
}

size_t acoustic_model_output_size(const struct acoustic_model *model, int adapter)
{
	if (model->config.head != HEAD_CTC)
		return model->config.hidden_size;
	return model->heads[adapter].ctc.out;
}
