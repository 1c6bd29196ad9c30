/* The running statistics against two plain passes over all values. */
#include "core/acoustic/statistics.h"
#include "helpers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 37, ROWS = 1000 };

struct fixture {
	struct arena arena;
	struct statistics statistics;
	float values[ROWS * CHANNELS];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	unsigned seed = 7;

	assert_non_null(fixture);
	assert_int_equal(arena_init(&fixture->arena, 1 << 16), 0);
	statistics_layout(&fixture->statistics, &fixture->arena, CHANNELS);
	/* A large mean beside a small deviation: where a sum of squares fails. */
	for (size_t i = 0; i < ROWS * CHANNELS; i++) {
		seed = seed * 1664525u + 1013904223u;
		fixture->values[i] =
			1000.0f + (float)(i % CHANNELS) + (float)((seed >> 8) % 1000) / 1000.0f;
	}
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	arena_finish(&fixture->arena);
	free(fixture);
	return 0;
}

static void add(struct fixture *fixture, size_t first, size_t rows)
{
	statistics_add(&fixture->statistics, fixture->values + first * CHANNELS, rows, CHANNELS, 0,
		       CHANNELS);
	statistics_advance(&fixture->statistics, rows);
}

static void check(const struct fixture *fixture, size_t first, size_t rows)
{
	for (size_t c = 0; c < CHANNELS; c++) {
		double mean = 0, square = 0;
		for (size_t r = first; r < first + rows; r++)
			mean += fixture->values[r * CHANNELS + c] / (double)rows;
		for (size_t r = first; r < first + rows; r++)
			square += pow(fixture->values[r * CHANNELS + c] - mean, 2);
		assert_true(fabs(fixture->statistics.mean[c] - mean) < 1e-9);
		assert_true(fabs(statistics_variance(&fixture->statistics, c) -
				 square / (double)rows) < 1e-9);
	}
}

static void test_any_split_equals_one_pass(void **state)
{
	struct fixture *fixture = *state;
	static const size_t splits[] = {ROWS, 1, 7, 333};

	for (size_t s = 0; s < sizeof(splits) / sizeof(splits[0]); s++) {
		statistics_reset(&fixture->statistics);
		for (size_t row = 0; row < ROWS; row += splits[s])
			add(fixture, row, ROWS - row < splits[s] ? ROWS - row : splits[s]);
		check(fixture, 0, ROWS);
	}
}

static void test_nothing_added_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	statistics_reset(&fixture->statistics);
	assert_true(statistics_variance(&fixture->statistics, 0) == 0);
	add(fixture, 0, 10);
	add(fixture, 10, 0);
	check(fixture, 0, 10);
}

static void test_cap_keeps_mean_and_variance(void **state)
{
	struct fixture *fixture = *state;

	statistics_reset(&fixture->statistics);
	add(fixture, 0, ROWS);
	statistics_cap(&fixture->statistics, 100);
	assert_true(fixture->statistics.count == 100);
	check(fixture, 0, ROWS);
	/* The prior weighs as 100 values now. */
	double before = fixture->statistics.mean[0], sum = 0;
	for (size_t r = 0; r < 300; r++)
		sum += fixture->values[r * CHANNELS];
	add(fixture, 0, 300);
	assert_true(fabs(fixture->statistics.mean[0] - (before * 100 + sum) / 400) < 1e-9);
	/* A cap above the count does nothing. */
	statistics_cap(&fixture->statistics, 1e9);
	assert_true(fixture->statistics.count == 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_split_equals_one_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_added_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_cap_keeps_mean_and_variance, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
