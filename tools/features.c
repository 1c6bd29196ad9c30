/*
 * `heard-model features`: what every stage of the network gives for one file,
 * as a safetensors file under the names that README.md of tests/golden lists.
 * The file is run in one piece. All shapes follow from the number of samples,
 * so the tensors are declared first and written as they come.
 */
#include "audio/file.h"
#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/decode/ctc_greedy.h"
#include "tools/commands.h"
#include "tools/safetensors_out.h"
#include "tools/streaming.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 4096, NAME_BYTES = 48 };

/* A declared tensor and how its stage comes. */
struct slot {
	char name[NAME_BYTES];
	int number;
	size_t columns;    /* of a row */
	bool channel_rows; /* written [columns, rows in all]: conv_out */
	size_t rows;
};

struct extractor {
	const struct options *options;
	struct tool_model model;
	struct safetensors_out *file;
	struct slot *slots; /* owned, [MAX_TENSORS] */
	size_t n_slots;
	float *column; /* owned: one channel of a piece of conv_out */
	size_t n_column;
	int error; /* the first; everything after it does nothing */

	/* streaming */
	size_t chunk, right, frames;
	size_t steps, provisional; /* done so far */
};

static struct slot *find(const struct extractor *e, const char *name)
{
	for (size_t i = 0; i < e->n_slots; i++) {
		if (strcmp(e->slots[i].name, name) == 0)
			return &e->slots[i];
	}
	return NULL;
}

static struct slot *declare(struct extractor *e, const char *name, enum dtype dtype, size_t n_dims,
			    const size_t *dims)
{
	struct slot *slot = &e->slots[e->n_slots];

	if (e->error)
		return slot;
	snprintf(slot->name, sizeof(slot->name), "%s", name);
	slot->rows = dims[0];
	slot->columns = dims[n_dims - 1];
	slot->number = safetensors_out_add(e->file, name, dtype, n_dims, dims);
	if (slot->number < 0)
		e->error = slot->number;
	else
		e->n_slots++;
	return slot;
}

static void declare_rows(struct extractor *e, const char *name, size_t rows, size_t columns)
{
	declare(e, name, DTYPE_F32, 2, (const size_t[]){rows, columns});
}

static void declare_conv(struct extractor *e, size_t samples, size_t frames)
{
	const struct model_config *config = e->model.config;
	size_t n = samples;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		char name[NAME_BYTES];
		/* Too short for one frame of the last layer: no layer is run. */
		n = frames > 0 ? (n - config->conv_kernel[i]) / config->conv_stride[i] + 1 : 0;
		snprintf(name, sizeof(name), "conv_out.%zu", i);
		struct slot *slot =
			declare(e, name, DTYPE_F32, 2, (const size_t[]){config->conv_dim[i], n});
		slot->channel_rows = true;
		slot->columns = config->conv_dim[i];
		slot->rows = n;
	}
}

static void declare_stages(struct extractor *e, size_t samples, size_t frames)
{
	const struct model_config *config = e->model.config;
	size_t hidden = config->hidden_size;
	char name[NAME_BYTES];

	struct slot *input = declare(e, "input_values", DTYPE_F32, 1, (const size_t[]){samples});
	input->columns = 1;
	declare_conv(e, samples, frames);
	declare_rows(e, "extract_features", frames, config->conv_dim[config->n_conv_layers - 1]);
	declare_rows(e, "feature_projection", frames, hidden);
	declare_rows(e, "pos_conv", frames, hidden);
	for (size_t i = 0; i <= config->n_layers; i++) {
		snprintf(name, sizeof(name), "hidden_states.%zu", i);
		declare_rows(e, name, frames, hidden);
	}
}

static void declare_offline(struct extractor *e, size_t samples, size_t frames)
{
	const struct model_config *config = e->model.config;
	char name[NAME_BYTES];

	if (e->options->all)
		declare_stages(e, samples, frames);
	for (size_t i = 0; e->options->attentions && i < config->n_layers; i++) {
		snprintf(name, sizeof(name), "attentions.%zu", i);
		declare(e, name, DTYPE_F32, 3, (const size_t[]){config->n_heads, frames, frames});
	}
	declare_rows(e, "last_hidden_state", frames, config->hidden_size);
	if (config->head == HEAD_CTC) {
		declare_rows(e, "logits", frames, e->model.width);
		if (e->options->all)
			declare(e, "argmax", DTYPE_I32, 1, (const size_t[]){frames});
	} else if (config->head == HEAD_CLASSIFICATION) {
		declare(e, "logits", DTYPE_F32, 1,
			(const size_t[]){frames > 0 ? config->n_labels : 0});
	}
}

static void write(struct extractor *e, const struct slot *slot, size_t first, const void *data,
		  size_t count)
{
	if (!e->error)
		e->error = safetensors_out_write(e->file, slot->number, first, data, count);
}

/* Time-major rows into a channel-major tensor. */
static void write_channels(struct extractor *e, const struct slot *slot, size_t first,
			   const float *values, size_t rows, size_t stride)
{
	if (rows > e->n_column) {
		float *column = realloc(e->column, rows * sizeof(*column));
		if (!column) {
			log_error("no memory for a block of %s", slot->name);
			e->error = -ENOMEM;
			return;
		}
		e->column = column;
		e->n_column = rows;
	}
	for (size_t c = 0; c < slot->columns && !e->error; c++) {
		for (size_t r = 0; r < rows; r++)
			e->column[r] = values[r * stride + c];
		write(e, slot, c * slot->rows + first, e->column, rows);
	}
}

