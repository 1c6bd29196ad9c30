/*
 * Every microkernel that this CPU has against the one of the same type in C:
 * odd sizes, guards around all outputs, codes at their limits, rows of zeros and
 * of numbers that are hardly there. Integer products must agree to the bit.
 * `--bench` prints what each reaches instead.
 */
#include "core/base/cpu.h"
#include "core/kernels/kernels.h"
#include "core/kernels/matrix.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/packing.h"
#include "tests/kernels/guarded.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MAX_MICRO = 32, MAX_K = 4200 };

static const struct kernels *specification;
static const struct microkernel *found[MAX_MICRO];
static size_t n_found;

/* ---- one strip, packed and multiplied by one microkernel ---- */

struct problem {
	size_t rows, n, k;
	float *weights; /* owned, [n, k] */
	float *x;       /* owned, [rows, k] */
};

static void read_row(const void *ctx, size_t n, float *row)
{
	const struct problem *p = ctx;

	memcpy(row, p->weights + n * p->k, p->k * sizeof(float));
}

static float *floats(size_t n)
{
	float *values = malloc((n + 1) * sizeof(float));

	assert_non_null(values);
	return values;
}

static void *lines(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);

	assert_non_null(memory);
	memset(memory, 0xa5, (bytes + 127) / 64 * 64);
	return memory;
}

static void problem_init(struct problem *p, size_t rows, size_t n, size_t k)
{
	*p = (struct problem){.rows = rows, .n = n, .k = k};
	p->weights = floats(n * k);
	p->x = floats(rows * k);
	for (size_t i = 0; i < n * k; i++)
		p->weights[i] = random_float();
	for (size_t i = 0; i < rows * k; i++)
		p->x[i] = random_float();
}

static void problem_finish(struct problem *p)
{
	free(p->weights);
	free(p->x);
}

/* y [rows, y_stride] between guards, as `micro` computes it. */
static void run(const struct problem *p, const struct microkernel *micro, struct guarded *y,
		size_t y_stride, bool accumulate)
{
	size_t panels = (p->n + PANEL - 1) / PANEL, panel_bytes = packing_panel_bytes(micro, p->k);
	size_t row_bytes = micro->prepare ? micro->row_bytes(p->k) : p->k * sizeof(float);
	/* Stray lines between the rows, as matrices have them. */
	size_t row_stride = micro->prepare ? row_bytes + 64 * random_below(3) : row_bytes;
	unsigned char *packed = lines(panels * panel_bytes);
	unsigned char *rows = lines(p->rows * row_stride);
	float scales[STRIP_COLUMNS];
	bool codes = micro->type == WEIGHT_INT8 || micro->type == WEIGHT_INT4;
	const struct matrix_source source = {.n = p->n, .k = p->k, .read_row = read_row, .ctx = p};

	assert_int_equal(panel_bytes % 64, 0);
	memset(packed, 0, panels * panel_bytes);
	assert_int_equal(packing_pack(micro, &source, packed, codes ? scales : NULL), 0);
	for (size_t r = 0; r < p->rows; r++) {
		if (micro->prepare) {
			assert_int_equal(row_bytes % 64, 0);
			micro->prepare(p->x + r * p->k, p->k, rows + r * row_stride);
		} else {
			memcpy(rows + r * row_stride, p->x + r * p->k, row_bytes);
		}
	}
	/* A row's own memory is all that prepare may write. */
	for (size_t r = 0; micro->prepare && r < p->rows; r++) {
		for (size_t i = row_bytes; i < row_stride; i++)
			assert_int_equal(rows[r * row_stride + i], 0xa5);
	}
	micro->strip(&(struct packed_strip){
		.rows = rows,
		.row_stride = row_stride,
		.n_rows = p->rows,
		.panels = packed,
		.panel_stride = panel_bytes,
		.k = p->k,
		.column_scale = codes ? scales : NULL,
		.y = y->data,
		.y_stride = y_stride,
		.n = p->n,
		.accumulate = accumulate,
		.ahead = random_below(2) ? packed : NULL,
	});
	free(packed);
	free(rows);
}

/* What may lie between two ways of adding up the same k products. Rounding
 * activations to bf16 is part of the form, of which the specification has none. */
