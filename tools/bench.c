/*
 * `heard-model bench`: how fast the model runs here with each type of weights, on
 * synthetic samples. Speed does not depend on what they are, nor on what the
 * weights are.
 *
 * One type after the other is loaded. Memory is looked at first: measuring what
 * the machine can do takes a buffer that would count. The machine is measured
 * again and again between the timings, so that a busy neighbour slows both down.
 */
#include "tools/bench.h"

#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"
#include "core/kernels/roofline.h"
#include "tools/commands.h"
#include "tools/memory.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LONGEST_SECONDS = 30, /* of the offline pass: what unlimited contexts are capped at */
	MIN_TIMES = 5,
	MAX_TIMES = 10000,
	MAX_STREAMS_A_STEP = 64,
};

static const double roofline_interval_s = 0.5;

/* Streams stepped together, fed from the noise over and over. */
struct feed {
	size_t n;
	size_t position[MAX_STREAMS_A_STEP];
	struct acoustic_stream *streams[MAX_STREAMS_A_STEP]; /* owned */
	struct acoustic_batch *batch;                        /* owned */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void summarize(struct bench_times *times)
{
	qsort(times->seconds, times->n, sizeof(double), compare);
	times->best = times->seconds[0];
	times->p50 = times->seconds[times->n / 2];
	times->p99 = times->seconds[(times->n - 1) * 99 / 100];
}

/* The machine is the same for all types: the best that was seen with any. */
static void measure_machine(struct bench *b)
{
	struct machine *machine = &b->machine;

	roofline_measure(b->roofline);
	for (int type = WEIGHT_F32; type < WEIGHT_TYPES; type++)
		machine->ops[type] = fmax(machine->ops[type],
					  1e9 * roofline_gops(b->roofline, (enum weight_type)type));
	machine->bytes = fmax(machine->bytes, 1e9 * roofline_read_gbs(b->roofline));
}

/* Something to time; `ready` (may be NULL) runs before the clock starts. */
struct subject {
	void (*ready)(struct bench *b, void *ctx);
	int (*once)(struct bench *b, void *ctx);
	void *ctx;
};

/* Times one thing until its share of the time is spent. */
static int measure(struct bench *b, struct bench_times *times, const struct subject *subject)
{
	double begin = now();
	double last_roofline = 0;

	times->seconds = malloc(MAX_TIMES * sizeof(double));
	if (!times->seconds)
		return -ENOMEM;
	while (times->n < MAX_TIMES) {
		double start = now();
		if (times->n >= MIN_TIMES && start - begin >= b->options->seconds)
			break;
		if (start - last_roofline > roofline_interval_s) {
			measure_machine(b);
			last_roofline = now();
		}
		if (subject->ready)
			subject->ready(b, subject->ctx);
		start = now();
		int error = subject->once(b, subject->ctx);
		if (error)
			return error;
		times->seconds[times->n++] = now() - start;
	}
	summarize(times);
	return 0;
}

static void push(struct bench *b, struct feed *feed, size_t i)
{
	while (!acoustic_stream_ready(feed->streams[i])) {
		size_t left = b->n_samples - feed->position[i];
		feed->position[i] += acoustic_stream_push(feed->streams[i],
							  b->samples + feed->position[i], left);
		if (feed->position[i] == b->n_samples)
			feed->position[i] = 0;
	}
}

/* The samples are there when the clock starts. */
static void fill(struct bench *b, void *ctx)
{
	struct feed *feed = ctx;

	for (size_t i = 0; i < feed->n; i++)
		push(b, feed, i);
}

static void feed_close(struct feed *feed)
{
	acoustic_batch_destroy(feed->batch);
	for (size_t i = 0; i < feed->n; i++)
		acoustic_stream_destroy(feed->streams[i]);
}

/* Opens the streams of a row and steps them until their left context is full. */
static int feed_open(struct bench *b, size_t row, struct feed *feed)
{
	const struct window *window = &b->windows[row];
	size_t streams = b->streams[row];
	struct acoustic_stream_params params = {
		.left = window->left,
		.chunk = window->chunk,
		.right = window->right,
		.adapter = b->model.adapter,
	};

	memset(feed, 0, sizeof(*feed));
	int error = 0;
	while (feed->n < streams && !error) {
		error = acoustic_stream_create(b->model.acoustic, &params, &feed->streams[feed->n]);
		/* Streams do not all have the same thing to do at the same time. */
		feed->position[feed->n] = feed->n * b->n_samples / streams;
		feed->n += !error;
	}
	if (!error)
		error = acoustic_batch_create(b->model.acoustic, feed->n,
					      (size_t)(window->chunk + window->right),
					      (size_t)window->left, &feed->batch);
	if (error) {
		log_error("no memory for %zu streams of %ld:%ld:%ld", streams, window->left,
			  window->chunk, window->right);
		feed_close(feed);
		return error;
	}
	for (long frames = 0; frames < window->left + window->chunk; frames += window->chunk) {
		fill(b, feed);
		acoustic_step(feed->batch, feed->streams, feed->n);
	}
	return 0;
}

static int step_once(struct bench *b, void *ctx)
{
	struct feed *feed = ctx;

	(void)b;
	acoustic_step(feed->batch, feed->streams, feed->n);
	return 0;
}

static int measure_steps(struct bench *b, size_t row, struct bench_times *times)
{
	struct feed feed;

	int error = feed_open(b, row, &feed);
	if (error)
		return error;
	error = measure(b, times,
			&(struct subject){.ready = fill, .once = step_once, .ctx = &feed});
	feed_close(&feed);
	return error;
}

static int offline_once(struct bench *b, void *ctx)
{
	return tool_model_run(&b->model, b->offline, b->samples, *(const size_t *)ctx, NULL);
}

static int measure_memory(struct bench *b, struct bench_type *type)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		struct feed feed;
		int error = feed_open(b, i, &feed);
		if (error)
			return error;
		type->rows[i].peak_bytes = memory_peak_bytes();
		feed_close(&feed);
	}
	int error = acoustic_offline_create(b->model.acoustic, b->n_samples, &b->offline);
	if (!error)
		error = offline_once(b, &b->n_samples);
	type->offline_peak_bytes = memory_peak_bytes();
	return error;
}