static void write_argmax(struct extractor *e, size_t first, const float *logits, size_t rows,
			 size_t columns, size_t stride)
{
	const struct slot *slot = find(e, "argmax");

	for (size_t r = 0; slot && r < rows; r++) {
		int32_t id = ctc_argmax(logits + r * stride, columns, NULL);
		write(e, slot, first + r, &id, 1);
	}
}

static void tap(void *ctx, const char *stage, int layer, size_t first, const float *values,
		size_t rows, size_t columns, size_t stride)
{
	struct extractor *e = ctx;
	char name[NAME_BYTES];

	if (layer < 0)
		snprintf(name, sizeof(name), "%s", stage);
	else
		snprintf(name, sizeof(name), "%s.%d", stage, layer);
	const struct slot *slot = find(e, name);
	if (!slot || e->error)
		return;
	if (slot->channel_rows) {
		write_channels(e, slot, first, values, rows, stride);
		return;
	}
	for (size_t r = 0; r < rows && !e->error; r++) {
		/* Rows that touch are one write. */
		size_t n = stride == columns ? rows : 1;
		write(e, slot, (first + r) * columns, values + r * stride, n * columns);
		r += n - 1;
	}
	if (strcmp(name, "logits") == 0)
		write_argmax(e, first, values, rows, columns, stride);
}

static int run_offline(struct extractor *e, const float *samples, size_t n)
{
	struct acoustic_offline *offline = NULL;
	struct acoustic_tap to = {.func = tap, .ctx = e, .attentions = e->options->attentions};

	declare_offline(e, n, config_frames(e->model.config, n));
	if (!e->error)
		e->error = safetensors_out_begin(e->file);
	if (!e->error)
		e->error = acoustic_offline_create(e->model.acoustic, n, &offline);
	if (!e->error) {
		int error = tool_model_run(&e->model, offline, samples, n, &to);
		if (!e->error)
			e->error = error;
	}
	acoustic_offline_destroy(offline);
	return e->error;
}

/* Where the step that starts at frame a ends: its chunk, and its window. */
static size_t step_end(const struct extractor *e, size_t a, size_t more)
{
	return a + e->chunk + more < e->frames ? a + e->chunk + more : e->frames;
}

static void declare_streaming(struct extractor *e)
{
	size_t steps = 0;
	size_t provisional = 0;

	for (size_t a = 0; a < e->frames; a += e->chunk) {
		steps++;
		provisional += step_end(e, a, e->right) - step_end(e, a, 0);
	}
	declare_rows(e, "committed", e->frames, e->model.width);
	declare_rows(e, "provisional", provisional, e->model.width);
	declare(e, "steps", DTYPE_I32, 2, (const size_t[]){steps, 4});
}

static int take_step(void *ctx, const struct acoustic_output *output)
{
	struct extractor *e = ctx;
	size_t width = e->model.width;
	const int32_t step[4] = {
		(int32_t)output->first,
		(int32_t)output->n_committed,
		(int32_t)output->n_provisional,
		(int32_t)e->provisional,
	};

	write(e, find(e, "committed"), output->first * width, output->committed,
	      output->n_committed * width);
	write(e, find(e, "provisional"), e->provisional * width, output->provisional,
	      output->n_provisional * width);
	write(e, find(e, "steps"), 4 * e->steps, step, 4);
	e->provisional += output->n_provisional;
	e->steps++;
	return e->error;
}

static int run_streaming(struct extractor *e, const float *samples, size_t n)
{
	const struct window window = tool_model_window(&e->model, e->options);
	struct streaming *streaming = NULL;

	e->frames = config_frames(e->model.config, n);
	e->right = (size_t)window.right;
	e->chunk = window.chunk < 0 ? e->frames + 1 : (size_t)window.chunk;
	declare_streaming(e);
	if (!e->error)
		e->error = safetensors_out_begin(e->file);
	if (!e->error)
		e->error = streaming_create(&e->model, e->options, n, &streaming);
	if (!e->error)
		e->error = streaming_run(streaming, samples, n, take_step, e);
	streaming_destroy(streaming);
	return e->error;
}

static int read_samples(const struct extractor *e, float **samples, size_t *n)
{
	struct audio_file *file = NULL;

	int error =
		audio_file_open(e->options->arguments[1], (unsigned)e->model.config->sampling_rate,
				&e->options->raw, &file);
	if (!error)
		error = audio_file_read_all(file, samples, n);
	audio_file_close(file);
	return error;
}

static int run(const struct options *options)
{
	struct extractor e = {.options = options};
	float *samples = NULL;
	size_t n = 0;

	e.slots = calloc(MAX_TENSORS, sizeof(*e.slots));
	int error = e.slots ? tool_model_open(options, TOOL_MODEL_NETWORK, &e.model) : -ENOMEM;
	if (!error)
		error = read_samples(&e, &samples, &n);
	if (!error)
		error = safetensors_out_create(options->output, &e.file);
	if (!error)
		error = options->streaming ? run_streaming(&e, samples, n)
					   : run_offline(&e, samples, n);
	if (!error)
		error = safetensors_out_finish(e.file);
	safetensors_out_destroy(e.file);
	free(samples);
	free(e.slots);
	free(e.column);
	tool_model_close(&e.model);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command features_command = {
	.name = "features",
	.arguments = "DIR AUDIO -o OUT.safetensors [options]",
	.summary = "Writes the activations of the network for one audio file.",
	.min_arguments = 2,
	.max_arguments = 2,
	.options = OPTION_LANG | OPTION_STREAMING | OPTION_STATISTICS | OPTION_THREADS |
		   OPTION_WEIGHTS | OPTION_RAW | OPTION_OUTPUT | OPTION_ALL | OPTION_ATTENTIONS,
	.required = OPTION_OUTPUT,
	.run = run,
};
