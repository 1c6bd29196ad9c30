/*
 * Every vector table that this CPU has against the C table: odd sizes, pointers
 * off the vector's alignment, guards around all outputs, values that computers
 * dislike. `--bench` prints what each costs instead.
 */
#include "core/base/cpu.h"
#include "core/kernels/kernels.h"
#include "tests/kernels/guarded.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MAX_TABLES = 4, ODD_SIZES = 68 };

static const struct kernels *tables[MAX_TABLES]; /* [0] is the specification */
static size_t n_tables;

static const struct {
	enum activation act;
	const char *name;
} activations[] = {
	{ACTIVATION_LINEAR, "linear"},       {ACTIVATION_GELU, "gelu"},
	{ACTIVATION_GELU_TANH, "gelu_tanh"}, {ACTIVATION_QUICK_GELU, "quick_gelu"},
	{ACTIVATION_RELU, "relu"},           {ACTIVATION_RELU6, "relu6"},
	{ACTIVATION_SELU, "selu"},           {ACTIVATION_SILU, "silu"},
	{ACTIVATION_MISH, "mish"},           {ACTIVATION_TANH, "tanh"},
	{ACTIVATION_SIGMOID, "sigmoid"},
};
enum { N_ACTIVATIONS = sizeof(activations) / sizeof(activations[0]) };

/* 0 to 67, then some that fill vectors and some that do not. */
static size_t size_number(size_t i)
{
	static const size_t large[] = {128, 250, 512, 768, 1024, 1027};

	return i < ODD_SIZES ? i : large[i - ODD_SIZES];
}
enum { N_SIZES = ODD_SIZES + 6 };

static void check_close(const struct kernels *table, const char *what, size_t i, float got,
			float want, float tolerance)
{
	if (isnan(want) ? isnan(got) : isinf(want) ? got == want : fabsf(got - want) <= tolerance)
		return;
	fail_msg("%s %s: element %zu is %.9g, not %.9g (%.3g apart, %.3g allowed)", table->name,
		 what, i, (double)got, (double)want, (double)fabsf(got - want), (double)tolerance);
}

struct tile_shape {
	size_t rows, n, k;
	int accumulate;
};

static void check_tile(const struct kernels *table, struct tile_shape shape, int as_strip)
{
	size_t n_panels = (shape.n + PANEL - 1) / PANEL, panel_stride = (shape.k + 1) * PANEL;
	size_t a_stride = shape.k + random_below(4), y_stride = shape.n + random_below(4);
	struct guarded a, panels, want, got;

	guarded_init(&a, shape.rows > 0 ? (shape.rows - 1) * a_stride + shape.k : 0,
		     random_below(16));
	guarded_init(&panels, n_panels > 0 ? (n_panels - 1) * panel_stride + shape.k * PANEL : 0,
		     0);
	size_t y_floats = shape.rows > 0 ? (shape.rows - 1) * y_stride + shape.n : 0;
	guarded_init(&want, y_floats, random_below(16));
	guarded_init(&got, y_floats, random_below(16));
	guarded_fill_random(&a, 1.0f);
	guarded_fill_random(&panels, 1.0f);
	for (size_t r = 0; shape.accumulate && r < shape.rows; r++) {
		for (size_t j = 0; j < shape.n; j++)
			want.data[r * y_stride + j] = got.data[r * y_stride + j] = random_float();
	}
	tables[0]->tile(a.data, a_stride, shape.rows, panels.data, panel_stride, shape.k, want.data,
			y_stride, shape.n, shape.accumulate);
	if (as_strip)
		table->strip(&(struct strip){.a = a.data,
					     .a_stride = a_stride,
					     .rows = shape.rows,
					     .panels = panels.data,
					     .panel_stride = panel_stride,
					     .k = shape.k,
					     .y = got.data,
					     .y_stride = y_stride,
					     .n = shape.n,
					     .accumulate = shape.accumulate != 0,
					     .ahead = panels.data});
	else
		table->tile(a.data, a_stride, shape.rows, panels.data, panel_stride, shape.k,
			    got.data, y_stride, shape.n, shape.accumulate);
	for (size_t i = 0; i < y_floats; i++) {
		if (i % y_stride < shape.n)
			check_close(table, "tile", i, got.data[i], want.data[i],
				    FLT_EPSILON * (8 + (float)shape.k));
		else if (!guarded_is_guard(got.data[i]))
			fail_msg("%s tile: wrote behind row %zu", table->name, i / y_stride);
	}
	guarded_check(&got, "tile");
	guarded_finish(&a);
	guarded_finish(&panels);
	guarded_finish(&want);
	guarded_finish(&got);
}

