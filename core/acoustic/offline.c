/*
 * The offline pass: one utterance with full context, in pieces that a caller
 * can interleave with due streaming steps. Exact statistics of the whole
 * utterance; one "window" that is all of it; one key/value cache that the layers
 * use one after the other.
 */
#include "core/acoustic/conv_encoder.h"
#include "core/acoustic/kv_cache.h"
#include "core/acoustic/pos_conv.h"
#include "core/acoustic/projection.h"
#include "core/acoustic/transformer.h"
#include "core/base/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum stage {
	STAGE_MEASURE,
	STAGE_CONV,
	STAGE_PROJECT,
	STAGE_LAYERS,
	STAGE_HEAD,
	STAGE_DONE,
};

struct acoustic_offline {
	const struct acoustic_model *model; /* borrowed */
	size_t max_frames;                  /* what the buffers below hold */
	bool has_attentions;

	struct workspace workspace;
	struct arena arena;
	struct conv_state conv;
	struct statistics conv0;
	float *norm_scale, *norm_shift;
	float *features; /* [max_frames, workspace.stride] projected */
	struct kv_cache cache;
	float *pooled;    /* [hidden] mean over time of the classifier's input */
	float *labels;    /* [n_labels] */
	float *projected; /* [classifier_proj_size] */

	float *output; /* owned, [frames, output size] */
	size_t output_capacity;

	/* the utterance in work */
	const struct acoustic_tap *tap;
	const float *samples;
	size_t n_samples, position, frames, layer;
	size_t conv_first[CONFIG_MAX_CONV_LAYERS]; /* frames tapped so far */
	enum stage stage;
	struct conv_job job;
	struct window window;
};

static void layout(struct acoustic_offline *offline)
{
	const struct model_config *config = &offline->model->config;
	struct arena *arena = &offline->arena;
	size_t channels = config->conv_dim[0];

	conv_state_layout(&offline->conv, config, arena);
	if (config->conv_norm == CONV_NORM_GROUP) {
		statistics_layout(&offline->conv0, arena, channels);
		offline->norm_scale = arena_alloc_array(arena, channels, sizeof(float));
		offline->norm_shift = arena_alloc_array(arena, channels, sizeof(float));
	}
	offline->features = arena_alloc_array(
		arena, offline->max_frames * workspace_stride(config->hidden_size), sizeof(float));
	kv_cache_layout(&offline->cache, arena, config->n_heads,
			config->hidden_size / config->n_heads, offline->max_frames);
	if (config->head == HEAD_CLASSIFICATION) {
		offline->pooled = arena_alloc_array(arena, config->hidden_size, sizeof(float));
		offline->projected =
			arena_alloc_array(arena, config->classifier_proj_size, sizeof(float));
		offline->labels = arena_alloc_array(arena, config->n_labels, sizeof(float));
	}
}

static void release(struct acoustic_offline *offline)
{
	workspace_finish(&offline->workspace);
	arena_finish(&offline->arena);
	offline->max_frames = 0;
}

static int reserve(struct acoustic_offline *offline, size_t frames, bool attentions)
{
	if (frames == 0)
		frames = 1;
	if (frames <= offline->max_frames && (!attentions || offline->has_attentions))
		return 0;
	release(offline);
	offline->max_frames = frames;
	offline->has_attentions = attentions;
	layout(offline);
	int ret = arena_init(&offline->arena, offline->arena.used);
	if (ret == 0) {
		layout(offline);
		ret = workspace_init(&offline->workspace, offline->model,
				     &(struct workspace_params){
					     .max_streams = 1,
					     .max_rows = frames,
					     .max_keys = kv_cache_capacity(frames),
					     .attentions = attentions,
				     });
	}
	if (ret < 0) {
		log_error("no memory for an utterance of %zu frames", frames);
		release(offline);
	}
	return ret;
}

int acoustic_offline_create(const struct acoustic_model *model, size_t max_samples,
			    struct acoustic_offline **out)
{
	struct acoustic_offline *offline = calloc(1, sizeof(*offline));
	if (offline == NULL)
		return -ENOMEM;
	offline->model = model;
	offline->stage = STAGE_DONE;
	int ret = reserve(offline, config_frames(&model->config, max_samples), false);
	if (ret < 0) {
		acoustic_offline_destroy(offline);
		return ret;
	}
	*out = offline;
	return 0;
}

void acoustic_offline_destroy(struct acoustic_offline *offline)
{
	if (offline == NULL)
		return;
	release(offline);
	free(offline->output);
	free(offline);
}

static void tap(struct acoustic_offline *offline, const char *stage, int layer, size_t first,
		const float *values, size_t rows, size_t columns, size_t stride)
{
	if (offline->tap && rows > 0)
		offline->tap->func(offline->tap->ctx, stage, layer, first, values, rows, columns,
				   stride);
}

