#include "core/acoustic/stream.h"

#include "core/base/log.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How much of the past statistics an utterance inherits. */
enum { PRIOR_SECONDS = 10 };

static void layout(struct acoustic_stream *stream)
{
	const struct acoustic_model *model = stream->model;
	const struct model_config *config = &model->config;
	struct arena *arena = &stream->arena;
	size_t channels = config->conv_dim[0], window = stream->chunk + stream->right;

	stream->samples = arena_alloc_array(arena, stream->capacity, sizeof(float));
	statistics_layout(&stream->input, arena, 1);
	if (config->conv_norm == CONV_NORM_GROUP) {
		statistics_layout(&stream->conv0, arena, channels);
		stream->norm_scale = arena_alloc_array(arena, channels, sizeof(float));
		stream->norm_shift = arena_alloc_array(arena, channels, sizeof(float));
	}
	conv_state_layout(&stream->conv, config, arena);
	stream->history = arena_alloc_array(arena, (model->pos.left + window) * stream->stride,
					    sizeof(float));
	stream->caches = arena_alloc_array(arena, config->n_layers, sizeof(*stream->caches));
	for (size_t i = 0; i < config->n_layers; i++) {
		struct kv_cache cache;
		kv_cache_layout(&cache, arena, config->n_heads,
				config->hidden_size / config->n_heads, stream->left + window);
		if (stream->caches)
			stream->caches[i] = cache;
	}
}

static int reserve_output(struct acoustic_stream *stream, int head)
{
	size_t size = acoustic_model_output_size(stream->model, head);

	if (size > stream->output_size) {
		float *output = realloc(stream->output,
					(stream->chunk + stream->right) * size * sizeof(float));
		if (output == NULL)
			return -ENOMEM;
		stream->output = output;
		stream->output_size = size;
	}
	stream->head = head;
	return 0;
}

/* Absurd values would overflow sizes before they run out of memory. */
enum { MAX_FRAMES = 1 << 24 };

static bool params_are_sane(const struct acoustic_model *model,
			    const struct acoustic_stream_params *params)
{
	bool unlimited = params->left == -1 || params->chunk == -1;

	return params->left >= -1 && params->left <= MAX_FRAMES &&
	       (params->chunk == -1 || params->chunk >= 1) && params->chunk <= MAX_FRAMES &&
	       params->right >= 0 && params->right <= MAX_FRAMES &&
	       params->max_frames <= MAX_FRAMES && (!unlimited || params->max_frames > 0) &&
	       params->adapter >= 0 && (size_t)params->adapter < model->n_heads;
}

int acoustic_stream_create(const struct acoustic_model *model,
			   const struct acoustic_stream_params *params,
			   struct acoustic_stream **out)
{
	const struct model_config *config = &model->config;

	if (!params_are_sane(model, params)) {
		log_error("streaming %ld:%ld:%ld is out of range", params->left, params->chunk,
			  params->right);
		return -EINVAL;
	}
	struct acoustic_stream *stream = calloc(1, sizeof(*stream));
	if (stream == NULL)
		return -ENOMEM;
	stream->model = model;
	stream->left = params->left < 0 ? params->max_frames : (size_t)params->left;
	stream->chunk = params->chunk < 0 ? params->max_frames : (size_t)params->chunk;
	stream->right = (size_t)params->right;
	/* A chunk that holds the utterance has nothing before it to look at. */
	if (params->chunk < 0)
		stream->left = 0;
	stream->cumulative = params->statistics == STATISTICS_CUMULATIVE;
	stream->stride = workspace_stride(config->hidden_size);
	/* A full window, the frame behind it that tells whether it is the last,
	 * and room for another chunk to arrive meanwhile. */
	stream->capacity = (2 * stream->chunk + stream->right + 1) * config->hop + config->field;

	layout(stream);
	int ret = arena_init(&stream->arena, stream->arena.used);
	if (ret == 0) {
		layout(stream);
		ret = reserve_output(stream, params->adapter);
	}
	if (ret < 0) {
		log_error("no memory for a stream of %ld:%ld:%ld", params->left, params->chunk,
			  params->right);
		acoustic_stream_destroy(stream);
		return ret;
	}
	stream->scale = 1;
	acoustic_stream_reset(stream, RESET_FULL);
	*out = stream;
	return 0;
}

void acoustic_stream_destroy(struct acoustic_stream *stream)
{
	if (stream == NULL)
		return;
	arena_finish(&stream->arena);
	free(stream->output);
	free(stream);
}

size_t acoustic_stream_bytes(const struct acoustic_stream *stream)
{
	return stream->arena.used +
	       (stream->chunk + stream->right) * stream->output_size * sizeof(float);
}