static void test_tile(void **state)
{
	(void)state;
	random_seed(1);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t n = 0; n < ODD_SIZES; n++) {
			for (size_t rows = 0; rows < 20; rows++) {
				struct tile_shape shape = {rows, n, random_below(70),
							   (int)random_below(2)};
				check_tile(tables[t], shape, 0);
				if (n <= STRIP_COLUMNS)
					check_tile(tables[t], shape, 1);
			}
		}
		check_tile(tables[t], (struct tile_shape){70, 100, 1000, 0}, 0);
		check_tile(tables[t], (struct tile_shape){128, STRIP_COLUMNS, 1024, 1}, 1);
	}
}

/* The order of a sum must not depend on the size of the product it is in. */
static void test_tile_bits(void **state)
{
	enum { ROWS = 30, COLUMNS = 80, K = 50 };
	struct guarded a, panels, all, part;

	(void)state;
	random_seed(2);
	guarded_init(&a, ROWS * K, 3);
	guarded_init(&panels, COLUMNS * K, 0);
	guarded_init(&all, ROWS * COLUMNS, 1);
	guarded_init(&part, ROWS * COLUMNS, 2);
	guarded_fill_random(&a, 1.0f);
	guarded_fill_random(&panels, 1.0f);
	for (size_t t = 0; t < n_tables; t++) {
		tables[t]->tile(a.data, K, ROWS, panels.data, K * PANEL, K, all.data, COLUMNS,
				COLUMNS, 0);
		for (size_t rows = 1; rows < ROWS; rows++) {
			for (size_t n = 1; n < COLUMNS; n += 3) {
				size_t skip = ROWS - rows;
				tables[t]->tile(a.data + skip * K, K, rows, panels.data, K * PANEL,
						K, part.data, COLUMNS, n, 0);
				for (size_t r = 0; r < rows; r++)
					assert_memory_equal(part.data + r * COLUMNS,
							    all.data + (skip + r) * COLUMNS,
							    n * sizeof(float));
			}
		}
	}
	guarded_finish(&a);
	guarded_finish(&panels);
	guarded_finish(&all);
	guarded_finish(&part);
}

static void test_finish(void **state)
{
	(void)state;
	random_seed(3);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 0; i < 400; i++) {
			size_t rows = random_below(6), n = random_below(40), stride = n + 2;
			struct guarded sums, bias, want, got;

			guarded_init(&sums, rows * stride, random_below(16));
			guarded_init(&bias, n, random_below(16));
			guarded_init(&want, rows * stride, random_below(16));
			guarded_init(&got, rows * stride, random_below(16));
			guarded_fill_random(&sums, 3.0f);
			guarded_fill_random(&bias, 1.0f);
			guarded_fill_random(&want, 1.0f);
			if (rows > 0)
				memcpy(got.data, want.data, rows * stride * sizeof(float));
			/* The residual is y itself. */
			struct finish finish = {.sums = sums.data,
						.sums_stride = stride,
						.rows = rows,
						.n = n,
						.bias = i % 2 ? bias.data : NULL,
						.act = activations[i % N_ACTIVATIONS].act,
						.residual = i % 3 ? want.data : NULL,
						.residual_stride = stride,
						.y = want.data,
						.y_stride = stride};
			tables[0]->finish(&finish);
			finish.y = got.data;
			finish.residual = i % 3 ? got.data : NULL;
			tables[t]->finish(&finish);
			for (size_t j = 0; j < rows * stride; j++)
				check_close(tables[t], "finish", j, got.data[j], want.data[j],
					    2e-6f);
			guarded_check(&got, "finish");
			guarded_finish(&sums);
			guarded_finish(&bias);
			guarded_finish(&want);
			guarded_finish(&got);
		}
	}
}

