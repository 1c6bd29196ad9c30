/* Where long audio is cut. */
#include "core/recognizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RATE = 16000, LIMIT = 30 * RATE };

static float *noise(size_t n)
{
	float *samples = malloc(n * sizeof(*samples));
	unsigned seed = 1;

	assert_non_null(samples);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525U + 1013904223U;
		samples[i] = (float)(int)(seed >> 16 & 0x7fff) / 32768.0F - 0.5F;
	}
	return samples;
}

static void hush(float *samples, size_t first, size_t n, float factor)
{
	for (size_t i = first; i < first + n; i++)
		samples[i] *= factor;
}

static void test_short_audio_is_whole(void **state)
{
	(void)state;
	float *samples = noise(LIMIT + 1);

	assert_int_equal(recognizer_segment(samples, 0, LIMIT, RATE), 0);
	assert_int_equal(recognizer_segment(samples, LIMIT, LIMIT, RATE), LIMIT);
	assert_true(recognizer_segment(samples, LIMIT + 1, LIMIT, RATE) < LIMIT);
	free(samples);
}

static void test_cuts_in_the_quietest_place(void **state)
{
	(void)state;
	float *samples = noise(2 * LIMIT);

	/* Before the last 10 s and behind the limit nothing counts. */
	hush(samples, 19 * RATE, RATE / 2, 0.0F);
	hush(samples, 31 * RATE, RATE, 0.0F);
	hush(samples, 22 * RATE, RATE / 5, 0.2F);
	hush(samples, 25 * RATE, RATE / 10, 0.1F);
	size_t cut = recognizer_segment(samples, (size_t)2 * LIMIT, LIMIT, RATE);
	assert_in_range(cut, 25 * RATE + RATE / 20 - RATE / 100,
			25 * RATE + RATE / 20 + RATE / 100);
	free(samples);
}

/* Every call must move on, or a loop over a file would not end. */
static void test_always_moves_on(void **state)
{
	static const size_t limits[] = {1, 10, 1599, 1600, 16000, 50000};
	(void)state;
	float *samples = calloc(60000, sizeof(*samples));

	assert_non_null(samples);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		size_t cut = recognizer_segment(samples, 60000, limits[i], RATE);
		assert_in_range(cut, 1, limits[i]);
		assert_in_range(recognizer_segment(samples, 60000, limits[i], 1), 1, limits[i]);
	}
	free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_audio_is_whole),
		cmocka_unit_test(test_cuts_in_the_quietest_place),
		cmocka_unit_test(test_always_moves_on),
	};
	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
