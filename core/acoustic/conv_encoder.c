#include "core/acoustic/conv_encoder.h"

#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { PLACE_ROWS = 16, MEASURE_CHANNELS = 64 };

void conv_state_layout(struct conv_state *state, const struct model_config *config,
		       struct arena *arena)
{
	for (size_t i = 0; i < config->n_conv_layers; i++) {
		size_t in = i == 0 ? 1 : config->conv_dim[i - 1];
		state->tails[i].rows =
			arena_alloc_array(arena, (config->conv_kernel[i] - 1) * in, sizeof(float));
	}
}

void conv_state_reset(struct conv_state *state, const struct model_config *config)
{
	for (size_t i = 0; i < config->n_conv_layers; i++) {
		state->tails[i].count = 0;
		state->tails[i].skip = 0;
	}
}

static size_t frames_of(size_t count, size_t kernel, size_t stride)
{
	return count < kernel ? 0 : (count - kernel) / stride + 1;
}

size_t conv_state_frames(const struct conv_state *state, const struct model_config *config,
			 size_t samples)
{
	size_t rows = samples;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		const struct conv_tail *tail = &state->tails[i];
		size_t drop = rows < tail->skip ? rows : tail->skip;
		rows = frames_of(tail->count + rows - drop, config->conv_kernel[i],
				 config->conv_stride[i]);
	}
	return rows;
}

/*
 * Forgets the input that no later frame needs: of `count` rows at `input`, of
 * which `frames` output frames were made, the rest becomes the tail.
 */
static void save_tail(struct conv_tail *tail, const struct conv_layer *layer, const float *input,
		      size_t count, size_t frames)
{
	size_t used = frames * layer->stride;

	if (used > count) {
		tail->skip = used - count;
		tail->count = 0;
		return;
	}
	tail->count = count - used;
	memcpy(tail->rows, input + used * layer->in, tail->count * layer->in * sizeof(float));
}

/* Puts [tail | normalised samples] of a job at conv_input + offset. Returns
 * the floats used. */
static size_t load_samples(struct workspace *workspace, struct conv_job *job,
			   struct conv_tail *tail, size_t offset, size_t take)
{
	float *input = workspace->conv_input + offset;
	const float *samples = job->samples + job->done;
	size_t drop = take < tail->skip ? take : tail->skip;

	memcpy(input, tail->rows, tail->count * sizeof(float));
	tail->skip -= drop;
	for (size_t i = drop; i < take; i++)
		input[tail->count + i - drop] = (samples[i] - job->mean) * job->scale;
	job->offset = offset;
	job->input = tail->count + take - drop;
	job->done += take;
	return job->input;
}

struct place_job {
	const struct workspace *workspace;
	const struct conv_layer *layer;
	const struct conv_job *jobs;
	size_t n_jobs;
	size_t index; /* of the layer */
	bool last;
	size_t next_offset[MAX_STEP_STREAMS]; /* per job, where its rows go in conv_input */
	size_t total;
};

/*
 * One pass over a layer's raw output: norm and activation, and each stream's
 * rows to their place behind its tail for the next layer (or to the features).
 */
static void place_task(void *ctx, size_t task, unsigned worker)
{
	const struct place_job *place = ctx;
	const struct acoustic_model *model = place->workspace->model;
	const struct kernels *kernels = model->kernels;
	const struct conv_layer *layer = place->layer;
	size_t channels = layer->out;
	size_t row = task * PLACE_ROWS, end = row + PLACE_ROWS;
	size_t base = 0;

	(void)worker;
	if (end > place->total)
		end = place->total;
	for (size_t j = 0; j < place->n_jobs && row < end; j++) {
		const struct conv_job *job = &place->jobs[j];
		for (; row < end && row < base + job->rows; row++) {
			const float *x = place->workspace->conv_output + row * channels;
			size_t r = row - base;
			float *y = place->last ? job->out + (job->frames + r) * job->out_stride
					       : place->workspace->conv_input +
							 place->next_offset[j] + r * channels;
			if (layer->layer_norm)
				kernels->layer_norm(x, channels, layer->norm.gamma,
						    layer->norm.beta, layer->norm.eps, y);
			else if (place->index == 0)
				kernels->scale_shift(x, job->norm_scale, job->norm_shift, channels,
						     y);
			else
				memcpy(y, x, channels * sizeof(float));
			if (layer->layer_norm || place->index == 0)
				kernels->activate(model->config.conv_activation, y, channels);
		}
		base += job->rows;
	}
}

/* Products of one layer over all jobs: conv_input to conv_output. Sets
 * job->rows; returns their sum. */