static void tap_conv(void *ctx, size_t layer, const float *rows, size_t n, size_t channels)
{
	struct acoustic_offline *offline = ctx;

	tap(offline, "conv_out", (int)layer, offline->conv_first[layer], rows, n, channels,
	    channels);
	offline->conv_first[layer] += n;
}

static void tap_input(struct acoustic_offline *offline)
{
	float block[1024];

	for (size_t i = 0; offline->tap && i < offline->n_samples;) {
		size_t n = 0, first = i;
		for (; n < 1024 && i < offline->n_samples; n++, i++)
			block[n] = (offline->samples[i] - offline->job.mean) * offline->job.scale;
		tap(offline, "input_values", -1, first, block, n, 1, 1);
	}
}

/* (x - mean) / sqrt(var + 1e-7), as Wav2Vec2FeatureExtractor. */
static void measure_input(struct acoustic_offline *offline)
{
	double mean = 0, square = 0;
	double n = (double)offline->n_samples;

	offline->job.mean = 0;
	offline->job.scale = 1;
	if (!offline->model->config.do_normalize || offline->n_samples == 0)
		return;
	for (size_t i = 0; i < offline->n_samples; i++)
		mean += offline->samples[i];
	mean /= n;
	for (size_t i = 0; i < offline->n_samples; i++) {
		double deviation = offline->samples[i] - mean;
		square += deviation * deviation;
	}
	offline->job.mean = (float)mean;
	offline->job.scale = (float)(1 / sqrt(square / n + 1e-7));
}

int acoustic_offline_begin(struct acoustic_offline *offline, const float *samples, size_t n,
			   int head, const struct acoustic_tap *tap_to)
{
	const struct acoustic_model *model = offline->model;
	size_t frames = config_frames(&model->config, n);
	int ret = reserve(offline, frames, tap_to && tap_to->attentions);
	if (ret < 0)
		return ret;

	size_t floats = frames * acoustic_model_output_size(model, head);
	if (floats > offline->output_capacity) {
		float *output = realloc(offline->output, floats * sizeof(float));
		if (output == NULL)
			return -ENOMEM;
		offline->output = output;
		offline->output_capacity = floats;
	}

	offline->tap = tap_to;
	offline->samples = samples;
	offline->n_samples = n;
	offline->position = 0;
	offline->frames = frames;
	offline->layer = 0;
	memset(offline->conv_first, 0, sizeof(offline->conv_first));
	offline->job = (struct conv_job){
		.state = &offline->conv,
		.norm_scale = offline->norm_scale,
		.norm_shift = offline->norm_shift,
		.statistics = &offline->conv0,
		.out = offline->workspace.features,
		.out_stride = offline->workspace.features_stride,
	};
	offline->window = (struct window){
		.count = frames,
		.features = offline->features,
		.features_stride = offline->workspace.stride,
		.caches = &offline->cache,
		.head = head,
	};
	conv_state_reset(&offline->conv, &model->config);
	offline->stage = STAGE_MEASURE;
	return 0;
}

static void stage_measure(struct acoustic_offline *offline)
{
	measure_input(offline);
	tap_input(offline);
	if (offline->model->config.conv_norm == CONV_NORM_GROUP) {
		offline->job.samples = offline->samples;
		offline->job.n = offline->n_samples;
		statistics_reset(&offline->conv0);
		conv_encoder_measure(&offline->workspace, &offline->job, 1);
		conv_encoder_affine(offline->model, &offline->conv0, offline->norm_scale,
				    offline->norm_shift);
	}
	offline->stage = STAGE_CONV;
}

static void stage_conv(struct acoustic_offline *offline)
{
	struct conv_tap conv_tap = {.func = tap_conv, .ctx = offline};

	offline->job.samples = offline->samples + offline->position;
	offline->job.n = offline->n_samples - offline->position;
	conv_encoder_set_tap(&offline->workspace, offline->tap ? &conv_tap : NULL);
	offline->position += conv_encoder_block(&offline->workspace, &offline->job);
	conv_encoder_set_tap(&offline->workspace, NULL);
	if (offline->position == offline->n_samples)
		offline->stage = STAGE_PROJECT;
}

static void stage_project(struct acoustic_offline *offline)
{
	struct workspace *workspace = &offline->workspace;
	const struct model_config *config = &offline->model->config;
	size_t frames = offline->frames, hidden = config->hidden_size;

	tap(offline, "extract_features", -1, 0, workspace->features, frames,
	    offline->model->projection.in, workspace->features_stride);
	projection_run(workspace, frames, offline->features, workspace->stride);
	tap(offline, "feature_projection", -1, 0, offline->features, frames, hidden,
	    workspace->stride);
	pos_conv_run(workspace, &offline->window, 1);
	tap(offline, "pos_conv", -1, 0, workspace->hidden, frames, hidden, workspace->stride);
	pos_conv_add_features(workspace, &offline->window, 1);
	transformer_begin(workspace, frames);
	offline->stage = config->n_layers > 0 ? STAGE_LAYERS : STAGE_HEAD;
	if (config->head == HEAD_CLASSIFICATION)
		memset(offline->pooled, 0, hidden * sizeof(float));
}

