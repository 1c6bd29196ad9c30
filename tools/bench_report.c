#include "core/base/log.h"
#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"
#include "tools/bench.h"
#include "tools/json_out.h"

#include <stdio.h>

static size_t head_width(const struct bench *b)
{
	return b->model.config->head == HEAD_CTC ? b->model.width : 0;
}

static struct machine machine_for(const struct bench *b, const struct bench_type *type)
{
	struct machine machine = b->machine;

	machine.weights = type->type;
	return machine;
}

static double step_bound(const struct bench *b, const struct bench_type *type, size_t row)
{
	struct machine machine = machine_for(b, type);

	return bound_step(b->model.config, head_width(b), &b->windows[row], b->streams[row],
			  &machine);
}

static double utterance_bound(const struct bench *b, const struct bench_type *type, size_t samples)
{
	struct machine machine = machine_for(b, type);

	return bound_utterance(b->model.config, head_width(b), samples, &machine);
}

static double window_bound(const struct bench *b, const struct bench_type *type)
{
	return utterance_bound(b, type, bench_window_samples(b->model.config));
}

static double offline_bound(const struct bench *b, const struct bench_type *type)
{
	return utterance_bound(b, type, OFFLINE_SECONDS * b->model.config->sampling_rate);
}

/* Of the audio that a step commits. */
static double step_rtf(const struct bench *b, const struct bench_type *type, size_t row)
{
	return type->rows[row].times.p50 /
	       tool_model_seconds(&b->model, (size_t)b->windows[row].chunk);
}

/* How many streams a core keeps up with, when so many are stepped together. */
static double streams_per_core(const struct bench *b, const struct bench_type *type, size_t row)
{
	return (double)b->streams[row] / step_rtf(b, type, row) / pool_threads(b->model.pool);
}

static void json_times(struct json_out *json, const char *key, const struct bench_times *times)
{
	json_begin_object(json, key);
	json_number(json, "p50", 1e3 * times->p50, 6);
	json_number(json, "p99", 1e3 * times->p99, 6);
	json_number(json, "best", 1e3 * times->best, 6);
	json_end_object(json);
}

static void print_json(const struct bench *b, const struct bench_type *type, size_t row)
{
	struct json_out json = {.file = stdout};
	double bound = step_bound(b, type, row);

	json_begin_object(&json, NULL);
	json_string(&json, "model", b->options->arguments[0]);
	json_string(&json, "weights", weight_type_name(type->type));
	json_string(&json, "kernels", kernels_for_weights(kernels_get(), type->type));
	json_integer(&json, "threads", pool_threads(b->model.pool));
	json_integer(&json, "streams", (long long)b->streams[row]);
	json_integer(&json, "L", b->windows[row].left);
	json_integer(&json, "C", b->windows[row].chunk);
	json_integer(&json, "R", b->windows[row].right);
	json_integer(&json, "steps", (long long)type->rows[row].times.n);
	json_times(&json, "step_ms", &type->rows[row].times);
	json_number(&json, "rtf", step_rtf(b, type, row), 5);
	json_number(&json, "streams_per_core", streams_per_core(b, type, row), 5);
	json_number(&json, "roofline_ms", 1e3 * bound, 6);
	json_number(&json, "roofline_share", bound / type->rows[row].times.p50, 4);
	json_times(&json, "window_ms", &type->window);
	json_number(&json, "window_roofline_ms", 1e3 * window_bound(b, type), 6);
	json_number(&json, "offline_rtf", type->offline.p50 / OFFLINE_SECONDS, 5);
	json_number(&json, "offline_roofline_rtf", offline_bound(b, type) / OFFLINE_SECONDS, 5);
	json_integer(&json, "peak_rss_bytes", (long long)type->rows[row].peak_bytes);
	json_integer(&json, "offline_peak_rss_bytes", (long long)type->offline_peak_bytes);
	json_integer(&json, "weights_bytes", (long long)type->weights_bytes);
	json_number(&json, "load_ms", 1e3 * type->load_seconds, 5);
	json_number(&json, "peak_gflops", 1e-9 * b->machine.ops[WEIGHT_F32], 5);
	json_number(&json, "peak_gops", 1e-9 * b->machine.ops[type->type], 5);
	json_number(&json, "read_gbs", 1e-9 * b->machine.bytes, 4);
	json_end_object(&json);
	json_newline(&json);
}

/* What every line of a table begins with. */
static void print_times(const char *name, const struct bench_type *type,
			const struct bench_times *times, double seconds, double bound)
{
	printf("%-16s %-8s %8.1f %8.1f %8.3f %8.1f %6.0f%%", name, weight_type_name(type->type),
	       1e3 * times->p50, 1e3 * times->p99, times->p50 / seconds, 1e3 * bound,
	       1e2 * bound / times->p50);
}

static void print_text(const struct bench *b)
{
	printf("%s, %s, %u threads\nthis machine: f32 %.0f, bf16 %.0f, int8 %.0f "
	       "GOP/s, %.1f GB/s\n\n",
	       b->options->arguments[0], kernels_get()->name, pool_threads(b->model.pool),
	       1e-9 * b->machine.ops[WEIGHT_F32], 1e-9 * b->machine.ops[WEIGHT_BF16],
	       1e-9 * b->machine.ops[WEIGHT_INT8], 1e-9 * b->machine.bytes);
	printf("%-16s %-8s %8s %8s %8s %8s %7s %9s %12s\n", "step L:C:R", "weights", "p50 ms",
	       "p99 ms", "rtf", "bound ms", "share", "peak MB", "streams/core");
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct window *window = &b->windows[i];
		char name[64];

		snprintf(name, sizeof(name), "%ld:%ld:%ld x%zu", window->left, window->chunk,
			 window->right, b->streams[i]);
		for (size_t t = 0; t < b->n_types; t++) {
			const struct bench_type *type = &b->types[t];
			print_times(name, type, &type->rows[i].times,
				    tool_model_seconds(&b->model, (size_t)window->chunk),
				    step_bound(b, type, i));
			printf(" %9.0f %12.1f\n", (double)type->rows[i].peak_bytes / 1e6,
			       streams_per_core(b, type, i));
		}
	}
	for (size_t t = 0; t < b->n_types; t++) {
		const struct bench_type *type = &b->types[t];
		print_times("32 frames alone", type, &type->window,
			    tool_model_seconds(&b->model, WINDOW_FRAMES / 2),
			    window_bound(b, type));
		printf("\n");
	}
	for (size_t t = 0; t < b->n_types; t++) {
		const struct bench_type *type = &b->types[t];
		print_times("10 s offline", type, &type->offline, OFFLINE_SECONDS,
			    offline_bound(b, type));
		printf(" %9.0f\n", (double)type->offline_peak_bytes / 1e6);
	}
	for (size_t t = 0; t < b->n_types; t++) {
		const struct bench_type *type = &b->types[t];
		printf("%-16s %-8s %8.0f ms %6.0f MB of weights, %s\n", "loading",
		       weight_type_name(type->type), 1e3 * type->load_seconds,
		       (double)type->weights_bytes / 1e6,
		       kernels_for_weights(kernels_get(), type->type));
	}
}

void bench_report(const struct bench *b)
{
	if (!b->options->json)
		print_text(b);
	for (size_t i = 0; i < b->n_rows && b->options->json; i++) {
		for (size_t t = 0; t < b->n_types; t++)
			print_json(b, &b->types[t], i);
	}
}
