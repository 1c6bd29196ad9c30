/*
 * `heard-model bench`: how fast the model runs here, on synthetic samples.
 * Speed does not depend on what they are, nor on what the weights are.
 *
 * Memory is looked at first: measuring what the machine can do takes a buffer
 * that would count. The machine is measured again and again between the
 * timings, so that a busy neighbour slows both down.
 */
#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"
#include "core/kernels/roofline.h"
#include "tools/bound.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/memory.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	OFFLINE_SECONDS = 10,
	LONGEST_SECONDS = 30, /* of the offline pass: what unlimited contexts are capped at */
	WINDOW_FRAMES = 32,   /* of the window without cache */
	MIN_TIMES = 5,
	MAX_TIMES = 10000,
	MAX_STREAMS_A_STEP = 64,
};

static const double roofline_interval_s = 0.5;

/* Timings of one thing, with the machine's speed in the same run. */
struct times {
	double *seconds; /* owned, [MAX_TIMES] */
	size_t n;
	double best, p50, p99;
};

struct row {
	struct window window;
	struct times times;
	size_t peak_bytes;
};

struct bench {
	const struct options *options;
	struct tool_model model;
	struct acoustic_offline *offline; /* owned */
	struct roofline *roofline;        /* owned */
	float *samples;                   /* owned, LONGEST_SECONDS of noise */
	size_t n_samples;
	struct row rows[OPTIONS_MAX_WINDOWS];
	size_t n_rows;
	struct times window; /* WINDOW_FRAMES offline */
	struct times offline_times;
	size_t offline_peak_bytes;
};

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

static void summarize(struct times *times)
{
	qsort(times->seconds, times->n, sizeof(double), compare);
	times->best = times->seconds[0];
	times->p50 = times->seconds[times->n / 2];
	times->p99 = times->seconds[(times->n - 1) * 99 / 100];
}

/* Something to time; `ready` (may be NULL) runs before the clock starts. */
struct subject {
	void (*ready)(struct bench *b, void *ctx);
	int (*once)(struct bench *b, void *ctx);
	void *ctx;
};

/* Times one thing until its share of the time is spent. */
static int measure(struct bench *b, struct times *times, const struct subject *subject)
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
			roofline_measure(b->roofline);
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
static int feed_open(struct bench *b, const struct window *window, struct feed *feed)
{
	struct acoustic_stream_params params = {
		.left = window->left,
		.chunk = window->chunk,
		.right = window->right,
		.adapter = b->model.adapter,
	};

	memset(feed, 0, sizeof(*feed));
	int error = 0;
	while (feed->n < b->options->streams && !error) {
		error = acoustic_stream_create(b->model.acoustic, &params, &feed->streams[feed->n]);
		/* Streams do not all have the same thing to do at the same time. */
		feed->position[feed->n] = feed->n * b->n_samples / b->options->streams;
		feed->n += !error;
	}
	if (!error)
		error = acoustic_batch_create(b->model.acoustic, feed->n,
					      (size_t)(window->chunk + window->right),
					      (size_t)window->left, &feed->batch);
	if (error) {
		log_error("no memory for %zu streams of %ld:%ld:%ld", b->options->streams,
			  window->left, window->chunk, window->right);
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

static int measure_steps(struct bench *b, struct row *row)
{
	struct feed feed;

	int error = feed_open(b, &row->window, &feed);
	if (error)
		return error;
	error = measure(b, &row->times,
			&(struct subject){.ready = fill, .once = step_once, .ctx = &feed});
	feed_close(&feed);
	return error;
}

static int offline_once(struct bench *b, void *ctx)
{
	return tool_model_run(&b->model, b->offline, b->samples, *(const size_t *)ctx, NULL);
}

static int measure_memory(struct bench *b)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		struct feed feed;
		int error = feed_open(b, &b->rows[i].window, &feed);
		if (error)
			return error;
		b->rows[i].peak_bytes = memory_peak_bytes();
		feed_close(&feed);
	}
	int error = acoustic_offline_create(b->model.acoustic, b->n_samples, &b->offline);
	if (!error)
		error = offline_once(b, &b->n_samples);
	b->offline_peak_bytes = memory_peak_bytes();
	return error;
}

