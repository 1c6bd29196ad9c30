/* Products against a reference in double precision, for every table that this
 * CPU has, in shapes that nobody wishes for. */
#include "core/base/cpu.h"
#include "core/kernels/kernels.h"
#include "core/kernels/matrix.h"
#include "core/kernels/pool.h"
#include "tests/kernels/guarded.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_SEGMENTS = 6, MAX_TABLES = 8 };

/* Under TSan, fifteen times slower, the threads matter and not every size. An
 * emulated CPU is slower still: HEARD_TEST_FEW says so. */
#if defined(__SANITIZE_THREAD__)
#define EVERY_SIZE 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EVERY_SIZE 0
#endif
#endif
#ifndef EVERY_SIZE
#define EVERY_SIZE 1
#endif

static bool every_size = EVERY_SIZE;
static const struct kernels *tables[MAX_TABLES];
static size_t n_tables;

/* One product with everything that belongs to it. */
struct problem {
	enum weight_type type;
	size_t n, k, rows;
	struct guarded weights; /* [n, k] */
	struct guarded bias, x, y, residual;
	struct rows segments[MAX_SEGMENTS];
	size_t n_segments;
	size_t y_stride;
	struct arena arena;
	const struct matrix *matrix;
	struct product product;
};

static void read_weights(const void *ctx, size_t n, float *row)
{
	const struct problem *problem = ctx;

	memcpy(row, problem->weights.data + n * problem->k, problem->k * sizeof(float));
}

static void pack(struct problem *problem, const struct kernels *kernels, struct pool *pool,
		 int mapped)
{
	struct matrix_source source = {.n = problem->n,
				       .k = problem->k,
				       .read_row = read_weights,
				       .ctx = problem,
				       .pool = pool,
				       .mapped = mapped ? problem->weights.data : NULL};
	struct arena measure = {0};

	assert_int_equal(matrix_pack(&measure, kernels, &source, problem->type, &problem->matrix),
			 0);
	assert_null(problem->matrix);
	assert_int_equal(arena_init(&problem->arena, measure.used), 0);
	assert_int_equal(
		matrix_pack(&problem->arena, kernels, &source, problem->type, &problem->matrix), 0);
	assert_int_equal(problem->arena.used, measure.used);
	assert_int_equal(matrix_rows(problem->matrix), problem->n);
	assert_int_equal(matrix_columns(problem->matrix), problem->k);
	assert_int_equal(matrix_type(problem->matrix), problem->type);
}

/* `counts` are the rows of each segment; all have the same stride. `pool`, or
 * without one the caller alone, packs the weights. */
static void problem_init(struct problem *problem, const struct kernels *kernels, struct pool *pool,
			 enum weight_type type, size_t n, size_t k, size_t stride,
			 const size_t *counts, size_t n_segments)
{
	size_t floats = 0;

	*problem = (struct problem){
		.type = type, .n = n, .k = k, .n_segments = n_segments, .y_stride = n + 3};
	for (size_t i = 0; i < n_segments; i++) {
		problem->rows += counts[i];
		floats += counts[i] > 0 ? (counts[i] - 1) * stride + k : 0;
	}
	guarded_init(&problem->weights, n * k, random_below(16));
	guarded_init(&problem->bias, n, random_below(16));
	guarded_init(&problem->x, floats, random_below(16));
	guarded_init(&problem->y, problem->rows * problem->y_stride, random_below(16));
	guarded_init(&problem->residual, problem->rows * problem->y_stride, random_below(16));
	guarded_fill_random(&problem->weights, 1.0f);
	guarded_fill_random(&problem->bias, 1.0f);
	guarded_fill_random(&problem->x, 1.0f);
	guarded_fill_random(&problem->residual, 1.0f);

	const float *x = problem->x.data;
	for (size_t i = 0; i < n_segments; i++) {
		problem->segments[i] = (struct rows){x, stride, counts[i]};
		x += counts[i] > 0 ? (counts[i] - 1) * stride + k : 0;
	}
	pack(problem, kernels, pool, (int)random_below(2));
	problem->product = (struct product){
		.w = problem->matrix,
		.segments = problem->segments,
		.n_segments = n_segments,
		.y = problem->y.data,
		.y_stride = problem->y_stride,
		.bias = problem->bias.data,
		.act = ACTIVATION_RELU,
		.residual = problem->residual.data,
		.residual_stride = problem->y_stride,
	};
}

