/*
 * One step of several streams: each stage runs over the rows of all of them,
 * so that every weight matrix is read from memory once.
 */
#include "core/acoustic/kv_cache.h"
#include "core/acoustic/pos_conv.h"
#include "core/acoustic/projection.h"
#include "core/acoustic/stream.h"
#include "core/acoustic/transformer.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct acoustic_batch {
	struct workspace workspace;
	size_t max_streams, max_window, max_left;
	struct conv_job jobs[MAX_STEP_STREAMS];
	struct window windows[MAX_STEP_STREAMS];
	struct step_plan plans[MAX_STEP_STREAMS];
};

int acoustic_batch_create(const struct acoustic_model *model, size_t max_streams, size_t max_window,
			  size_t max_left, struct acoustic_batch **out)
{
	if (max_streams == 0 || max_streams > MAX_STEP_STREAMS || max_window == 0)
		return -EINVAL;
	struct acoustic_batch *batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		return -ENOMEM;
	batch->max_streams = max_streams;
	batch->max_window = max_window;
	batch->max_left = max_left;
	int ret = workspace_init(&batch->workspace, model,
				 &(struct workspace_params){
					 .max_streams = max_streams,
					 .max_rows = max_streams * max_window,
					 .max_keys = kv_cache_capacity(max_left + max_window),
				 });
	if (ret < 0) {
		free(batch);
		return ret;
	}
	*out = batch;
	return 0;
}

void acoustic_batch_destroy(struct acoustic_batch *batch)
{
	if (batch == NULL)
		return;
	workspace_finish(&batch->workspace);
	free(batch);
}

/* Statistics advance here and nowhere else, with this step's samples. */
static void normalize(struct acoustic_batch *batch, struct acoustic_stream *const *streams,
		      size_t n)
{
	struct workspace *workspace = &batch->workspace;
	const struct acoustic_model *model = workspace->model;
	struct conv_job *jobs = batch->jobs;
	size_t row = 0;

	for (size_t i = 0; i < n; i++) {
		struct acoustic_stream *stream = streams[i];
		size_t samples = batch->plans[i].samples;
		if (stream->cumulative && model->config.do_normalize) {
			statistics_add(&stream->input, stream->samples, samples, 1, 0, 1);
			statistics_advance(&stream->input, samples);
			double variance = statistics_variance(&stream->input, 0);
			stream->mean = (float)stream->input.mean[0];
			stream->scale = (float)(1 / sqrt(variance + 1e-7));
		}
		jobs[i] = (struct conv_job){
			.state = &stream->conv,
			.samples = stream->samples,
			.n = samples,
			.mean = stream->mean,
			.scale = stream->scale,
			.norm_scale = stream->norm_scale,
			.norm_shift = stream->norm_shift,
			.statistics = &stream->conv0,
			.out = workspace->features + row * workspace->features_stride,
			.out_stride = workspace->features_stride,
		};
		row += conv_state_frames(&stream->conv, &model->config, samples);
	}
	if (model->config.conv_norm != CONV_NORM_GROUP)
		return;
	/* Streams with fixed statistics would be measured for nothing, and their
	 * statistics must not move. */
	for (size_t i = 0; i < n; i++) {
		if (!streams[i]->cumulative)
			continue;
		conv_encoder_measure(workspace, &jobs[i], 1);
		conv_encoder_affine(model, &streams[i]->conv0, streams[i]->norm_scale,
				    streams[i]->norm_shift);
	}
}

/* Samples to projected features, appended to each stream's history. */
static void encode(struct acoustic_batch *batch, struct acoustic_stream *const *streams, size_t n)
{
	struct workspace *workspace = &batch->workspace;
	const struct acoustic_model *model = workspace->model;
	size_t rows = 0, stride = workspace->stride;

	normalize(batch, streams, n);
	conv_encoder_run(workspace, batch->jobs, n);
	for (size_t i = 0; i < n; i++)
		rows += batch->jobs[i].frames;
	if (rows > 0)
		projection_run(workspace, rows, workspace->hidden, stride);

	const float *projected = workspace->hidden;
	for (size_t i = 0; i < n; i++) {
		struct acoustic_stream *stream = streams[i];
		size_t frames = batch->jobs[i].frames;
		size_t slot = model->pos.left + stream->featured - stream->next;
		assert(stream->featured + frames == batch->plans[i].end);
		memcpy(stream->history + slot * stride, projected, frames * stride * sizeof(float));
		projected += frames * stride;
		stream->featured += frames;
		stream->consumed += batch->plans[i].samples;
		stream->n_samples -= batch->plans[i].samples;
		memmove(stream->samples, stream->samples + batch->plans[i].samples,
			stream->n_samples * sizeof(float));
	}
}

static size_t open_windows(struct acoustic_batch *batch, struct acoustic_stream *const *streams,
			   size_t n)
{
	size_t left = batch->workspace.model->pos.left, row = 0;

	for (size_t i = 0; i < n; i++) {
		struct acoustic_stream *stream = streams[i];
		const struct step_plan *plan = &batch->plans[i];
		batch->windows[i] = (struct window){
			.row = row,
			.count = plan->end - plan->first,
			.frame = plan->first,
			.features = stream->history + left * stream->stride,
			.features_stride = stream->stride,
			.before = plan->first < left ? plan->first : left,
			.caches = stream->caches,
			.cache_step = 1,
			.left = stream->left,
			.head = stream->head,
		};
		row += plan->end - plan->first;
	}
	return row;
}

/* Hands out the logits and moves the stream's window on by its chunk. */
static void commit(struct acoustic_batch *batch, struct acoustic_stream *stream, size_t i)
{
	struct workspace *workspace = &batch->workspace;
	const struct acoustic_model *model = workspace->model;
	const struct step_plan *plan = &batch->plans[i];
	size_t width = acoustic_model_output_size(model, stream->head);
	size_t committed = plan->chunk_end - plan->first;
	size_t provisional = plan->end - plan->chunk_end;

	transformer_head(workspace, &model->heads[stream->head], batch->windows[i].row,
			 committed + provisional, stream->output);
	stream->last = (struct acoustic_output){
		.first = plan->first,
		.n_committed = committed,
		.n_provisional = provisional,
		.committed = stream->output,
		.provisional = stream->output + committed * width,
	};
	stream->next = plan->chunk_end;
	memmove(stream->history, stream->history + committed * stream->stride,
		(model->pos.left + provisional) * stream->stride * sizeof(float));
}

void acoustic_step(struct acoustic_batch *batch, struct acoustic_stream *const *streams, size_t n)
{
	struct workspace *workspace = &batch->workspace;
	size_t n_layers = workspace->model->config.n_layers;

	assert(n > 0 && n <= batch->max_streams);
	for (size_t i = 0; i < n; i++) {
		batch->plans[i] = acoustic_stream_plan(streams[i]);
		assert(streams[i]->chunk + streams[i]->right <= batch->max_window);
		assert(streams[i]->left <= batch->max_left);
	}
	encode(batch, streams, n);
	size_t rows = open_windows(batch, streams, n);
	pos_conv_run(workspace, batch->windows, n);
	pos_conv_add_features(workspace, batch->windows, n);
	transformer_begin(workspace, rows);
	for (size_t layer = 0; layer < n_layers; layer++)
		transformer_layer(workspace, layer, batch->windows, n);
	transformer_end(workspace, rows);
	for (size_t i = 0; i < n; i++)
		commit(batch, streams[i], i);
}