static double exact_activation(enum activation act, double x)
{
	switch (act) {
	case ACTIVATION_GELU:
		return 0.5 * x * erfc(-x * 0.70710678118654752440);
	case ACTIVATION_TANH:
		return tanh(x);
	case ACTIVATION_SIGMOID:
		return 1.0 / (1.0 + exp(-x));
	case ACTIVATION_SILU:
		return x / (1.0 + exp(-x));
	default:
		return NAN;
	}
}

static void test_activation_values(void **state)
{
	enum { STEPS = 400000 };
	struct guarded x;

	(void)state;
	guarded_init(&x, STEPS, 1);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t a = 0; a < N_ACTIVATIONS; a++) {
			enum activation act = activations[a].act;

			for (size_t i = 0; i < STEPS; i++)
				x.data[i] = ((float)i / STEPS - 0.5f) * 40.0f;
			tables[t]->activate(act, x.data, STEPS);
			for (size_t i = 0; i < STEPS; i++) {
				float from = ((float)i / STEPS - 0.5f) * 40.0f, want = from;
				double exact = exact_activation(act, from);

				tables[0]->activate(act, &want, 1);
				check_close(tables[t], activations[a].name, i, x.data[i], want,
					    4e-7f * (2.0f + fabsf(want)));
				if (!isnan(exact))
					check_close(tables[t], activations[a].name, i, x.data[i],
						    (float)exact,
						    4e-7f * (0.5f + (float)fabs(exact)));
			}
		}
	}
	guarded_finish(&x);
}

static void test_activation_edges(void **state)
{
	static const float edges[] = {0.0f,    -0.0f,   FLT_MIN,  -FLT_MIN,  FLT_MIN / 64,
				      -1e-42f, 1e-30f,  -1e-30f,  10.0f,     -10.0f,
				      87.0f,   -87.0f,  88.8f,    -88.8f,    104.0f,
				      -104.0f, 1000.0f, -1000.0f, 1e10f,     -1e10f,
				      1e37f,   -1e37f,  INFINITY, -INFINITY, NAN};
	enum { N = sizeof(edges) / sizeof(edges[0]) };
	float x[N];

	(void)state;
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t a = 0; a < N_ACTIVATIONS; a++) {
			memcpy(x, edges, sizeof(x));
			tables[t]->activate(activations[a].act, x, N);
			for (size_t i = 0; i < N; i++) {
				float want = edges[i];

				tables[0]->activate(activations[a].act, &want, 1);
				/* Where the formula is infinity times 0, its limit will
				 * do as well. */
				if (isinf(edges[i]) && isnan(want) && fabsf(x[i]) <= 1e-20f)
					continue;
				check_close(tables[t], activations[a].name, i, x[i], want,
					    1e-6f * (1.0f + fabsf(want)));
			}
		}
	}
}

static void test_activation_sizes(void **state)
{
	(void)state;
	random_seed(4);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 0; i < N_SIZES; i++) {
			struct guarded x;

			guarded_init(&x, size_number(i), random_below(16));
			guarded_fill_random(&x, 5.0f);
			tables[t]->activate(ACTIVATION_GELU, x.data, x.n);
			for (size_t j = 0; j < x.n; j++)
				assert_true(x.data[j] > -0.2f && x.data[j] < 5.0f);
			guarded_check(&x, "activate");
			guarded_finish(&x);
		}
	}
}