static void problem_finish(struct problem *problem)
{
	guarded_finish(&problem->weights);
	guarded_finish(&problem->bias);
	guarded_finish(&problem->x);
	guarded_finish(&problem->y);
	guarded_finish(&problem->residual);
	arena_finish(&problem->arena);
}

static void *scratch_for(const struct kernels *kernels, const struct pool *pool, size_t rows,
			 size_t k, size_t *scratch_bytes)
{
	size_t bytes = products_scratch_bytes(kernels, pool, rows, k);
	void *scratch = aligned_alloc(64, (bytes + 64) & ~(size_t)63);

	assert_non_null(scratch);
	*scratch_bytes = bytes;
	return scratch;
}

/* Of one row of values: the largest magnitude and the sum of all. */
struct size {
	double top, sum;
};

static struct size size_of(const float *values, size_t n)
{
	struct size size = {0};

	for (size_t i = 0; i < n; i++) {
		double magnitude = fabs((double)values[i]);
		size.top = magnitude > size.top ? magnitude : size.top;
		size.sum += magnitude;
	}
	return size;
}

/* How far the weights' type may move the product of x and w: half a step of
 * each value at most (of int4, whose largest values may be clipped, a whole one).
 * `products` is the sum of |x w|. */
static double type_bound(enum weight_type type, const struct size *x, const struct size *w,
			 double products, size_t k)
{
	double x_error = 0.5 * x->top / 127.0, w_error;

	switch (type) {
	case WEIGHT_F16:
		return products * 0x1p-11 + x->sum * 0x1p-25;
	case WEIGHT_BF16:
		return products * 0x1.01p-7; /* some CPUs round both */
	case WEIGHT_INT8:
		w_error = 0.5 * w->top / 127.0;
		break;
	case WEIGHT_INT4:
		w_error = w->top / 7.0;
		break;
	default:
		return 0.0;
	}
	return 1.001 * (w_error * x->sum + x_error * w->sum + (double)k * w_error * x_error);
}

/* Compares y with the double-precision value of every element and looks for
 * writes between the rows. `residual` is what it was before the product. */
static void problem_check(const struct problem *problem, const float *residual)
{
	const struct product *product = &problem->product;
	struct size *columns = malloc(problem->n * sizeof(*columns));
	size_t row = 0;

	assert_non_null(columns);
	for (size_t n = 0; n < problem->n; n++)
		columns[n] = size_of(problem->weights.data + n * problem->k, problem->k);
	for (size_t s = 0; s < problem->n_segments; s++) {
		for (size_t r = 0; r < problem->segments[s].count; r++, row++) {
			const float *x = problem->segments[s].x + r * problem->segments[s].stride;
			const float *y = product->y + row * problem->y_stride;
			const struct size x_size = size_of(x, problem->k);

			for (size_t n = 0; n < problem->n; n++) {
				const float *w = problem->weights.data + n * problem->k;
				double sum = 0.0, peak = 0.0, products = 0.0;

				for (size_t k = 0; k < problem->k; k++) {
					double term = (double)x[k] * w[k];
					sum += term;
					products += fabs(term);
					peak = fabs(sum) > peak ? fabs(sum) : peak;
				}
				if (product->bias)
					sum += product->bias[n];
				if (product->act == ACTIVATION_RELU && sum < 0.0)
					sum = 0.0;
				if (residual)
					sum += residual[row * problem->y_stride + n];
				/* K roundings of partial sums, independent of
				 * each other, with room for the worst of many. */
				double bound =
					FLT_EPSILON * (2 * sqrt((double)problem->k) * peak + 8) +
					type_bound(problem->type, &x_size, &columns[n], products,
						   problem->k);
				if (!(fabs(y[n] - sum) <= bound))
					fail_msg("%s n %zu k %zu row %zu of %zu column %zu: "
						 "%.9g, not %.9g",
						 weight_type_name(problem->type), problem->n,
						 problem->k, row, problem->rows, n, (double)y[n],
						 sum);
			}
			for (size_t n = problem->n;
			     product->y == problem->y.data && n < problem->y_stride; n++)
				assert_true(guarded_is_guard(y[n]));
		}
	}
	free(columns);
	guarded_check(&problem->y, "y");
}