static float tolerance(const struct problem *p, const struct microkernel *micro, size_t r, size_t j,
		       bool accumulate)
{
	float sum = accumulate ? 1.0f : 0.0f;

	for (size_t i = 0; i < p->k; i++)
		sum += fabsf(p->x[r * p->k + i] * p->weights[j * p->k + i]);
	if (micro->type == WEIGHT_INT8)
		return 0.0f;
	if (micro->type == WEIGHT_INT4)
		return sum * 4 * FLT_EPSILON + FLT_MIN;
	if (micro->prepare)
		return sum * 0x1p-8f + 64 * FLT_MIN; /* vdpbf16ps flushes */
	return sum * FLT_EPSILON * (8 + 0.1f * (float)p->k) + FLT_MIN;
}

static void check(const struct problem *p, const struct microkernel *micro)
{
	size_t y_stride = p->n + random_below(4);
	size_t y_floats = p->rows > 0 ? (p->rows - 1) * y_stride + p->n : 0;
	bool accumulate = micro->prepare == NULL && random_below(2);
	struct guarded want, got;

	guarded_init(&want, y_floats, random_below(16));
	guarded_init(&got, y_floats, random_below(16));
	for (size_t r = 0; accumulate && r < p->rows; r++) {
		for (size_t j = 0; j < p->n; j++)
			want.data[r * y_stride + j] = got.data[r * y_stride + j] = random_float();
	}
	run(p, specification->micro[micro->type], &want, y_stride, accumulate);
	run(p, micro, &got, y_stride, accumulate);
	for (size_t i = 0; i < y_floats; i++) {
		size_t r = i / y_stride, j = i % y_stride;

		if (j >= p->n) {
			if (!guarded_is_guard(got.data[i]))
				fail_msg("%s %s: wrote behind row %zu",
					 weight_type_name(micro->type), micro->name, r);
			continue;
		}
		float allowed = tolerance(p, micro, r, j, accumulate);
		if (!(fabsf(got.data[i] - want.data[i]) <= allowed))
			fail_msg("%s %s: %zu x %zu x %zu, row %zu column %zu is %.9g, not %.9g "
				 "(%.3g allowed)",
				 weight_type_name(micro->type), micro->name, p->rows, p->n, p->k, r,
				 j, (double)got.data[i], (double)want.data[i], (double)allowed);
	}
	guarded_check(&got, "strip");
	guarded_finish(&want);
	guarded_finish(&got);
}

static void check_random(const struct microkernel *micro, size_t rows, size_t n, size_t k)
{
	struct problem p;

	problem_init(&p, rows, n, k);
	check(&p, micro);
	problem_finish(&p);
}

static void test_shapes(void **state)
{
	static const size_t ks[] = {1,  2,  3,  4,  5,  7,   8,   15,  16,  17,  31,   32,   33,
				    47, 63, 64, 65, 96, 100, 127, 128, 129, 511, 1023, 1024, 1025};

	(void)state;
	random_seed(1);
	for (size_t m = 0; m < n_found; m++) {
		for (size_t n = 1; n <= STRIP_COLUMNS; n++) {
			for (size_t rows = 1; rows < 20; rows++)
				check_random(found[m], rows, n,
					     ks[random_below(sizeof(ks) / sizeof(ks[0]))]);
		}
		for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
			check_random(found[m], 8, STRIP_COLUMNS, ks[i]);
			check_random(found[m], 3, PANEL, ks[i]);
		}
		check_random(found[m], 128, STRIP_COLUMNS, MAX_K);
		check_random(found[m], 0, STRIP_COLUMNS, 32);
	}
}

/* Sums at their largest: every code at its limit, all of one sign. */
static void test_limits(void **state)
{
	(void)state;
	random_seed(2);
	for (size_t m = 0; m < n_found; m++) {
		for (int signs = 0; signs < 4; signs++) {
			struct problem p;

			problem_init(&p, 9, STRIP_COLUMNS, MAX_K);
			/* Every other column has neighbouring products of both signs. */
			for (size_t i = 0; i < p.n * p.k; i++) {
				bool alternates = i / p.k % 2;

				p.weights[i] = (signs & 1) != (alternates && i % 2) ? -1.0f : 1.0f;
			}
			for (size_t i = 0; i < p.rows * p.k; i++)
				p.x[i] = signs & 2 ? -1.0f : 1.0f;
			check(&p, found[m]);
			problem_finish(&p);
		}
	}
}

/* Codes that the quantizer never makes, as a file may have them. */
static void read_lowest(const void *ctx, size_t n, const struct code_row *row)
{
	const struct problem *p = ctx;

	(void)n;
	memset(row->codes, -128, p->k);
	*row->scale = 0.25f;
}

