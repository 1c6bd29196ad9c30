/*
 * Times the matrix products of one step of HuBERT-large (24 layers of 4 x
 * 1024x1024, 4096x1024, 1024x4096; 302 million weights, read from memory) for
 * several numbers of rows, and the products of the other shapes that matter,
 * against the roofline measured in between.
 *
 * "cpu" is the processor time of all threads over their number: the time on a
 * machine that runs nothing else. "parts" adds up the best time of each call over all layers and
 * repetitions. On a machine that is shared with others a whole step is hardly ever left alone, a
 * call of a millisecond often is.
 *
 *   products [-t THREADS] [-n REPETITIONS] [-m ROWS]... [-w TYPE] [-s]
 *
 * -w says how the weights are kept (f32), -s leaves the single shapes out.
 */
#include "core/kernels/kernels.h"
#include "core/kernels/matrix.h"
#include "core/kernels/pool.h"
#include "core/kernels/roofline.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LAYERS = 24, MAX_SIZES = 16, HIDDEN = 1024, INNER = 4096, MAX_ROWS = 2048 };

struct layer {
	const struct matrix *q, *k, *v, *out, *up, *down;
};

struct bench {
	const struct kernels *kernels;
	struct pool *pool;
	struct roofline *roofline;
	struct arena arena;
	struct layer layers[LAYERS];
	float *x, *y, *z, *bias;
	void *scratch;
	size_t scratch_bytes;
	enum weight_type type;
	int repetitions;
	double weight_bytes;  /* of all layers */
	double best_parts[4]; /* s: q k v, out, up, down */
	double best_cpu;      /* s: of a whole repetition, over the threads */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void note_cpu(struct bench *bench, int repetition, double seconds)
{
	seconds /= pool_threads(bench->pool);
	if (repetition == 0 || seconds < bench->best_cpu)
		bench->best_cpu = seconds;
}

static void read_row(const void *ctx, size_t n, float *row)
{
	size_t k = *(const size_t *)ctx;

	for (size_t i = 0; i < k; i++)
		row[i] = (float)((n * 31 + i * 17) % 101) * 1e-3f - 0.05f;
}

static const struct matrix *weights(struct bench *bench, size_t n, size_t k)
{
	const struct matrix *matrix;
	struct matrix_source source = {.n = n, .k = k, .read_row = read_row, .ctx = &k};

	if (matrix_pack(&bench->arena, bench->kernels, &source, bench->type, &matrix) < 0)
		abort();
	return matrix;
}

static void lay_out(struct bench *bench)
{
	size_t floats = (size_t)MAX_ROWS * (INNER + 64);

	for (int i = 0; i < LAYERS; i++) {
		struct layer *layer = &bench->layers[i];
		layer->q = weights(bench, HIDDEN, HIDDEN);
		layer->k = weights(bench, HIDDEN, HIDDEN);
		layer->v = weights(bench, HIDDEN, HIDDEN);
		layer->out = weights(bench, HIDDEN, HIDDEN);
		layer->up = weights(bench, INNER, HIDDEN);
		layer->down = weights(bench, HIDDEN, INNER);
	}
	bench->weight_bytes = (double)bench->arena.used;
	bench->x = arena_alloc_array(&bench->arena, floats, sizeof(float));
	bench->y = arena_alloc_array(&bench->arena, floats, sizeof(float));
	bench->z = arena_alloc_array(&bench->arena, 3 * (size_t)MAX_ROWS * HIDDEN, sizeof(float));
	bench->bias = arena_alloc_array(&bench->arena, INNER, sizeof(float));
	bench->scratch_bytes = products_scratch_bytes(bench->kernels, bench->pool, MAX_ROWS, 8192);
	bench->scratch = arena_alloc(&bench->arena, bench->scratch_bytes);
}

static void run_timed(struct bench *bench, int part, const struct product *products, size_t n)
{
	double start = now();

	products_run(bench->kernels, bench->pool, products, n, bench->scratch,
		     bench->scratch_bytes);
	double seconds = now() - start;
	if (bench->best_parts[part] == 0 || seconds < bench->best_parts[part])
		bench->best_parts[part] = seconds;
}

static void run_step(struct bench *bench, size_t rows)
{
	struct rows narrow = {bench->x, HIDDEN, rows}, wide = {bench->y, INNER, rows};
	struct product narrow_product = {.segments = &narrow,
					 .n_segments = 1,
					 .y = bench->z,
					 .y_stride = HIDDEN,
					 .bias = bench->bias};

	for (int i = 0; i < LAYERS; i++) {
		const struct layer *layer = &bench->layers[i];
		struct product qkv[3] = {narrow_product, narrow_product, narrow_product};

		qkv[0].w = layer->q;
		qkv[1].w = layer->k;
		qkv[2].w = layer->v;
		qkv[1].y += MAX_ROWS * HIDDEN;
		qkv[2].y += 2 * MAX_ROWS * HIDDEN;
		run_timed(bench, 0, qkv, 3);

		struct product out = narrow_product;
		out.w = layer->out;
		out.residual = bench->z;
		out.residual_stride = HIDDEN;
		run_timed(bench, 1, &out, 1);

		struct product up = narrow_product;
		up.w = layer->up;
		up.y = bench->y;
		up.y_stride = INNER;
		up.act = ACTIVATION_GELU;
		run_timed(bench, 2, &up, 1);

		struct product down = out;
		down.w = layer->down;
		down.segments = &wide;
		run_timed(bench, 3, &down, 1);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* `parts` is the sum of the best parts, or 0. */
static void print_result(struct bench *bench, const char *name, double *seconds, double parts,
			 double flops, double bytes)
{
	double peak = roofline_gops(bench->roofline, bench->type) * 1e9;
	double bandwidth = roofline_read_gbs(bench->roofline) * 1e9;
	double bound = flops / peak > bytes / bandwidth ? flops / peak : bytes / bandwidth;

	qsort(seconds, (size_t)bench->repetitions, sizeof(*seconds), compare);
	double best = seconds[0], median = seconds[bench->repetitions / 2];
	/* The least disturbed of what was seen. */
	double fair = best < bench->best_cpu ? best : bench->best_cpu;
	if (parts > 0 && parts < fair)
		fair = parts;
	printf("%-34s %8.2f %8.2f %8.2f %8.2f %7.1f %6.0f %6.0f\n", name, median * 1e3, best * 1e3,
	       bench->best_cpu * 1e3, parts * 1e3, flops / fair * 1e-9, 100 * flops / fair / peak,
	       100 * bound / fair);
}

static void bench_step(struct bench *bench, size_t rows, double *seconds)
{
	const double count = LAYERS * 12.0 * HIDDEN * HIDDEN;
	char name[64];

	memset(bench->best_parts, 0, sizeof(bench->best_parts));
	for (int i = 0; i < bench->repetitions; i++) {
		if (i % 4 == 0)
			roofline_measure(bench->roofline);
		double start = now(), cpu = cpu_now();
		run_step(bench, rows);
		note_cpu(bench, i, cpu_now() - cpu);
		seconds[i] = now() - start;
	}
	snprintf(name, sizeof(name), "HuBERT-large step, %zu rows", rows);
	const double *parts = bench->best_parts;
	print_result(bench, name, seconds, LAYERS * (parts[0] + parts[1] + parts[2] + parts[3]),
		     2 * count * (double)rows, bench->weight_bytes);
	printf("    us a layer: q k v %.0f, out %.0f, up %.0f, down %.0f\n", parts[0] * 1e6,
	       parts[1] * 1e6, parts[2] * 1e6, parts[3] * 1e6);
}

/* One product, its weights in the cache after the first time. */
static void bench_shape(struct bench *bench, const char *name, size_t rows, size_t n, size_t k,
			size_t stride, int groups, double *seconds)
{
	struct arena kept = bench->arena;
	struct arena arena = {0};
	struct rows input = {bench->x, stride, rows};
	struct product products[16];

	bench->arena = arena;
	(void)weights(bench, n, k);
	size_t bytes = bench->arena.used * (size_t)groups;
	if (arena_init(&arena, bytes) < 0)
		abort();
	bench->arena = arena;
	for (int g = 0; g < groups; g++)
		products[g] = (struct product){.w = weights(bench, n, k),
					       .segments = &input,
					       .n_segments = 1,
					       .y = bench->y + (size_t)g * n,
					       .y_stride = n * (size_t)groups,
					       .bias = bench->bias,
					       .act = ACTIVATION_GELU};
	for (int i = 0; i < bench->repetitions; i++) {
		if (i % 8 == 0)
			roofline_measure(bench->roofline);
		double start = now(), cpu = cpu_now();
		products_run(bench->kernels, bench->pool, products, (size_t)groups, bench->scratch,
			     bench->scratch_bytes);
		note_cpu(bench, i, cpu_now() - cpu);
		seconds[i] = now() - start;
	}
	print_result(bench, name, seconds, 0, 2.0 * (double)rows * (double)n * (double)k * groups,
		     0);
	arena_finish(&bench->arena);
	bench->arena = kept;
}

int main(int argc, char **argv)
{
	size_t sizes[MAX_SIZES] = {8, 16, 32, 64, 128}, n_sizes = 5, given = 0;
	struct bench bench = {.type = WEIGHT_F32, .repetitions = 15};
	unsigned threads = 0;
	bool shapes = true;

	for (int c; (c = getopt(argc, argv, "t:n:m:w:s")) != -1;) {
		if (c == 't')
			threads = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'n' && atoi(optarg) > 0)
			bench.repetitions = atoi(optarg);
		else if (c == 'm' && given < MAX_SIZES && strtoul(optarg, NULL, 10) <= MAX_ROWS)
			n_sizes = given + 1, sizes[given++] = strtoul(optarg, NULL, 10);
		else if (c == 's')
			shapes = false;
		else if (c != 'w' || !weight_type_from_name(optarg, &bench.type) ||
			 bench.type == WEIGHT_AUTO) {
			fprintf(stderr, "usage: products [-t THREADS] [-n REPETITIONS] "
					"[-m ROWS]... [-w f32|f16|bf16|int8|int4] [-s]\n");
			return 2;
		}
	}
	bench.kernels = kernels_get();
	if (pool_create(threads, &bench.pool) < 0 ||
	    roofline_create(bench.kernels, bench.pool, &bench.roofline) < 0)
		return 1;
	lay_out(&bench);
	size_t bytes = bench.arena.used;
	if (arena_init(&bench.arena, bytes) < 0)
		return 1;
	lay_out(&bench);
	for (size_t i = 0; i < (size_t)MAX_ROWS * INNER; i++)
		bench.x[i] = bench.y[i] = (float)(i % 97) * 0.01f - 0.5f;

	double *seconds = calloc((size_t)bench.repetitions, sizeof(double));
	if (seconds == NULL)
		return 1;
	printf("%s, %u threads, %d repetitions\n", bench.kernels->name, pool_threads(bench.pool),
	       bench.repetitions);
	printf("%-34s %8s %8s %8s %8s %7s %6s %6s\n", "milliseconds", "median", "best", "cpu",
	       "parts", "GOP/s", "% peak", "% roof");
	for (size_t i = 0; i < n_sizes; i++)
		bench_step(&bench, sizes[i], seconds);
	if (shapes) {
		bench_shape(&bench, "conv 0: K=10 N=512, 2048 rows", 2048, 512, 10, 5, 1, seconds);
		bench_shape(&bench, "conv 1: K=1536 N=512, 1024 rows", 1024, 512, 1536, 1024, 1,
			    seconds);
		bench_shape(&bench, "conv 5: K=1024 N=512, 32 rows", 32, 512, 1024, 1024, 1,
			    seconds);
		bench_shape(&bench, "positional: 16 x K=8192, 32 rows", 32, 64, 8192, 64, 16,
			    seconds);
		bench_shape(&bench, "positional: 16 x K=8192, 500 rows", 500, 64, 8192, 64, 16,
			    seconds);
		bench_shape(&bench, "head: K=1024 N=32, 32 rows", 32, 32, 1024, 1024, 1, seconds);
		bench_shape(&bench, "offline: K=1024 N=1024, 500 rows", 500, 1024, 1024, 1024, 1,
			    seconds);
	}
	printf("peak %.1f GOP/s, read %.1f GB/s\n", roofline_gops(bench.roofline, bench.type),
	       roofline_read_gbs(bench.roofline));
	free(seconds);
	arena_finish(&bench.arena);
	roofline_destroy(bench.roofline);
	pool_destroy(bench.pool);
	return 0;
}