static int measure_speed(struct bench *b, struct bench_type *type)
{
	const struct model_config *config = b->model.config;
	size_t window = bench_window_samples(config);
	size_t offline = OFFLINE_SECONDS * config->sampling_rate;

	int error = roofline_create(kernels_get(), b->model.pool, &b->roofline);
	if (error)
		log_error("no memory to measure this machine");
	for (size_t i = 0; i < b->n_rows && !error; i++)
		error = measure_steps(b, i, &type->rows[i].times);
	if (!error)
		error = measure(b, &type->window,
				&(struct subject){.once = offline_once, .ctx = &window});
	if (!error)
		error = measure(b, &type->offline,
				&(struct subject){.once = offline_once, .ctx = &offline});
	return error;
}

/* What every type is measured with; needs a loaded model. */
static int prepare(struct bench *b)
{
	const struct options *options = b->options;
	const struct model_config *config = b->model.config;
	const struct window recommended = {config->left, config->chunk, config->right};
	long longest = (long)config_frames(config, LONGEST_SECONDS * config->sampling_rate);
	size_t n = options->n_windows > 0 ? options->n_windows : 1;
	size_t counts = options->n_stream_counts > 0 ? options->n_stream_counts : 1;

	b->n_rows = n * counts;
	b->n_samples = LONGEST_SECONDS * config->sampling_rate;
	b->samples = malloc(b->n_samples * sizeof(float));
	if (!b->samples)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_rows; i++) {
		struct window *window = &b->windows[i];
		*window = options->n_windows > 0 ? options->windows[i / counts] : recommended;
		b->streams[i] = options->n_stream_counts > 0 ? options->stream_counts[i % counts]
							     : options->streams;
		if (window->left < 0)
			window->left = longest;
		if (window->chunk < 0)
			window->chunk = longest;
	}
	uint32_t noise = 1;
	for (size_t i = 0; i < b->n_samples; i++) {
		noise = noise * 1664525U + 1013904223U;
		b->samples[i] = ((float)(noise >> 8) * 0x1p-24F - 0.5F) * 0.2F;
	}
	return 0;
}

static void close_model(struct bench *b)
{
	roofline_destroy(b->roofline);
	acoustic_offline_destroy(b->offline);
	tool_model_close(&b->model);
	b->roofline = NULL;
	b->offline = NULL;
}

/* The last type's model stays open: the report asks for its shapes. */
static int measure_type(struct bench *b, enum weight_type type)
{
	struct bench_type *result = &b->types[b->n_types++];
	struct options options = *b->options;

	close_model(b);
	memory_forget_peak();
	options.weights = type;
	double start = now();
	int error = tool_model_open(&options, TOOL_MODEL_NETWORK, &b->model);
	result->load_seconds = now() - start;
	if (!error && !b->samples)
		error = prepare(b);
	if (!error) {
		result->type = acoustic_model_weights(b->model.acoustic);
		result->weights_bytes = acoustic_model_bytes(b->model.acoustic);
		error = measure_memory(b, result);
	}
	return error ? error : measure_speed(b, result);
}

static void finish(struct bench *b)
{
	close_model(b);
	for (size_t t = 0; t < b->n_types; t++) {
		for (size_t i = 0; i < b->n_rows; i++)
			free(b->types[t].rows[i].times.seconds);
		free(b->types[t].window.seconds);
		free(b->types[t].offline.seconds);
	}
	free(b->samples);
}

static int run(const struct options *options)
{
	struct bench *b = calloc(1, sizeof(*b));
	enum weight_type first = options->weights, last = options->weights;
	int error = 0;

	if (!b)
		return EXIT_FAILED;
	b->options = options;
	if (options->weights == WEIGHT_AUTO) {
		first = WEIGHT_F32;
		/* Without vector kernels the other types are the specification's. */
		last = kernels_get()->prefers_blas ? WEIGHT_F32 : WEIGHT_INT4;
	}
	for (int type = first; type <= (int)last && !error; type++)
		error = measure_type(b, (enum weight_type)type);
	if (!error)
		bench_report(b);
	finish(b);
	free(b);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command bench_command = {
	.name = "bench",
	.arguments = "DIR [options]",
	.summary = "Measures the speed and memory of a model on this machine.",
	.min_arguments = 1,
	.max_arguments = 1,
	.options = OPTION_JSON | OPTION_LANG | OPTION_WINDOWS | OPTION_THREADS | OPTION_WEIGHTS |
		   OPTION_STREAMS | OPTION_SECONDS,
	.streams = 1,
	.run = run,
};