static void test_lowest_codes(void **state)
{
	enum { ROWS = 3, K = 100 };
	float x[ROWS * K], y[ROWS * PANEL], scales[PANEL];

	(void)state;
	for (size_t i = 0; i < ROWS * K; i++)
		x[i] = i % 3 ? -1.0f : 1.0f;
	for (size_t m = 0; m < n_found; m++) {
		const struct microkernel *micro = found[m];
		struct problem p = {.rows = ROWS, .n = PANEL, .k = K};
		const struct matrix_source source = {.n = PANEL,
						     .k = K,
						     .read_codes = read_lowest,
						     .coded = WEIGHT_INT8,
						     .ctx = &p};
		if (micro->type != WEIGHT_INT8)
			continue;
		size_t bytes = micro->row_bytes(K);
		unsigned char *rows = lines(ROWS * bytes);
		unsigned char *packed = lines(packing_panel_bytes(micro, K));

		assert_int_equal(packing_pack(micro, &source, packed, scales), 0);
		for (size_t r = 0; r < ROWS; r++)
			micro->prepare(x + r * K, K, rows + r * bytes);
		micro->strip(&(struct packed_strip){.rows = rows,
						    .row_stride = bytes,
						    .n_rows = ROWS,
						    .panels = packed,
						    .panel_stride = packing_panel_bytes(micro, K),
						    .k = K,
						    .column_scale = scales,
						    .y = y,
						    .y_stride = PANEL,
						    .n = PANEL});
		for (size_t r = 0; r < ROWS; r++) {
			int sum = 0;
			for (size_t i = 0; i < K; i++)
				sum += x[r * K + i] > 0 ? 127 * -128 : 127 * 128;
			for (size_t j = 0; j < PANEL; j++)
				assert_true(y[r * PANEL + j] ==
					    (float)sum * (1.0f / 127.0f) * 0.25f);
		}
		free(rows);
		free(packed);
	}
}

/* Rows that are zero, subnormal, tiny, huge, or have one value that dwarfs the
 * others; exact ties of the rounding. */
static void test_odd_rows(void **state)
{
	enum { ODD = 10 };

	(void)state;
	random_seed(3);
	for (size_t m = 0; m < n_found; m++) {
		for (size_t k = 60; k < 70; k++) {
			struct problem p;

			problem_init(&p, ODD, STRIP_COLUMNS, k);
			for (size_t i = 0; i < k; i++) {
				float *x = p.x + i;
				float sign = i % 2 ? 1.0f : -1.0f;

				x[0 * k] = 0.0f;
				x[1 * k] = -0.0f;
				x[2 * k] = sign * FLT_TRUE_MIN * (float)i;
				x[3 * k] *= FLT_MIN;
				x[4 * k] *= 0x1p-99f;
				x[5 * k] *= 0x1p100f;
				x[6 * k] = i == 7 ? 1e6f : x[6 * k];
				/* top 127: every half is a tie */
				x[7 * k] = i == 0 ? 127.0f : sign * ((float)i + 0.5f);
				x[8 * k] = i == k - 1 ? -3.0f : 0.0f;
				x[9 * k] = 2.5f;
			}
			/* Columns of zeros, subnormals and a single value. */
			for (size_t i = 0; i < k; i++) {
				p.weights[0 * k + i] = 0.0f;
				p.weights[1 * k + i] = FLT_TRUE_MIN * (float)i;
				p.weights[2 * k + i] = i == 40 ? -2.0f : 0.0f;
				p.weights[3 * k + i] *= 0x1p-60f;
			}
			check(&p, found[m]);
			problem_finish(&p);
		}
	}
}

/* One row's sums must have the same bits in any block of rows, and whichever
 * columns are asked for. */
static void test_bits(void **state)
{
	enum { ROWS = 27, K = 300 };

	(void)state;
	random_seed(4);
	for (size_t m = 0; m < n_found; m++) {
		struct problem all, one;
		struct guarded y, single;

		problem_init(&all, ROWS, STRIP_COLUMNS, K);
		guarded_init(&y, ROWS * STRIP_COLUMNS, 0);
		run(&all, found[m], &y, STRIP_COLUMNS, false);
		for (size_t r = 0; r < ROWS; r++) {
			one = all;
			one.rows = 1;
			one.x = all.x + r * K;
			one.n = 1 + random_below(STRIP_COLUMNS);
			guarded_init(&single, one.n, random_below(16));
			run(&one, found[m], &single, one.n, false);
			assert_memory_equal(single.data, y.data + r * STRIP_COLUMNS,
					    one.n * sizeof(float));
			guarded_finish(&single);
		}
		guarded_finish(&y);
		problem_finish(&all);
	}
}