static void check_type(const struct kernels *kernels, struct pool *pool, enum weight_type type,
		       size_t n, size_t k, size_t stride, const size_t *counts, size_t n_segments)
{
	struct problem problem;

	problem_init(&problem, kernels, pool, type, n, k, stride, counts, n_segments);
	size_t scratch_bytes;
	void *scratch = scratch_for(kernels, pool, problem.rows, k, &scratch_bytes);
	products_run(kernels, pool, &problem.product, 1, scratch, scratch_bytes);
	problem_check(&problem, problem.residual.data);

	/* Residual in y itself. */
	for (size_t row = 0; row < problem.rows; row++)
		memcpy(problem.y.data + row * problem.y_stride,
		       problem.residual.data + row * problem.y_stride, n * sizeof(float));
	problem.product.residual = problem.y.data;
	products_run(kernels, pool, &problem.product, 1, scratch, scratch_bytes);
	problem_check(&problem, problem.residual.data);

	/* Nothing but the sums. */
	problem.product.bias = NULL;
	problem.product.act = ACTIVATION_LINEAR;
	problem.product.residual = NULL;
	products_run(kernels, pool, &problem.product, 1, scratch, scratch_bytes);
	problem_check(&problem, NULL);
	free(scratch);
	problem_finish(&problem);
}

/* An earlier table multiplies this type with the same code. */
static bool seen_before(const struct kernels *kernels, enum weight_type type)
{
	for (size_t t = 0; t < n_tables && tables[t] != kernels; t++) {
		if (tables[t]->micro[type] == kernels->micro[type] &&
		    tables[t]->finish == kernels->finish)
			return true;
	}
	return false;
}

static void check_shape(const struct kernels *kernels, struct pool *pool, size_t n, size_t k,
			size_t stride, const size_t *counts, size_t n_segments)
{
	size_t rows = 0;

	for (size_t i = 0; i < n_segments; i++)
		rows += counts[i];
	for (int type = WEIGHT_F32; type < WEIGHT_TYPES; type++) {
		if (seen_before(kernels, (enum weight_type)type))
			continue;
		/* The specification takes its time. */
		if (type != WEIGHT_F32 && kernels == tables[0] && n * k * rows > 20000)
			continue;
		check_type(kernels, pool, (enum weight_type)type, n, k, stride, counts, n_segments);
	}
}

static void test_shapes(void **state)
{
	static const size_t ns[] = {1, 4, 15, 16, 17, 31, 32, 33, 48, 64, 100};
	static const size_t ks[] = {1, 2, 7, 10, 16, 33, 128, 1023, 1024, 1025, 2100};

	(void)state;
	if (!every_size)
		skip();
	random_seed(1);
	for (size_t t = 0; t < n_tables; t++) {
		struct pool *pool;

		assert_int_equal(pool_create(2, &pool), 0);
		for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
			for (size_t j = 0; j < sizeof(ks) / sizeof(ks[0]); j++) {
				size_t counts[] = {1 + random_below(40)};
				check_shape(tables[t], pool, ns[i], ks[j], ks[j] + random_below(3),
					    counts, 1);
			}
		}
		pool_destroy(pool);
	}
}

