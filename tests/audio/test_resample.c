#include "audio/resample.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_SAMPLES = 400000 };

static const double pi = 3.14159265358979323846;

/* Converts all of `in`, cut into pieces of `block` (0: irregular ones), into
 * rooms of `room`; returns the number of samples made. */
static size_t convert(struct resampler *r, const float *in, size_t n, size_t block, size_t room,
		      float *out)
{
	size_t taken = 0;
	size_t made = 0;
	unsigned seed = 7;

	for (;;) {
		seed = seed * 1103515245U + 12345U;
		size_t piece = block ? block : 1 + (seed >> 16) % 3000;
		size_t used = n - taken < piece ? n - taken : piece;
		bool end = used == n - taken;
		size_t got = room;
		assert_true(made + room <= MAX_SAMPLES);
		assert_int_equal(resampler_run(r, in + taken, &used, out + made, &got, end), 0);
		taken += used;
		made += got;
		if (end && taken == n && got == 0)
			return made;
	}
}

static float *sine(double hz, unsigned rate, size_t n)
{
	float *out = calloc(n, sizeof(*out));
	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		out[i] = (float)(0.5 * sin(2.0 * pi * hz * (double)i / rate));
	return out;
}

/* A tone comes out as the same tone, in phase: the filter's delay is not in it. */
static void test_tone_keeps_its_phase(void **state)
{
	static const unsigned rates[] = {8000, 11025, 22050, 32000, 44100, 48000, 96000};
	(void)state;

	float *out = calloc(MAX_SAMPLES, sizeof(*out));
	assert_non_null(out);
	for (size_t k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		struct resampler *r = NULL;
		float *in = sine(440.0, rates[k], rates[k]);
		float *want = sine(440.0, 16000, 16000);
		assert_int_equal(resampler_create(rates[k], 16000, RESAMPLER_BEST, &r), 0);
		size_t n = convert(r, in, rates[k], 1000, 1000, out);
		assert_in_range(n, 15999, 16001);
		for (size_t i = 500; i < 15500; i++) {
			if (fabsf(out[i] - want[i]) > 1e-4F)
				fail_msg("%u Hz, sample %zu: %g, not %g", rates[k], i,
					 (double)out[i], (double)want[i]);
		}
		resampler_destroy(r);
		free(in);
		free(want);
	}
	free(out);
}

static void test_any_split_is_the_same(void **state)
{
	static const size_t blocks[] = {1, 7, 160, 4096, 0};
	(void)state;

	size_t n = 20000;
	float *in = sine(997.0, 44100, n);
	float *whole = calloc(MAX_SAMPLES, sizeof(*whole));
	float *out = calloc(MAX_SAMPLES, sizeof(*out));
	struct resampler *r = NULL;
	assert_non_null(whole);
	assert_non_null(out);
	assert_int_equal(resampler_create(44100, 16000, RESAMPLER_BEST, &r), 0);
	size_t total = convert(r, in, n, n, 100000, whole);
	for (size_t k = 0; k < sizeof(blocks) / sizeof(blocks[0]); k++) {
		for (size_t room = 1; room < 10000; room = room * 9 + 1) {
			resampler_reset(r);
			assert_int_equal(convert(r, in, n, blocks[k], room, out), total);
			assert_memory_equal(out, whole, total * sizeof(*out));
		}
	}
	resampler_destroy(r);
	free(in);
	free(whole);
	free(out);
}

static void test_equal_rates_copy(void **state)
{
	(void)state;
	float in[100];
	float *out = calloc(MAX_SAMPLES, sizeof(*out));
	struct resampler *r = NULL;

	assert_non_null(out);
	for (int i = 0; i < 100; i++)
		in[i] = (float)i / 32768.0F;
	assert_int_equal(resampler_create(16000, 16000, RESAMPLER_FAST, &r), 0);
	assert_int_equal(convert(r, in, 100, 7, 3, out), 100);
	assert_memory_equal(in, out, sizeof(in));
	resampler_destroy(r);
	free(out);
}

static void test_refuses_rates(void **state)
{
	(void)state;
	struct resampler *r = NULL;

	assert_int_equal(resampler_create(0, 16000, RESAMPLER_BEST, &r), -EINVAL);
	assert_int_equal(resampler_create(16000, 0, RESAMPLER_BEST, &r), -EINVAL);
	assert_int_equal(resampler_create(10, 16000, RESAMPLER_BEST, &r), -EINVAL);
	assert_null(r);
	resampler_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tone_keeps_its_phase),
		cmocka_unit_test(test_any_split_is_the_same),
		cmocka_unit_test(test_equal_rates_copy),
		cmocka_unit_test(test_refuses_rates),
	};
	return cmocka_run_group_tests_name("resample", tests, NULL, NULL);
}
