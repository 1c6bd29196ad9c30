/*
 * What `heard-model bench` has measured: bench.c measures, bench_report.c prints.
 */
#ifndef HEARD_TOOLS_BENCH_H
#define HEARD_TOOLS_BENCH_H

#include "core/base/weight_type.h"
#include "tools/bound.h"
#include "tools/options.h"
#include "tools/tool_model.h"

#include <stddef.h>

struct acoustic_offline;
struct roofline;

enum {
	OFFLINE_SECONDS = 10,
	WINDOW_FRAMES = 32, /* of the window without cache */
	BENCH_MAX_ROWS = OPTIONS_MAX_WINDOWS * OPTIONS_MAX_COUNTS,
};

/* Timings of one thing. */
struct bench_times {
	double *seconds; /* owned */
	size_t n;
	double best, p50, p99;
};

struct bench_row {
	struct bench_times times;
	size_t peak_bytes;
};

/* With one type of weights. */
struct bench_type {
	enum weight_type type;
	double load_seconds;
	size_t weights_bytes;
	struct bench_row rows[BENCH_MAX_ROWS];
	struct bench_times window; /* WINDOW_FRAMES offline */
	struct bench_times offline;
	size_t offline_peak_bytes;
};

struct bench {
	const struct options *options;
	struct tool_model model;          /* owned; the type that is being measured */
	struct acoustic_offline *offline; /* owned, likewise */
	struct roofline *roofline;        /* owned, likewise */
	float *samples;                   /* owned, noise */
	size_t n_samples;
	struct window windows[BENCH_MAX_ROWS]; /* of each row */
	size_t streams[BENCH_MAX_ROWS];        /* likewise */
	size_t n_rows;
	struct bench_type types[WEIGHT_TYPES];
	size_t n_types;
	struct machine machine; /* the best of what was seen */
};

static inline size_t bench_window_samples(const struct model_config *config)
{
	return (WINDOW_FRAMES - 1) * config->hop + config->field;
}

/* On standard output: tables, or with --json one object for each type and window. */
void bench_report(const struct bench *b);

#endif
