/* The sliding window: any split, refractory time, gaps, the end. */
#include "daemon/spotter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WINDOW = 100, HOP = 10 };

static const struct spotter_options options = {
	.window = WINDOW,
	.hop = HOP,
	.refractory = 50,
	.threshold = 0.7f,
};

/* Label 1 where the window's last sample is 1, else label 0, which is ignored. */
static bool look(struct spotter *spotter, struct spotter_detection *detection)
{
	static const bool ignored[2] = {true, false};
	float probabilities[2];
	size_t n;
	const float *window = spotter_window(spotter, &n);

	probabilities[1] = window[n - 1] > 0.5f ? 0.8f : 0.1f;
	probabilities[0] = 1 - probabilities[1];
	return spotter_take(spotter, probabilities, ignored, 2, detection);
}

/* Clocks of the detections, in pushes of `split`. */
static size_t run(struct spotter *spotter, const float *samples, size_t n, size_t split,
		  int64_t *clocks)
{
	struct spotter_detection detection;
	size_t found = 0, window;

	while (n > 0) {
		size_t taken = spotter_push(spotter, samples, split < n ? split : n);

		samples += taken;
		n -= taken;
		while (spotter_window(spotter, &window)) {
			if (look(spotter, &detection)) {
				assert_int_equal(detection.label, 1);
				clocks[found++] = detection.clock;
			}
		}
	}
	return found;
}

static void test_splits(void **state)
{
	(void)state;
	float samples[1000] = {0};
	int64_t clocks[100];

	for (int i = 300; i < 420; i++)
		samples[i] = 1;
	for (size_t split = 1; split < 400; split += 13) {
		struct spotter spotter;

		assert_int_equal(spotter_init(&spotter, &options), 0);
		assert_int_equal(run(&spotter, samples, 1000, split, clocks), 3);
		assert_int_equal(clocks[0], 310);
		assert_int_equal(clocks[1], 360);
		assert_int_equal(clocks[2], 410);
		spotter_finish(&spotter);
	}
}

static void test_live_leaves_out(void **state)
{
	(void)state;
	struct spotter_options live = options;
	struct spotter spotter;
	float samples[30] = {0};
	size_t n;

	live.live = true;
	assert_int_equal(spotter_init(&spotter, &live), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(spotter_push(&spotter, samples, 30), 30);
	assert_non_null(spotter_window(&spotter, &n));
	/* The windows left stay on the grid, and the clock is right. */
	assert_int_equal(spotter.clock % HOP, 0);
	assert_int_equal(spotter.clock + (int64_t)spotter.n, 3000);
	spotter_finish(&spotter);
}

static void test_gap_and_end(void **state)
{
	(void)state;
	struct spotter spotter;
	struct spotter_detection detection;
	float samples[WINDOW] = {0};
	size_t n;

	samples[79] = 1;
	assert_int_equal(spotter_init(&spotter, &options), 0);
	spotter_push(&spotter, samples, 99);
	spotter_skip(&spotter, 1000);
	/* No window reaches over the gap. */
	spotter_push(&spotter, samples, 80);
	assert_null(spotter_window(&spotter, &n));
	spotter_end(&spotter);
	/* Shorter than a window, but all there is. */
	assert_non_null(spotter_window(&spotter, &n));
	assert_int_equal(n, 80);
	assert_true(look(&spotter, &detection));
	assert_int_equal(detection.clock, 1179);
	assert_null(spotter_window(&spotter, &n));
	spotter_finish(&spotter);
}

static void test_threshold_and_ignored(void **state)
{
	(void)state;
	static const bool ignored[3] = {false, true, false};
	const float low[3] = {0.69f, 0.01f, 0.3f}, hidden[3] = {0.1f, 0.9f, 0},
		    high[3] = {0.1f, 0.05f, 0.85f};
	float samples[2 * WINDOW] = {0};
	struct spotter_detection detection;
	struct spotter spotter;

	assert_int_equal(spotter_init(&spotter, &options), 0);
	spotter_push(&spotter, samples, sizeof(samples) / sizeof(samples[0]));
	assert_false(spotter_take(&spotter, low, ignored, 3, &detection));
	assert_false(spotter_take(&spotter, hidden, ignored, 3, &detection));
	assert_true(spotter_take(&spotter, high, ignored, 3, &detection));
	assert_int_equal(detection.label, 2);
	assert_int_equal(detection.clock, WINDOW + 2 * HOP);
	assert_false(spotter_take(&spotter, high, ignored, 3, &detection));
	spotter_finish(&spotter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_live_leaves_out),
		cmocka_unit_test(test_gap_and_end),
		cmocka_unit_test(test_threshold_and_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
