#include "core/kernels/roofline.h"

#include "core/base/arena.h"
#include "core/kernels/kernels.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BUFFER_BYTES = 256 << 20,
	/* A piece takes about a millisecond, which a shared machine often leaves
	 * one alone for; its tasks are small, so that a slow core takes fewer. */
	PIECES = 8,
	PIECE_BYTES = BUFFER_BYTES / PIECES,
	READ_TASK_BYTES = 256 << 10,
	READ_TASKS = PIECE_BYTES / READ_TASK_BYTES,
	FMA_TASKS_A_THREAD = 8,
	FMA_ROUNDS = 30000,
	C_FMA_ROUNDS = 2000, /* the C table computes slowly */
};

struct roofline {
	const struct kernels *kernels; /* borrowed */
	struct pool *pool;             /* borrowed */
	struct arena arena;            /* owned: buffer and sinks */
	const float *buffer;           /* [BUFFER_BYTES / 4], in arena */
	const float *piece;            /* the part of the buffer that is being read */
	float *sinks;                  /* [threads][16], in arena: keeps results in use */
	size_t rounds;
	const struct microkernel *micro; /* whose probe runs */
	size_t micro_rounds;
	double gflops, read_gbs;
	double gops[WEIGHT_TYPES]; /* of the types that have a probe */
};

int roofline_create(const struct kernels *kernels, struct pool *pool, struct roofline **out)
{
	struct roofline *roofline = calloc(1, sizeof(*roofline));

	*out = NULL;
	if (roofline == NULL)
		return -ENOMEM;
	roofline->kernels = kernels;
	roofline->pool = pool;
	roofline->rounds = kernels->prefers_blas ? C_FMA_ROUNDS : FMA_ROUNDS;
	size_t sink_bytes = pool_threads(pool) * PANEL * sizeof(float);
	int result = arena_init(&roofline->arena, BUFFER_BYTES + sink_bytes + ARENA_ALIGNMENT);
	if (result < 0) {
		free(roofline);
		return result;
	}
	float *buffer = arena_alloc(&roofline->arena, BUFFER_BYTES);
	roofline->sinks = arena_alloc(&roofline->arena, sink_bytes);
	if (buffer == NULL || roofline->sinks == NULL) {
		roofline_destroy(roofline);
		return -ENOMEM;
	}
	/* Untouched pages would all be the same one. */
	memset(buffer, 0, BUFFER_BYTES);
	roofline->buffer = buffer;
	*out = roofline;
	return 0;
}

void roofline_destroy(struct roofline *roofline)
{
	if (roofline == NULL)
		return;
	arena_finish(&roofline->arena);
	free(roofline);
}

static void multiply_add(void *ctx, size_t task, unsigned worker)
{
	struct roofline *roofline = ctx;

	(void)task;
	roofline->sinks[worker * PANEL] += roofline->kernels->probe_fma(roofline->rounds);
}

static void multiply_codes(void *ctx, size_t task, unsigned worker)
{
	struct roofline *roofline = ctx;

	(void)task;
	roofline->sinks[worker * PANEL] += roofline->micro->probe(roofline->micro_rounds);
}

static void read_buffer(void *ctx, size_t task, unsigned worker)
{
	struct roofline *roofline = ctx;
	const size_t floats = READ_TASK_BYTES / sizeof(float);

	roofline->sinks[worker * PANEL] +=
		roofline->kernels->probe_read(roofline->piece + task * floats, floats);
}

static double seconds_of(struct roofline *roofline, size_t tasks, pool_func func)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	pool_run(roofline->pool, tasks, func, roofline);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
}

/* The types whose products have an instruction of their own. */
static void measure_types(struct roofline *roofline, size_t tasks)
{
	for (int type = 0; type < WEIGHT_TYPES; type++) {
		const struct microkernel *micro = roofline->kernels->micro[type];
		const struct microkernel *before = roofline->micro;

		if (micro == NULL || micro->probe == NULL)
			continue;
		if (before != NULL && before->probe == micro->probe) {
			roofline->gops[type] = roofline->gops[before->type];
			continue;
		}
		roofline->micro = micro;
		roofline->micro_rounds = 4 * roofline->rounds * PROBE_FLOPS / micro->probe_ops;
		double ops =
			(double)tasks * (double)roofline->micro_rounds * (double)micro->probe_ops;
		double gops = ops / seconds_of(roofline, tasks, multiply_codes) * 1e-9;
		if (gops > roofline->gops[type])
			roofline->gops[type] = gops;
	}
}

void roofline_measure(struct roofline *roofline)
{
	size_t fma_tasks = FMA_TASKS_A_THREAD * (size_t)pool_threads(roofline->pool);
	double flops = (double)fma_tasks * (double)roofline->rounds * PROBE_FLOPS;

	for (size_t i = 0; i < PIECES; i++) {
		double gflops = flops / seconds_of(roofline, fma_tasks, multiply_add) * 1e-9;
		roofline->piece = roofline->buffer + i * (PIECE_BYTES / sizeof(float));
		double read_gbs =
			PIECE_BYTES / seconds_of(roofline, READ_TASKS, read_buffer) * 1e-9;

		if (gflops > roofline->gflops)
			roofline->gflops = gflops;
		if (read_gbs > roofline->read_gbs)
			roofline->read_gbs = read_gbs;
		roofline->micro = NULL;
		measure_types(roofline, fma_tasks);
	}
}

double roofline_gflops(const struct roofline *roofline)
{
	return roofline->gflops;
}

double roofline_gops(const struct roofline *roofline, enum weight_type type)
{
	return roofline->gops[type] > 0.0 ? roofline->gops[type] : roofline->gflops;
}

double roofline_read_gbs(const struct roofline *roofline)
{
	return roofline->read_gbs;
}