static void test_layer_norm(void **state)
{
	(void)state;
	random_seed(5);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 1; i < N_SIZES; i++) {
			size_t n = size_number(i);
			struct guarded x, gamma, beta, want, got;

			guarded_init(&x, n, random_below(16));
			guarded_init(&gamma, n, random_below(16));
			guarded_init(&beta, n, random_below(16));
			guarded_init(&want, n, 0);
			guarded_init(&got, n, random_below(16));
			guarded_fill_random(&x, 10.0f);
			guarded_fill_random(&gamma, 2.0f);
			guarded_fill_random(&beta, 1.0f);
			for (size_t j = 0; i % 2 && j < n; j++)
				x.data[j] += 50.0f;
			float eps = i % 3 ? 1e-5f : 1e-12f;
			tables[0]->layer_norm(x.data, n, gamma.data, beta.data, eps, want.data);
			tables[t]->layer_norm(x.data, n, gamma.data, beta.data, eps, got.data);
			/* One value has no variance: rounding of the mean counts. */
			for (size_t j = 0; n > 1 && j < n; j++)
				check_close(tables[t], "layer_norm", j, got.data[j], want.data[j],
					    2e-5f);
			guarded_check(&got, "layer_norm");
			tables[t]->layer_norm(x.data, n, gamma.data, beta.data, eps, x.data);
			assert_memory_equal(x.data, got.data, n * sizeof(float));
			guarded_check(&x, "layer_norm in place");
			guarded_finish(&x);
			guarded_finish(&gamma);
			guarded_finish(&beta);
			guarded_finish(&want);
			guarded_finish(&got);
		}
	}
}

static void check_softmax(const struct kernels *table, const struct guarded *x, float scale)
{
	struct guarded got;
	double sum = 0.0, max = -INFINITY;

	guarded_init(&got, x->n, random_below(16));
	if (x->n > 0)
		memcpy(got.data, x->data, x->n * sizeof(float));
	table->softmax(got.data, x->n, scale);
	for (size_t i = 0; i < x->n; i++)
		max = x->data[i] > max ? x->data[i] : max;
	for (size_t i = 0; i < x->n; i++)
		sum += exp((double)scale * (x->data[i] - max));
	for (size_t i = 0; i < x->n; i++) {
		float want = (float)(exp((double)scale * (x->data[i] - max)) / sum);
		/* Half an ulp of the argument, up to 100, is 4e-6 of the result. */
		check_close(table, "softmax", i, got.data[i], want, 5e-6f * want + FLT_MIN);
		if (x->data[i] == -INFINITY)
			assert_true(got.data[i] == 0.0f);
	}
	guarded_check(&got, "softmax");
	guarded_finish(&got);
}

static void test_softmax(void **state)
{
	(void)state;
	random_seed(6);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 0; i < N_SIZES; i++) {
			struct guarded x;

			guarded_init(&x, size_number(i), random_below(16));
			guarded_fill_random(&x, 8.0f);
			check_softmax(tables[t], &x, 0.125f);
			check_softmax(tables[t], &x, 1.0f);
			for (size_t j = 0; j < x.n; j++) {
				if (j != x.n / 2 && random_below(3) == 0)
					x.data[j] = -INFINITY;
			}
			check_softmax(tables[t], &x, 1.0f);
			/* All of the weight on one; far apart; nearly the largest floats. */
			for (size_t j = 0; j < x.n; j++)
				x.data[j] = j == x.n / 2 ? 1.0f : -INFINITY;
			check_softmax(tables[t], &x, 1.0f);
			for (size_t j = 0; j < x.n; j++)
				x.data[j] = random_float() * 150.0f - 1000.0f;
			check_softmax(tables[t], &x, 0.5f);
			for (size_t j = 0; j < x.n; j++)
				x.data[j] = random_below(2) ? 1e38f : -1e38f;
			check_softmax(tables[t], &x, 0.125f);
			guarded_finish(&x);
		}
	}
}