static size_t multiply(struct workspace *workspace, const struct conv_layer *layer,
		       struct conv_job *jobs, size_t n_jobs, enum activation act)
{
	struct rows segments[MAX_STEP_STREAMS];
	size_t total = 0;

	assert(n_jobs <= MAX_STEP_STREAMS);
	for (size_t j = 0; j < n_jobs; j++) {
		jobs[j].rows = frames_of(jobs[j].input, layer->kernel, layer->stride);
		segments[j] = (struct rows){
			.x = workspace->conv_input + jobs[j].offset,
			.stride = layer->stride * layer->in,
			.count = jobs[j].rows,
		};
		total += jobs[j].rows;
	}
	assert(total * layer->out <= workspace->conv_floats);
	if (total > 0)
		workspace_products(workspace,
				   &(struct product){
					   .w = layer->w,
					   .segments = segments,
					   .n_segments = n_jobs,
					   .y = workspace->conv_output,
					   .y_stride = layer->out,
					   .bias = layer->bias,
					   .act = act,
				   },
				   1);
	return total;
}

/* Hands the rows of layer `index` to layer index + 1 (or out). */
static void place(struct workspace *workspace, size_t index, struct conv_job *jobs, size_t n_jobs,
		  size_t total)
{
	const struct acoustic_model *model = workspace->model;
	size_t n_layers = model->config.n_conv_layers;
	struct place_job job = {
		.workspace = workspace,
		.layer = &model->conv[index],
		.jobs = jobs,
		.n_jobs = n_jobs,
		.index = index,
		.last = index + 1 == n_layers,
		.total = total,
	};
	size_t offset = 0, channels = model->conv[index].out;

	for (size_t j = 0; j < n_jobs && !job.last; j++) {
		struct conv_tail *tail = &jobs[j].state->tails[index + 1];
		size_t drop = jobs[j].rows < tail->skip ? jobs[j].rows : tail->skip;
		memcpy(workspace->conv_input + offset, tail->rows,
		       tail->count * channels * sizeof(float));
		job.next_offset[j] = offset + tail->count * channels;
		/* Dropped rows are placed too, in front of what is read. */
		jobs[j].offset = offset + drop * channels;
		jobs[j].input = tail->count + jobs[j].rows - drop;
		tail->skip -= drop;
		offset += (tail->count + jobs[j].rows) * channels;
	}
	assert(offset <= workspace->conv_floats);
	pool_run(model->pool, (total + PLACE_ROWS - 1) / PLACE_ROWS, place_task, &job);
}

static void tap_layer(struct workspace *workspace, size_t index, const struct conv_job *job)
{
	const struct conv_tap *tap = workspace->conv_tap;
	size_t channels = workspace->model->conv[index].out;
	bool last = index + 1 == workspace->model->config.n_conv_layers;

	if (tap == NULL || job->rows == 0)
		return;
	/* The last layer's rows went to the features, whose rows are padded. */
	if (last) {
		for (size_t r = 0; r < job->rows; r++)
			tap->func(tap->ctx, index, job->out + (job->frames + r) * job->out_stride,
				  1, channels);
		return;
	}
	const struct conv_tail *tail = &job->state->tails[index + 1];
	size_t dropped = tail->count + job->rows - job->input;
	tap->func(tap->ctx, index,
		  workspace->conv_input + job->offset + (tail->count - dropped) * channels,
		  job->rows, channels);
}

/* All layers for the block whose samples load_samples put into place. */
static void run_layers(struct workspace *workspace, struct conv_job *jobs, size_t n_jobs)
{
	const struct acoustic_model *model = workspace->model;
	const struct model_config *config = &model->config;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		const struct conv_layer *layer = &model->conv[i];
		bool normed = layer->layer_norm || i == 0;
		size_t total = multiply(workspace, layer, jobs, n_jobs,
					normed ? ACTIVATION_LINEAR : config->conv_activation);

		for (size_t j = 0; j < n_jobs; j++)
			save_tail(&jobs[j].state->tails[i], layer,
				  workspace->conv_input + jobs[j].offset, jobs[j].input,
				  jobs[j].rows);
		/* Layers behind one that made nothing keep their tails. */
		if (total == 0)
			return;
		place(workspace, i, jobs, n_jobs, total);
		if (workspace->conv_tap)
			for (size_t j = 0; j < n_jobs; j++)
				tap_layer(workspace, i, &jobs[j]);
	}
	for (size_t j = 0; j < n_jobs; j++)
		jobs[j].frames += jobs[j].rows;
}