static void test_overlapping_rows(void **state)
{
	(void)state;
	random_seed(2);
	for (size_t t = 0; t < n_tables; t++) {
		struct pool *pool;

		assert_int_equal(pool_create(3, &pool), 0);
		/* Positional convolution of a group, first and second layer of the
		 * encoder, tiny groups of a test model. */
		size_t taps = every_size ? 128 : 17, seconds = every_size ? 7 : 1;
		check_shape(tables[t], pool, 64, 64 * taps, 64, (size_t[]){33}, 1);
		check_shape(tables[t], pool, 64, 64 * taps, 64, (size_t[]){3, 0, 9}, 3);
		check_shape(tables[t], pool, 512, 10, 5, (size_t[]){100 * seconds}, 1);
		check_shape(tables[t], pool, 40, 1536, 1024, (size_t[]){10 * seconds, 10 * seconds},
			    2);
		check_shape(tables[t], pool, 4, 64, 4, (size_t[]){19, 1, 1, 30}, 4);
		check_shape(tables[t], pool, 20, 64, 0, (size_t[]){9}, 1);
		pool_destroy(pool);
	}
}

static void test_many_segments(void **state)
{
	(void)state;
	random_seed(3);
	for (size_t t = 0; t < n_tables; t++) {
		struct pool *pool;

		assert_int_equal(pool_create(2, &pool), 0);
		check_shape(tables[t], pool, 70, 200, 200, (size_t[]){1, 1, 1, 1, 1, 1}, 6);
		check_shape(tables[t], pool, 70, 200, 256, (size_t[]){16, 0, 8, 31, 0}, 5);
		check_shape(tables[t], pool, 33, 64, 64,
			    (size_t[]){every_size ? 600 : 140, 1, every_size ? 700 : 150}, 3);
		check_shape(tables[t], pool, 33, 64, 64, (size_t[]){0}, 1);
		pool_destroy(pool);
	}
}

static void test_random_shapes(void **state)
{
	(void)state;
	random_seed(4);
	for (size_t t = 0; t < n_tables; t++) {
		struct pool *pool;

		assert_int_equal(pool_create(2, &pool), 0);
		for (int i = 0; i < (every_size ? 60 : 6); i++) {
			size_t counts[MAX_SEGMENTS], k = 1 + random_below(300);
			size_t segments = 1 + random_below(MAX_SEGMENTS);

			for (size_t s = 0; s < segments; s++)
				counts[s] = random_below(50);
			check_shape(tables[t], pool, 1 + random_below(120), k,
				    1 + random_below(2 * k), counts, segments);
		}
		pool_destroy(pool);
	}
}

/* More products than one run of the pool takes, sharing inputs and not. */
static void test_many_products(void **state)
{
	enum { PRODUCTS = 150 };
	static struct problem problems[PRODUCTS];
	static struct product products[PRODUCTS];

	(void)state;
	random_seed(5);
	for (size_t t = 0; t < n_tables; t++) {
		struct pool *pool;

		assert_int_equal(pool_create(2, &pool), 0);
		for (size_t i = 0; i < PRODUCTS; i++) {
			size_t k = i % 5 == 4 ? 60 : 40;
			/* Runs of one type, and changes between them. */
			enum weight_type type =
				(enum weight_type)(WEIGHT_F32 + i / 10 % (WEIGHT_TYPES - 1));
			problem_init(&problems[i], tables[t], pool, type, 1 + random_below(40), k,
				     i % 7 == 6 ? 8 : k, (size_t[]){1 + random_below(20)}, 1);
			products[i] = problems[i].product;
			if (i % 5 == 1) {
				/* The input of the one before. */
				problem_finish(&problems[i]);
				problem_init(&problems[i], tables[t], pool, type, 24,
					     problems[i - 1].k, problems[i - 1].segments[0].stride,
					     (size_t[]){problems[i - 1].rows}, 1);
				problems[i].segments[0] = problems[i - 1].segments[0];
				products[i] = problems[i].product;
			}
		}
		size_t scratch_bytes;
		void *scratch = scratch_for(tables[t], pool, 20, 60, &scratch_bytes);
		products_run(tables[t], pool, products, PRODUCTS, scratch, scratch_bytes);
		for (size_t i = 0; i < PRODUCTS; i++)
			problem_check(&problems[i], problems[i].residual.data);
		for (size_t i = 0; i < PRODUCTS; i++)
			problem_finish(&problems[i]);
		free(scratch);
		pool_destroy(pool);
	}
}