/* Reports hidden state i and adds its share to what the classifier pools: the
 * mean over time commutes with the weighted sum and the projector. */
static void hidden_state(struct acoustic_offline *offline, size_t i)
{
	const struct workspace *workspace = &offline->workspace;
	const struct acoustic_model *model = offline->model;
	size_t hidden = model->config.hidden_size, frames = offline->frames;

	tap(offline, "hidden_states", (int)i, 0, workspace->hidden, frames, hidden,
	    workspace->stride);
	if (model->config.head != HEAD_CLASSIFICATION)
		return;
	float weight = i == model->config.n_layers ? 1.0f : 0.0f;
	if (model->layer_weights)
		weight = model->layer_weights[i];
	for (size_t c = 0; c < hidden && weight != 0; c++) {
		double sum = 0;
		for (size_t t = 0; t < frames; t++)
			sum += workspace->hidden[t * workspace->stride + c];
		offline->pooled[c] += weight * (float)(sum / (double)frames);
	}
}

static void stage_layer(struct acoustic_offline *offline)
{
	struct workspace *workspace = &offline->workspace;
	const struct model_config *config = &offline->model->config;

	if (offline->layer == 0)
		hidden_state(offline, 0);
	transformer_layer(workspace, offline->layer, &offline->window, 1);
	if (workspace->attentions && offline->tap)
		tap(offline, "attentions", (int)offline->layer, 0, workspace->attentions,
		    config->n_heads * offline->frames, offline->frames, offline->frames);
	offline->layer++;
	if (offline->layer < config->n_layers)
		hidden_state(offline, offline->layer);
	else
		offline->stage = STAGE_HEAD;
}

static void classify(struct acoustic_offline *offline)
{
	struct workspace *workspace = &offline->workspace;
	const struct acoustic_model *model = offline->model;

	workspace_dense(workspace, &(struct dense){
					   .linear = &model->projector,
					   .x = offline->pooled,
					   .x_stride = model->projector.in,
					   .y = offline->projected,
					   .y_stride = model->projector.out,
					   .rows = 1,
				   });
	workspace_dense(workspace, &(struct dense){
					   .linear = &model->classifier,
					   .x = offline->projected,
					   .x_stride = model->classifier.in,
					   .y = offline->labels,
					   .y_stride = model->classifier.out,
					   .rows = 1,
				   });
	tap(offline, "logits", -1, 0, offline->labels, 1, model->config.n_labels,
	    model->config.n_labels);
}

static void stage_head(struct acoustic_offline *offline)
{
	struct workspace *workspace = &offline->workspace;
	const struct acoustic_model *model = offline->model;
	const struct model_config *config = &model->config;
	size_t frames = offline->frames;
	size_t width = acoustic_model_output_size(model, offline->window.head);

	transformer_end(workspace, frames);
	hidden_state(offline, config->n_layers);
	tap(offline, "last_hidden_state", -1, 0, workspace->hidden, frames, config->hidden_size,
	    workspace->stride);
	transformer_head(workspace, &model->heads[offline->window.head], 0, frames,
			 offline->output);
	if (config->head == HEAD_CTC)
		tap(offline, "logits", -1, 0, offline->output, frames, width, width);
	else if (config->head == HEAD_CLASSIFICATION)
		classify(offline);
	offline->stage = STAGE_DONE;
}

int acoustic_offline_advance(struct acoustic_offline *offline)
{
	switch (offline->stage) {
	case STAGE_MEASURE:
		stage_measure(offline);
		/* Too short for a frame: the input is all there is. */
		if (offline->frames == 0)
			offline->stage = STAGE_DONE;
		break;
	case STAGE_CONV:
		stage_conv(offline);
		break;
	case STAGE_PROJECT:
		stage_project(offline);
		break;
	case STAGE_LAYERS:
		stage_layer(offline);
		break;
	case STAGE_HEAD:
		stage_head(offline);
		break;
	case STAGE_DONE:
		break;
	}
	return offline->stage != STAGE_DONE;
}

size_t acoustic_offline_frames(const struct acoustic_offline *offline)
{
	return offline->frames;
}

const float *acoustic_offline_output(const struct acoustic_offline *offline)
{
	return offline->output;
}

const float *acoustic_offline_hidden(const struct acoustic_offline *offline, size_t *stride)
{
	*stride = offline->workspace.stride;
	return offline->workspace.hidden;
}

const float *acoustic_offline_labels(const struct acoustic_offline *offline)
{
	if (offline->model->config.head != HEAD_CLASSIFICATION || offline->frames == 0)
		return NULL;
	return offline->labels;
}