/* ---- speed ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static double best_of(void (*func)(void *ctx), void *ctx)
{
	double best = INFINITY;

	for (int i = 0; i < 30; i++) {
		double start = now();
		for (int j = 0; j < 20; j++)
			func(ctx);
		double seconds = (now() - start) / 20;
		best = seconds < best ? seconds : best;
	}
	return best;
}

struct prepare_bench {
	const struct microkernel *micro;
	const float *x;
	size_t k;
	void *row;
};

static void prepare_once(void *ctx)
{
	const struct prepare_bench *b = ctx;

	b->micro->prepare(b->x, b->k, b->row);
}

struct strip_bench {
	const struct microkernel *micro;
	const struct packed_strip *strip;
};

static void strip_once(void *ctx)
{
	const struct strip_bench *b = ctx;

	b->micro->strip(b->strip);
}

/* 1e9 operations a second of a strip in the cache, nanoseconds a value of
 * preparing. */
static void bench(void)
{
	enum { ROWS = 32, K = 1024 };
	static float scales[STRIP_COLUMNS], y[ROWS * STRIP_COLUMNS];
	struct problem p;

	problem_init(&p, ROWS, STRIP_COLUMNS, K);
	printf("%-6s %-12s %10s %10s %10s %10s\n", "type", "code", "8 rows", "16 rows", "32 rows",
	       "prepare");
	for (size_t m = 0; m < n_found; m++) {
		const struct microkernel *micro = found[m];
		size_t bytes = packing_panel_bytes(micro, K);
		size_t row_bytes =
			micro->prepare ? micro->row_bytes(K) + 64 : K * sizeof(float) + 64;
		unsigned char *packed = lines(2 * bytes), *rows = lines(ROWS * row_bytes);
		bool codes = micro->type == WEIGHT_INT8 || micro->type == WEIGHT_INT4;
		const struct matrix_source source = {
			.n = STRIP_COLUMNS, .k = K, .read_row = read_row, .ctx = &p};
		double prepare = 0.0;

		if (packing_pack(micro, &source, packed, codes ? scales : NULL) < 0)
			abort();
		for (size_t r = 0; r < ROWS; r++) {
			struct prepare_bench b = {micro, p.x + r * K, K, rows + r * row_bytes};
			if (!micro->prepare)
				memcpy(b.row, b.x, K * sizeof(float));
			else
				prepare = best_of(prepare_once, &b);
		}
		printf("%-6s %-12s", weight_type_name(micro->type), micro->name);
		for (size_t n = 8; n <= ROWS; n *= 2) {
			struct packed_strip strip = {.rows = rows,
						     .row_stride = row_bytes,
						     .n_rows = n,
						     .panels = packed,
						     .panel_stride = bytes,
						     .k = K,
						     .column_scale = scales,
						     .y = y,
						     .y_stride = STRIP_COLUMNS,
						     .n = STRIP_COLUMNS};
			struct strip_bench b = {micro, &strip};
			printf(" %10.1f",
			       2e-9 * (double)(n * STRIP_COLUMNS * K) / best_of(strip_once, &b));
		}
		printf(" %10.3f\n", prepare * 1e9 / K);
		free(packed);
		free(rows);
	}
	problem_finish(&p);
}

static void find_microkernels(void)
{
	const unsigned all = CPU_ARM_BF16 << 1;

	specification = kernels_for(0);
	for (unsigned mask = 0; mask < all; mask++) {
		const struct kernels *table = kernels_for(mask & cpu_flags());

		for (int type = 0; type < WEIGHT_TYPES; type++) {
			size_t i = 0;
			if (table->micro[type] == NULL)
				continue;
			while (i < n_found && found[i] != table->micro[type])
				i++;
			assert_true(i < MAX_MICRO);
			if (i == n_found)
				found[n_found++] = table->micro[type];
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),       cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lowest_codes), cmocka_unit_test(test_odd_rows),
		cmocka_unit_test(test_bits),
	};

	find_microkernels();
	if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
		bench();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