static int measure_speed(struct bench *b)
{
	const struct model_config *config = b->model.config;
	size_t window = (WINDOW_FRAMES - 1) * config->hop + config->field;
	size_t offline = OFFLINE_SECONDS * config->sampling_rate;

	int error = roofline_create(kernels_get(), b->model.pool, &b->roofline);
	if (error)
		log_error("no memory to measure this machine");
	for (size_t i = 0; i < b->n_rows && !error; i++)
		error = measure_steps(b, &b->rows[i]);
	if (!error)
		error = measure(b, &b->window,
				&(struct subject){.once = offline_once, .ctx = &window});
	if (!error)
		error = measure(b, &b->offline_times,
				&(struct subject){.once = offline_once, .ctx = &offline});
	return error;
}

static int prepare(struct bench *b)
{
	const struct options *options = b->options;
	size_t n = options->n_windows;

	int error = tool_model_open(options, TOOL_MODEL_NETWORK, &b->model);
	if (error)
		return error;
	const struct model_config *config = b->model.config;
	const struct window recommended = {config->left, config->chunk, config->right};
	long longest = (long)config_frames(config, LONGEST_SECONDS * config->sampling_rate);

	b->n_rows = n > 0 ? n : 1;
	b->n_samples = LONGEST_SECONDS * config->sampling_rate;
	b->samples = malloc(b->n_samples * sizeof(float));
	if (!b->samples)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_rows; i++) {
		struct window *window = &b->rows[i].window;
		*window = n > 0 ? options->windows[i] : recommended;
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

static double rtf(const struct bench *b, const struct row *row)
{
	return row->times.p50 / tool_model_seconds(&b->model, (size_t)row->window.chunk);
}

static double offline_rtf(const struct bench *b)
{
	return b->offline_times.p50 / OFFLINE_SECONDS;
}

static size_t head_width(const struct bench *b)
{
	return b->model.config->head == HEAD_CTC ? b->model.width : 0;
}

static struct machine machine(const struct bench *b)
{
	return (struct machine){
		.flops = 1e9 * roofline_gflops(b->roofline),
		.bytes = 1e9 * roofline_read_gbs(b->roofline),
	};
}

static double window_bound(const struct bench *b)
{
	const struct model_config *config = b->model.config;
	struct machine m = machine(b);

	return bound_utterance(config, head_width(b),
			       (WINDOW_FRAMES - 1) * config->hop + config->field, &m);
}

static double offline_bound(const struct bench *b)
{
	struct machine m = machine(b);

	return bound_utterance(b->model.config, head_width(b),
			       OFFLINE_SECONDS * b->model.config->sampling_rate, &m);
}

static double step_bound(const struct bench *b, const struct row *row)
{
	struct machine m = machine(b);

	return bound_step(b->model.config, head_width(b), &row->window, b->options->streams, &m);
}

static void json_times(struct json_out *json, const char *key, const struct times *times)
{
	json_begin_object(json, key);
	json_number(json, "p50", 1e3 * times->p50, 6);
	json_number(json, "p99", 1e3 * times->p99, 6);
	json_number(json, "best", 1e3 * times->best, 6);
	json_end_object(json);
}

static void print_json(const struct bench *b, const struct row *row)
{
	struct json_out json = {.file = stdout};
	double bound = step_bound(b, row);

	json_begin_object(&json, NULL);
	json_string(&json, "model", b->options->arguments[0]);
	json_string(&json, "weights", "f32");
	json_string(&json, "kernels", kernels_get()->name);
	json_integer(&json, "threads", pool_threads(b->model.pool));
	json_integer(&json, "streams", (long long)b->options->streams);
	json_integer(&json, "L", row->window.left);
	json_integer(&json, "C", row->window.chunk);
	json_integer(&json, "R", row->window.right);
	json_integer(&json, "steps", (long long)row->times.n);
	json_times(&json, "step_ms", &row->times);
	json_number(&json, "rtf", rtf(b, row), 5);
	json_number(&json, "roofline_ms", 1e3 * bound, 6);
	json_number(&json, "roofline_share", bound / row->times.p50, 4);
	json_times(&json, "window_ms", &b->window);
	json_number(&json, "window_roofline_ms", 1e3 * window_bound(b), 6);
	json_number(&json, "offline_rtf", offline_rtf(b), 5);
	json_number(&json, "offline_roofline_rtf", offline_bound(b) / OFFLINE_SECONDS, 5);
	json_integer(&json, "peak_rss_bytes", (long long)row->peak_bytes);
	json_integer(&json, "offline_peak_rss_bytes", (long long)b->offline_peak_bytes);
	json_integer(&json, "weights_bytes", (long long)acoustic_model_bytes(b->model.acoustic));
	json_number(&json, "peak_gflops", roofline_gflops(b->roofline), 5);
	json_number(&json, "read_gbs", roofline_read_gbs(b->roofline), 4);
	json_end_object(&json);
	json_newline(&json);
}

static void print_text(const struct bench *b)
{
	printf("%s, f32, kernels %s, threads %u; this machine: %.0f GFLOP/s, %.1f GB/s\n",
	       b->options->arguments[0], kernels_get()->name, pool_threads(b->model.pool),
	       roofline_gflops(b->roofline), roofline_read_gbs(b->roofline));
	printf("%-16s %8s %8s %8s %8s %8s %7s %9s\n", "step L:C:R", "streams", "p50 ms", "p99 ms",
	       "rtf", "bound ms", "share", "peak MB");
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct row *row = &b->rows[i];
		double bound = step_bound(b, row);
		char name[64];
		snprintf(name, sizeof(name), "%ld:%ld:%ld", row->window.left, row->window.chunk,
			 row->window.right);
		printf("%-16s %8zu %8.1f %8.1f %8.3f %8.1f %6.0f%% %9.0f\n", name,
		       b->options->streams, 1e3 * row->times.p50, 1e3 * row->times.p99, rtf(b, row),
		       1e3 * bound, 1e2 * bound / row->times.p50, (double)row->peak_bytes / 1e6);
	}
	printf("%-16s %8s %8.1f %8.1f %8.3f %8.1f %6.0f%%\n", "32 frames alone", "1",
	       1e3 * b->window.p50, 1e3 * b->window.p99,
	       b->window.p50 / tool_model_seconds(&b->model, WINDOW_FRAMES / 2),
	       1e3 * window_bound(b), 1e2 * window_bound(b) / b->window.p50);
	printf("%-16s %8s %8.1f %8.1f %8.3f %8.1f %6.0f%% %9.0f\n", "10 s offline", "1",
	       1e3 * b->offline_times.p50, 1e3 * b->offline_times.p99, offline_rtf(b),
	       1e3 * offline_bound(b), 1e2 * offline_bound(b) / b->offline_times.p50,
	       (double)b->offline_peak_bytes / 1e6);
}

static int run(const struct options *options)
{
	struct bench b = {.options = options};

	int error = prepare(&b);
	if (!error)
		error = measure_memory(&b);
	if (!error)
		error = measure_speed(&b);
	if (!error && !options->json)
		print_text(&b);
	for (size_t i = 0; i < b.n_rows && !error && options->json; i++)
		print_json(&b, &b.rows[i]);

	for (size_t i = 0; i < b.n_rows; i++)
		free(b.rows[i].times.seconds);
	free(b.window.seconds);
	free(b.offline_times.seconds);
	free(b.samples);
	roofline_destroy(b.roofline);
	acoustic_offline_destroy(b.offline);
	tool_model_close(&b.model);
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
	.run = run,
};
