/* The level of speech, and noise in proportion to it. */
#include "tests/tools/sounds.h"
#include "tests/weights/scratch.h"
#include "tools/noise.h"
#include "tools/speech_level.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 16000, SECONDS = 4, N = RATE * SECONDS };

static void assert_near(double value, double wanted, double tolerance)
{
	if (!(fabs(value - wanted) <= tolerance))
		fail_msg("%g is not %g within %g", value, wanted, tolerance);
}

static double db(double ratio)
{
	return 20 * log10(ratio);
}

/* A tone half of the time: its level is that of the tone, not of the whole. */
static void test_level_leaves_pauses_out(void **state)
{
	(void)state;
	static float samples[N];
	static const double levels[] = {0.2, 0.05, 0.004};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		double activity;
		memset(samples, 0, sizeof(samples));
		sounds_tone(samples + RATE, 2 * RATE, RATE, 300, levels[i]);
		double level = speech_level(samples, N, RATE, &activity);
		/* The hangover of 0.2 s counts as speech: 0.4 dB of 2 s. */
		assert_near(db(level / levels[i]), -0.4, 0.2);
		assert_near(activity, 2.2 / SECONDS, 0.02);
		assert_near(db(signal_level(samples, N) / levels[i]), -3, 0.1);
	}
	/* The same without pauses. */
	sounds_tone(samples, N, RATE, 300, 0.1);
	assert_near(db(speech_level(samples, N, RATE, NULL) / 0.1), 0, 0.1);
}

/* Faint noise between the words is no speech. */
static void test_level_ignores_a_floor(void **state)
{
	(void)state;
	static float samples[N];
	double activity;

	sounds_noise(samples, N, 1, 0.0005);
	sounds_tone(samples + RATE, 2 * RATE, RATE, 300, 0.1);
	double level = speech_level(samples, N, RATE, &activity);
	assert_near(db(level / 0.1), -0.4, 0.2);
	assert_near(activity, 2.2 / SECONDS, 0.02);
}

/* Too short for the envelope: still as loud as it is. */
static void test_level_of_a_click(void **state)
{
	(void)state;
	static float samples[RATE / 50];

	sounds_noise(samples, RATE / 50, 1, 0.1);
	assert_near(db(speech_level(samples, RATE / 50, RATE, NULL) / 0.1), 0, 0.5);
}

static void test_level_of_nothing(void **state)
{
	(void)state;
	static float samples[N];
	double activity = 1;

	memset(samples, 0, sizeof(samples));
	assert_true(speech_level(samples, N, RATE, &activity) == 0);
	assert_true(activity == 0);
	assert_true(speech_level(samples, 0, RATE, NULL) == 0);
	assert_true(signal_level(samples, 0) == 0);
	sounds_tone(samples, N, RATE, 300, 1e-6);
	assert_true(speech_level(samples, N, RATE, NULL) == 0);
}

static void write_noises(struct scratch *scratch)
{
	static float samples[N];

	sounds_noise(samples, N, 3, 0.1);
	sounds_write(scratch->dir, "a.wav", RATE, samples, N);
	sounds_tone(samples, N, RATE, 1000, 0.3);
	sounds_write(scratch->dir, "b.wav", RATE, samples, RATE / 7);
	sounds_tone(samples, 48000, 48000, 50, 0.3);
	sounds_write(scratch->dir, "c.wav", 48000, samples, 48000);
	scratch_write_text(scratch, "manifest.tsv", "path\n");
	scratch_write_text(scratch, ".hidden", "");
}

/* What was added to a clip. */
static void mix(struct noise *noise, const char *name, uint64_t position, double snr_db,
		const float *clip, size_t n, float *added)
{
	float *mixed = malloc(n * sizeof(*mixed));

	assert_non_null(mixed);
	memcpy(mixed, clip, n * sizeof(*mixed));
	assert_int_equal(noise_mix(noise, name, position, snr_db, mixed, n), 1);
	for (size_t i = 0; i < n; i++)
		added[i] = mixed[i] - clip[i];
	free(mixed);
}

static void test_ratio(void **state)
{
	struct scratch *scratch = *state;
	static float clip[N], added[N];
	static const double ratios[] = {20, 10, 0, -5};
	struct noise *noise;

	write_noises(scratch);
	assert_int_equal(noise_open(scratch->dir, RATE, 1, &noise), 0);
	sounds_tone(clip + RATE, 2 * RATE, RATE, 300, 0.1);
	double speech = speech_level(clip, N, RATE, NULL);
	for (size_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
		for (uint64_t position = 0; position < 20; position++) {
			mix(noise, "set/x.wav", position, ratios[i], clip, N, added);
			assert_near(db(speech / signal_level(added, N)), ratios[i], 0.01);
		}
	}
	assert_int_equal(scratch->errors, 0);
	noise_close(noise);
	noise_close(NULL);
}

/* The same seed and clip: the same noise, whatever was mixed before. Another
 * seed, name or position: another noise. */