/*
 * Picks the next jobs [*first, returned) with samples left and loads up to a
 * block's worth of them. Jobs are consecutive so that they can be passed on as
 * an array; each of them got at least one sample.
 */
static size_t load_block(struct workspace *workspace, struct conv_job *jobs, size_t n_jobs,
			 size_t *first, bool measuring)
{
	size_t budget = CONV_BLOCK_FRAMES * workspace->model->config.hop;
	size_t offset = 0, j;

	while (*first < n_jobs && jobs[*first].done == jobs[*first].n)
		(*first)++;
	for (j = *first; j < n_jobs && budget > 0; j++) {
		struct conv_job *job = &jobs[j];
		size_t take = job->n - job->done < budget ? job->n - job->done : budget;
		if (take == 0)
			break;
		offset += load_samples(workspace, job,
				       measuring ? &job->measure_tail : &job->state->tails[0],
				       offset, take);
		budget -= take;
	}
	assert(offset <= workspace->conv_floats);
	return j;
}

void conv_encoder_run(struct workspace *workspace, struct conv_job *jobs, size_t n_jobs)
{
	size_t first = 0;

	for (size_t j = 0; j < n_jobs; j++) {
		jobs[j].done = 0;
		jobs[j].frames = 0;
	}
	for (;;) {
		size_t last = load_block(workspace, jobs, n_jobs, &first, false);
		if (last == first)
			return;
		run_layers(workspace, jobs + first, last - first);
	}
}

size_t conv_encoder_block(struct workspace *workspace, struct conv_job *job)
{
	size_t first = 0;

	job->done = 0;
	if (load_block(workspace, job, 1, &first, false) == 1)
		run_layers(workspace, job, 1);
	return job->done;
}

struct measure_job {
	const struct workspace *workspace;
	const struct conv_job *jobs;
	size_t n_jobs;
	size_t channels;
};

static void measure_task(void *ctx, size_t task, unsigned worker)
{
	const struct measure_job *measure = ctx;
	size_t first = task * MEASURE_CHANNELS, last = first + MEASURE_CHANNELS;
	const float *rows = measure->workspace->conv_output;

	(void)worker;
	if (last > measure->channels)
		last = measure->channels;
	for (size_t j = 0; j < measure->n_jobs; j++) {
		const struct conv_job *job = &measure->jobs[j];
		statistics_add(job->statistics, rows + first, job->rows, measure->channels, first,
			       last);
		rows += job->rows * measure->channels;
	}
}

void conv_encoder_measure(struct workspace *workspace, struct conv_job *jobs, size_t n_jobs)
{
	const struct acoustic_model *model = workspace->model;
	const struct conv_layer *layer = &model->conv[0];
	size_t tail_floats = layer->kernel - 1, first = 0;

	for (size_t j = 0; j < n_jobs; j++) {
		struct conv_tail *tail = &jobs[j].measure_tail;
		*tail = jobs[j].state->tails[0];
		tail->rows = workspace->measure_tails + j * tail_floats;
		memcpy(tail->rows, jobs[j].state->tails[0].rows, tail->count * sizeof(float));
		jobs[j].done = 0;
	}
	for (;;) {
		size_t last = load_block(workspace, jobs, n_jobs, &first, true);
		if (last == first)
			return;
		struct conv_job *active = jobs + first;
		size_t n_active = last - first;
		multiply(workspace, layer, active, n_active, ACTIVATION_LINEAR);

		struct measure_job measure = {
			.workspace = workspace,
			.jobs = active,
			.n_jobs = n_active,
			.channels = layer->out,
		};
		pool_run(model->pool, (layer->out + MEASURE_CHANNELS - 1) / MEASURE_CHANNELS,
			 measure_task, &measure);
		for (size_t j = 0; j < n_active; j++) {
			statistics_advance(active[j].statistics, active[j].rows);
			save_tail(&active[j].measure_tail, layer,
				  workspace->conv_input + active[j].offset, active[j].input,
				  active[j].rows);
		}
	}
}

void conv_encoder_affine(const struct acoustic_model *model, const struct statistics *statistics,
			 float *scale, float *shift)
{
	const struct conv_layer *layer = &model->conv[0];

	for (size_t c = 0; c < layer->out; c++) {
		double deviation =
			sqrt(statistics_variance(statistics, c) + (double)layer->norm.eps);
		double factor = layer->norm.gamma[c] / deviation;
		scale[c] = (float)factor;
		shift[c] = (float)(layer->norm.beta[c] - statistics->mean[c] * factor);
	}
}

void conv_encoder_set_tap(struct workspace *workspace, const struct conv_tap *tap)
{
	workspace->conv_tap = tap;
}