static void test_elementwise(void **state)
{
	(void)state;
	random_seed(7);
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 0; i < N_SIZES; i++) {
			size_t n = size_number(i);
			struct guarded x, y, scale;

			guarded_init(&x, n, random_below(16));
			guarded_init(&y, n, random_below(16));
			guarded_init(&scale, n, random_below(16));
			guarded_fill_random(&x, 1.0f);
			guarded_fill_random(&y, 1.0f);
			guarded_fill_random(&scale, 2.0f);
			tables[t]->add(y.data, x.data, n);
			guarded_check(&y, "add");
			tables[t]->scale_shift(x.data, scale.data, y.data, n, x.data);
			guarded_check(&x, "scale_shift");
			tables[t]->scale_shift(scale.data, x.data, y.data, n, y.data);
			guarded_check(&y, "scale_shift");
			guarded_finish(&x);
			guarded_finish(&y);
			guarded_finish(&scale);

			float a[67], b[67], c[67], want[67], got[67];
			size_t m = n < 67 ? n : 67;
			for (size_t j = 0; j < m; j++) {
				a[j] = random_float();
				b[j] = random_float();
				c[j] = random_float();
			}
			tables[0]->scale_shift(a, b, c, m, want);
			tables[t]->scale_shift(a, b, c, m, got);
			for (size_t j = 0; j < m; j++)
				check_close(tables[t], "scale_shift", j, got[j], want[j],
					    2 * FLT_EPSILON);
			memcpy(want, a, m * sizeof(float));
			tables[t]->add(want, b, m);
			for (size_t j = 0; j < m; j++)
				assert_true(want[j] == a[j] + b[j]);
		}
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Best time of many calls, in nanoseconds an element. */
#define BENCH(table, what, elements, ...)                                                      \
	do {                                                                                   \
		double best = INFINITY;                                                        \
		for (int repetition = 0; repetition < 200; repetition++) {                     \
			double start = now();                                                  \
			__VA_ARGS__;                                                           \
			best = fmin(best, now() - start);                                      \
		}                                                                              \
		printf("%-8s %-14s %8.3f ns\n", (table)->name, what, best * 1e9 / (elements)); \
	} while (0)

static void bench(void)
{
	enum { N = 4096, ROWS = 16, K = 256 };
	static float x[N], y[N], scale[N], panels[K * STRIP_COLUMNS], a[ROWS * K];

	for (size_t t = 0; t < n_tables; t++) {
		const struct kernels *k = tables[t];

		for (size_t i = 0; i < N_ACTIVATIONS; i++) {
			for (size_t j = 0; j < N; j++)
				x[j] = 3.0f * random_float();
			BENCH(k, activations[i].name, N, k->activate(activations[i].act, x, N));
		}
		BENCH(k, "layer_norm", N, k->layer_norm(x, N, scale, scale, 1e-5f, y));
		BENCH(k, "softmax", N, k->softmax(x, N, 1.0f));
		BENCH(k, "add", N, k->add(y, x, N));
		BENCH(k, "scale_shift", N, k->scale_shift(x, scale, scale, N, y));
		BENCH(k, "tile, a flop", 2.0 * ROWS * STRIP_COLUMNS * K,
		      k->tile(a, K, ROWS, panels, K * PANEL, K, y, STRIP_COLUMNS, STRIP_COLUMNS,
			      0));
	}
}

static void find_tables(void)
{
	static const unsigned sets[] = {0, CPU_AVX2, CPU_AVX2 | CPU_AVX512, CPU_NEON};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		const struct kernels *table = kernels_for(sets[i] & cpu_flags());
		if (n_tables == 0 || table != tables[0])
			tables[n_tables++] = table;
		/* A lower table again where the CPU has no higher one. */
		if (n_tables > 1 && tables[n_tables - 1] == tables[n_tables - 2])
			n_tables--;
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tile),
		cmocka_unit_test(test_tile_bits),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_activation_values),
		cmocka_unit_test(test_activation_edges),
		cmocka_unit_test(test_activation_sizes),
		cmocka_unit_test(test_layer_norm),
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_elementwise),
	};

	find_tables();
	if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
		bench();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
