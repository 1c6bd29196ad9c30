#include "audio/decimate.h"

#include "audio/resample.h"

#include <math.h>
#include <samplerate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_OUT = 20000 };

static float *noise(size_t n)
{
	float *out = calloc(n + 1, sizeof(*out));
	uint32_t seed = 5;

	assert_non_null(out);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525U + 1013904223U;
		out[i] = (float)(int32_t)seed / 2147483648.0F;
	}
	return out;
}

/* Converts n samples in pieces, into rooms of `room`. */
static size_t run(struct decimator *d, const float *in, size_t n, size_t piece, size_t room,
		  float *out)
{
	size_t taken = 0, made = 0;

	for (;;) {
		size_t used = n - taken < piece ? n - taken : piece;
		size_t got = room;
		bool end = used == n - taken;

		assert_true(made + room <= MAX_OUT);
		decimator_run(d, in + taken, &used, out + made, &got, end);
		taken += used;
		made += got;
		if (end && taken == n && got == 0)
			return made;
	}
}

/* Against the definition, with rows of which none is symmetric. */
static void test_is_the_sum(void **state)
{
	static const unsigned ratios[][2] = {{1, 1}, {1, 2}, {1, 6}, {2, 3}, {160, 441}, {7, 8}};
	static const size_t halves[] = {6, 7, 8, 61};
	static const size_t lengths[] = {0, 1, 5, 6, 17, 3000, 3001, 3002};
	float *out = calloc(MAX_OUT, sizeof(*out));
	(void)state;

	assert_non_null(out);
	for (size_t c = 0; c < 6 * 4 * 8; c++) {
		unsigned up = ratios[c % 6][0], down = ratios[c % 6][1];
		size_t half = halves[c / 6 % 4];
		size_t n = lengths[c / 24], wide = 2 * half + 1;
		float *weights = noise(up * wide);
		float *in = noise(n);
		struct decimator *d = NULL;

		assert_int_equal(decimator_create(up, down, weights, half, &d), 0);
		assert_int_equal(run(d, in, n, 700, 5000, out), n * up / down);
		for (size_t k = 0; k < n * up / down; k++) {
			const float *row = weights + k * down % up * wide;
			double want = 0;

			for (size_t j = 0; j < wide; j++) {
				int64_t at = (int64_t)(k * down / up + j) - (int64_t)half;

				if (at >= 0 && at < (int64_t)n)
					want += (double)row[j] * (double)in[at];
			}
			if (fabs((double)out[k] - want) > 1e-6 * (1 + fabs(want)))
				fail_msg("%u of %u, half %zu, %zu samples, output %zu: %g, not %g",
					 up, down, half, n, k, (double)out[k], want);
		}
		decimator_destroy(d);
		free(weights);
		free(in);
	}
	free(out);
}

static void test_any_split_is_the_same(void **state)
{
	static const size_t pieces[] = {1, 7, 480, 2880, 5000};
	static const size_t rooms[] = {1, 13, 4000};
	static const unsigned ratios[][2] = {{1, 3}, {160, 441}};
	enum { N = 5000, HALF = 58 };
	float *in = noise(N);
	float *whole = calloc(MAX_OUT, sizeof(*whole));
	float *out = calloc(MAX_OUT, sizeof(*out));
	(void)state;

	assert_non_null(whole);
	assert_non_null(out);
	for (size_t c = 0; c < 2 * 5 * 3; c++) {
		unsigned up = ratios[c / 15][0], down = ratios[c / 15][1];
		float *weights = noise((size_t)up * (2 * HALF + 1));
		size_t made = (size_t)N * up / down;
		struct decimator *d = NULL;

		assert_int_equal(decimator_create(up, down, weights, HALF, &d), 0);
		assert_int_equal(run(d, in, N, N, MAX_OUT / 2, whole), made);
		decimator_reset(d);
		assert_int_equal(run(d, in, N, pieces[c % 5], rooms[c / 5 % 3], out), made);
		assert_memory_equal(out, whole, made * sizeof(*out));
		decimator_destroy(d);
		free(weights);
	}
	free(in);
	free(whole);
	free(out);
}

/* The resampler that goes this way against the library that it stands for: as
 * many samples, and the same to the last bits of a float. */
static void expect_the_library(unsigned from, enum resampler_quality quality)
{
	static const int converters[] = {
		[RESAMPLER_BEST] = SRC_SINC_BEST_QUALITY,
		[RESAMPLER_MEDIUM] = SRC_SINC_MEDIUM_QUALITY,
		[RESAMPLER_FAST] = SRC_SINC_FASTEST,
	};
	static const size_t lengths[] = {0, 1, 2, 3, 100, 6000, 6001, 6002, 6003, 6004, 6005};
	float *out = calloc(MAX_OUT, sizeof(*out));
	float *want = calloc(MAX_OUT, sizeof(*want));
	float *in = noise(6005);
	struct resampler *r = NULL;

	assert_non_null(out);
	assert_non_null(want);
	assert_int_equal(resampler_create(from, 16000, quality, &r), 0);
	for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		size_t used = lengths[l], got = MAX_OUT;
		SRC_DATA data = {
			.data_in = in,
			.data_out = want,
			.input_frames = (long)lengths[l],
			.output_frames = MAX_OUT,
			.src_ratio = 16000.0 / from,
		};

		assert_int_equal(src_simple(&data, converters[quality], 1), 0);
		resampler_reset(r);
		assert_int_equal(resampler_run(r, in, &used, out, &got, true), 0);
		assert_int_equal(used, lengths[l]);
		assert_int_equal(got, data.output_frames_gen);
		for (size_t i = 0; i < got; i++) {
			if (!(fabsf(out[i] - want[i]) <= 5e-7F))
				fail_msg("quality %d, %u Hz, %zu samples, output %zu: %.9g, "
					 "not %.9g",
					 (int)quality, from, lengths[l], i, (double)out[i],
					 (double)want[i]);
		}
	}
	resampler_destroy(r);
	free(in);
	free(out);
	free(want);
}

static void test_is_the_library(void **state)
{
	(void)state;
	for (int quality = 0; quality < 3; quality++) {
		for (unsigned factor = 2; factor <= 6; factor++)
			expect_the_library(16000 * factor, (enum resampler_quality)quality);
	}
}

static void test_is_the_library_between_samples(void **state)
{
	static const unsigned rates[] = {22050, 24000, 44100, 88200};
	(void)state;

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		expect_the_library(rates[i], RESAMPLER_FAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_the_sum),
		cmocka_unit_test(test_any_split_is_the_same),
		cmocka_unit_test(test_is_the_library),
		cmocka_unit_test(test_is_the_library_between_samples),
	};
	return cmocka_run_group_tests_name("decimate", tests, NULL, NULL);
}