void acoustic_stream_reset(struct acoustic_stream *stream, enum acoustic_reset kind)
{
	const struct model_config *config = &stream->model->config;
	bool group = config->conv_norm == CONV_NORM_GROUP;

	if (stream->cumulative && kind == RESET_FULL) {
		statistics_reset(&stream->input);
		if (group)
			statistics_reset(&stream->conv0);
	} else if (stream->cumulative) {
		double samples = PRIOR_SECONDS * (double)config->sampling_rate;
		statistics_cap(&stream->input, samples);
		if (group)
			statistics_cap(&stream->conv0, samples / (double)config->conv_stride[0]);
	}
	conv_state_reset(&stream->conv, config);
	stream->n_samples = 0;
	stream->consumed = 0;
	stream->ended = false;
	stream->featured = 0;
	stream->next = 0;
	stream->last = (struct acoustic_output){0};
}

void acoustic_stream_inherit(struct acoustic_stream *stream, const struct acoustic_stream *from)
{
	assert(stream->model == from->model);
	if (!stream->cumulative || !from->cumulative)
		return;
	statistics_copy(&stream->input, &from->input);
	if (stream->model->config.conv_norm == CONV_NORM_GROUP)
		statistics_copy(&stream->conv0, &from->conv0);
}

int acoustic_stream_set_adapter(struct acoustic_stream *stream, int adapter)
{
	if (adapter < 0 || (size_t)adapter >= stream->model->n_heads)
		return -EINVAL;
	if (stream->consumed > 0)
		return -EBUSY;
	return reserve_output(stream, adapter);
}

int acoustic_stream_measure(struct acoustic_stream *stream, const float *samples, size_t n)
{
	const struct acoustic_model *model = stream->model;
	struct workspace workspace;

	if (stream->cumulative)
		return -EINVAL;
	statistics_reset(&stream->input);
	stream->mean = 0;
	stream->scale = 1;
	if (model->config.do_normalize && n > 0) {
		statistics_add(&stream->input, samples, n, 1, 0, 1);
		statistics_advance(&stream->input, n);
		stream->mean = (float)stream->input.mean[0];
		stream->scale = (float)(1 / sqrt(statistics_variance(&stream->input, 0) + 1e-7));
	}
	if (model->config.conv_norm != CONV_NORM_GROUP)
		return 0;

	int ret = workspace_init(&workspace, model,
				 &(struct workspace_params){.max_streams = 1, .max_rows = 1});
	if (ret < 0)
		return ret;
	struct conv_job job = {
		.state = &stream->conv,
		.samples = samples,
		.n = n,
		.mean = stream->mean,
		.scale = stream->scale,
		.statistics = &stream->conv0,
	};
	statistics_reset(&stream->conv0);
	conv_encoder_measure(&workspace, &job, 1);
	conv_encoder_affine(model, &stream->conv0, stream->norm_scale, stream->norm_shift);
	workspace_finish(&workspace);
	return 0;
}

size_t acoustic_stream_push(struct acoustic_stream *stream, const float *samples, size_t n)
{
	size_t room = stream->capacity - stream->n_samples;

	if (stream->ended)
		return 0;
	if (n > room)
		n = room;
	memcpy(stream->samples + stream->n_samples, samples, n * sizeof(float));
	stream->n_samples += n;
	return n;
}

void acoustic_stream_end(struct acoustic_stream *stream)
{
	stream->ended = true;
}

/* Samples that must have come for frame b - 1 to exist. */
static size_t samples_for(const struct model_config *config, size_t b)
{
	return (b - 1) * config->hop + config->field;
}

bool acoustic_stream_ready(const struct acoustic_stream *stream)
{
	const struct model_config *config = &stream->model->config;
	size_t total = stream->consumed + stream->n_samples;
	size_t end = stream->next + stream->chunk + stream->right;

	if (stream->ended)
		return stream->next < config_frames(config, total);
	/* The last step's statistics take in all samples. Without lookahead only
	 * one more frame tells that this is not the last step; with it a full
	 * window cannot be the last. */
	if (stream->right == 0)
		end++;
	return total >= samples_for(config, end);
}

struct step_plan acoustic_stream_plan(const struct acoustic_stream *stream)
{
	const struct model_config *config = &stream->model->config;
	size_t total = stream->consumed + stream->n_samples;
	struct step_plan plan = {
		.first = stream->next,
		.chunk_end = stream->next + stream->chunk,
		.end = stream->next + stream->chunk + stream->right,
	};
	size_t frames = config_frames(config, total);
	bool last = false;

	if (stream->ended) {
		plan.chunk_end = plan.chunk_end < frames ? plan.chunk_end : frames;
		plan.end = plan.end < frames ? plan.end : frames;
		last = plan.chunk_end == frames;
	}
	size_t target = last ? total : samples_for(config, plan.end);
	plan.samples = target > stream->consumed ? target - stream->consumed : 0;
	return plan;
}

struct acoustic_output acoustic_stream_output(const struct acoustic_stream *stream)
{
	return stream->last;
}