/* Runs one stream's rows alone and in company and compares bits. OpenBLAS makes
 * no such promise. */
static void check_company_of(const struct kernels *kernels, enum weight_type type, size_t n,
			     size_t k, size_t stride)
{
	static const unsigned threads[] = {1, 2, 5};
	const size_t counts[] = {13, 37, 1, every_size ? 200 : 100};
	struct problem problem;
	struct guarded alone, other;

	problem_init(&problem, kernels, NULL, type, n, k, stride, counts, 4);
	problem.product.act = ACTIVATION_GELU;
	guarded_init(&alone, 37 * problem.y_stride, 5);
	guarded_init(&other, problem.rows * problem.y_stride, 7);
	for (size_t t = 0; t < 3; t++) {
		struct product products[3] = {problem.product, problem.product, problem.product};
		struct pool *pool;

		products[1].y = other.data;
		assert_int_equal(pool_create(threads[t], &pool), 0);
		size_t scratch_bytes;
		void *scratch = scratch_for(kernels, pool, problem.rows, k, &scratch_bytes);
		for (int company = 0; company < 2; company++) {
			products_run(kernels, pool, &products[0], 1 + (size_t)company, scratch,
				     scratch_bytes);
			for (size_t rows = 1; rows <= 37; rows += 6) {
				struct rows few = {problem.segments[1].x, stride, rows};

				products[2].segments = &few;
				products[2].n_segments = 1;
				products[2].y = alone.data;
				products[2].residual += 13 * problem.y_stride;
				products_run(kernels, pool, &products[2], 1, scratch,
					     scratch_bytes);
				products[2].residual -= 13 * problem.y_stride;
				for (size_t r = 0; r < rows; r++)
					assert_memory_equal(alone.data + r * problem.y_stride,
							    problem.y.data +
								    (13 + r) * problem.y_stride,
							    n * sizeof(float));
			}
		}
		free(scratch);
		pool_destroy(pool);
	}
	guarded_finish(&alone);
	guarded_finish(&other);
	problem_finish(&problem);
}

static void check_company(const struct kernels *kernels, size_t n, size_t k, size_t stride)
{
	for (int type = WEIGHT_F32; type < WEIGHT_TYPES; type++) {
		if (!seen_before(kernels, (enum weight_type)type) &&
		    (type != WEIGHT_F32 || !kernels->prefers_blas))
			check_company_of(kernels, (enum weight_type)type, n, k, stride);
	}
}

static void test_same_bits_in_any_company(void **state)
{
	(void)state;
	random_seed(6);
	for (size_t t = 0; t < n_tables; t++) {
		/* The specification is slow, and short. */
		size_t k = t == 0 || !every_size ? 250 : 2500;
		check_company(tables[t], 70, k, k);
		check_company(tables[t], 64, every_size ? 2048 : 320, 64);
		check_company(tables[t], 17, 100, 128);
		check_company(tables[t], 33, 30, 20);
	}
}

static int find_tables(void **state)
{
	static const unsigned sets[] = {0,
					CPU_AVX2,
					CPU_AVX2 | CPU_AVX_VNNI,
					CPU_AVX2 | CPU_AVX512,
					CPU_NEON,
					CPU_NEON | CPU_DOTPROD,
					~0u ^ CPU_SLOW_BF16,
					~0u};

	(void)state;
	every_size = EVERY_SIZE && getenv("HEARD_TEST_FEW") == NULL;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		const struct kernels *table = kernels_for(sets[i] & cpu_flags());
		size_t known = 0;

		while (known < n_tables && tables[known] != table)
			known++;
		if (known == n_tables)
			tables[n_tables++] = table;
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_overlapping_rows),
		cmocka_unit_test(test_many_segments),
		cmocka_unit_test(test_random_shapes),
		cmocka_unit_test(test_many_products),
		cmocka_unit_test(test_same_bits_in_any_company),
	};
	return cmocka_run_group_tests(tests, find_tables, NULL);
}