static void test_reproducible(void **state)
{
	struct scratch *scratch = *state;
	static float clip[N], first[N], again[N];
	struct noise *one, *two;

	write_noises(scratch);
	sounds_tone(clip, N, RATE, 300, 0.1);
	assert_int_equal(noise_open(scratch->dir, RATE, 1, &one), 0);
	mix(one, "set/x.wav", 16000, 10, clip, N, first);
	mix(one, "set/x.wav", 16000, 10, clip, N, again);
	assert_memory_equal(first, again, sizeof(first));
	mix(one, "set/y.wav", 16000, 10, clip, N, again);
	assert_memory_not_equal(first, again, sizeof(first));
	mix(one, "set/x.wav", 16001, 10, clip, N, again);
	assert_memory_not_equal(first, again, sizeof(first));
	noise_close(one);

	assert_int_equal(noise_open(scratch->dir, RATE, 1, &one), 0);
	assert_int_equal(noise_open(scratch->dir, RATE, 2, &two), 0);
	mix(one, "other", 1, 10, clip, N, again);
	mix(one, "set/x.wav", 16000, 10, clip, N, again);
	assert_memory_equal(first, again, sizeof(first));
	mix(two, "set/x.wav", 16000, 10, clip, N, again);
	assert_memory_not_equal(first, again, sizeof(first));
	noise_close(one);
	noise_close(two);
}

/* All files are drawn about equally often, told apart by how often they change
 * sign: a tone of 1000 Hz, one of 50 Hz, noise. */
static void test_every_file_is_drawn(void **state)
{
	struct scratch *scratch = *state;
	static float clip[RATE], added[RATE];
	unsigned drawn[3] = {0};
	struct noise *noise;

	write_noises(scratch);
	assert_int_equal(noise_open(scratch->dir, RATE, 1, &noise), 0);
	sounds_tone(clip, RATE, RATE, 300, 0.1);
	for (uint64_t position = 0; position < 300; position++) {
		int changes = 0;
		mix(noise, "x", position, 10, clip, RATE, added);
		for (size_t i = 1; i < RATE; i++)
			changes += (added[i] < 0) != (added[i - 1] < 0);
		drawn[changes < 300 ? 0 : changes < 3000 ? 1 : 2]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(drawn[i], 70, 130);
	noise_close(noise);
}

static void test_silence_is_left_alone(void **state)
{
	struct scratch *scratch = *state;
	static float clip[N], silence[N];
	struct noise *noise;

	sounds_write(scratch->dir, "silence.wav", RATE, silence, N);
	sounds_write(scratch->dir, "empty.wav", RATE, silence, 0);
	char path[256];
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch->dir,
			 i ? "silence.wav" : "empty.wav");
		assert_int_equal(noise_open(path, RATE, 1, &noise), 0);
		sounds_tone(clip, N, RATE, 300, 0.1);
		float before = clip[100];
		assert_int_equal(noise_mix(noise, "x", 0, 10, clip, N), 0);
		assert_true(clip[100] == before);
		noise_close(noise);
	}
	write_noises(scratch);
	snprintf(path, sizeof(path), "%s/a.wav", scratch->dir);
	assert_int_equal(noise_open(path, RATE, 1, &noise), 0);
	memset(clip, 0, sizeof(clip));
	assert_int_equal(noise_mix(noise, "x", 0, 10, clip, N), 0);
	assert_int_equal(noise_mix(noise, "x", 0, 10, clip, 0), 0);
	assert_memory_equal(clip, silence, sizeof(clip));
	noise_close(noise);
}

/* A file with gaps: noise is found for every clip. */
static void test_gaps_are_passed_over(void **state)
{
	struct scratch *scratch = *state;
	static float gaps[N], clip[RATE / 10], added[RATE / 10];
	struct noise *noise;
	char path[256];

	sounds_noise(gaps + N / 2, N / 2, 1, 0.1);
	sounds_write(scratch->dir, "gaps.wav", RATE, gaps, N);
	snprintf(path, sizeof(path), "%s/gaps.wav", scratch->dir);
	assert_int_equal(noise_open(path, RATE, 1, &noise), 0);
	sounds_tone(clip, RATE / 10, RATE, 300, 0.1);
	for (uint64_t position = 0; position < 40; position++)
		mix(noise, "x", position, 10, clip, RATE / 10, added);
	noise_close(noise);
}

static void test_refused(void **state)
{
	struct scratch *scratch = *state;
	struct noise *noise;
	static float clip[RATE];

	assert_int_equal(noise_open("/no/such/folder", RATE, 1, &noise), -ENOENT);
	assert_null(noise);
	scratch_expect(scratch, "/no/such/folder", "No such file");
	scratch_write_text(scratch, "notes.txt", "hush");
	assert_int_equal(noise_open(scratch->dir, RATE, 1, &noise), -ENOENT);
	scratch_expect(scratch, scratch->dir, "no audio file");
	scratch_write_text(scratch, "broken.wav", "RIFF but no more");
	assert_int_equal(noise_open(scratch->dir, RATE, 1, &noise), 0);
	sounds_tone(clip, RATE, RATE, 300, 0.1);
	assert_true(noise_mix(noise, "x", 0, 10, clip, RATE) < 0);
	scratch_expect(scratch, "broken.wav", "");
	noise_close(noise);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level_leaves_pauses_out),
		cmocka_unit_test(test_level_ignores_a_floor),
		cmocka_unit_test(test_level_of_a_click),
		cmocka_unit_test(test_level_of_nothing),
		TEST(test_ratio),
		TEST(test_reproducible),
		TEST(test_every_file_is_drawn),
		TEST(test_silence_is_left_alone),
		TEST(test_gaps_are_passed_over),
		TEST(test_refused),
	};
	return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
