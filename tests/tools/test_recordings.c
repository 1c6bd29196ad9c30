/* Clips cut out of files that are decoded once. */
#include "tests/tools/sounds.h"
#include "tests/weights/scratch.h"
#include "tools/manifest.h"
#include "tools/recordings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 16000, N = 2 * RATE };

static struct manifest *load(struct scratch *scratch, const char *text)
{
	struct manifest *manifest;
	char path[256];

	scratch_write_text(scratch, "list.tsv", text);
	snprintf(path, sizeof(path), "%s/list.tsv", scratch->dir);
	assert_int_equal(manifest_load(path, &manifest), 0);
	return manifest;
}

static void assert_clip(struct recordings *recordings, const struct manifest *manifest, size_t i,
			const float *wanted, size_t n_wanted)
{
	float *samples;
	size_t n;

	assert_int_equal(recordings_clip(recordings, manifest, i, &samples, &n), 0);
	assert_int_equal(n, n_wanted);
	assert_memory_equal(samples, wanted, n * sizeof(float));
	free(samples);
}

static void test_clips(void **state)
{
	struct scratch *scratch = *state;
	static float a[N], b[N];
	struct recordings *recordings;

	sounds_noise(a, N, 1, 0.1);
	sounds_noise(b, N, 2, 0.1);
	sounds_write(scratch->dir, "a.wav", RATE, a, N);
	sounds_write(scratch->dir, "b.wav", RATE, b, N);
	struct manifest *manifest = load(scratch, "path\tstart\tsamples\n"
						  "a.wav\t100\t500\n"
						  "b.wav\t0\t32000\n"
						  "a.wav\t31000\t\n"
						  "a.wav\t32000\t0\n"
						  "b.wav\t\t\n");
	/* Room for everything, for one file, for none. */
	for (size_t room = 3 * sizeof(a); room <= 3 * sizeof(a); room -= sizeof(a) * 3 / 2) {
		assert_int_equal(recordings_create(RATE, room, &recordings), 0);
		for (int round = 0; round < 2; round++) {
			assert_clip(recordings, manifest, 0, a + 100, 500);
			assert_clip(recordings, manifest, 1, b, N);
			assert_clip(recordings, manifest, 2, a + 31000, 1000);
			assert_clip(recordings, manifest, 3, a, 0);
			assert_clip(recordings, manifest, 4, b, N);
		}
		recordings_destroy(recordings);
		if (room == 0)
			break;
	}
	manifest_destroy(manifest);
}

/* A file is read once while there is room for it: it can go away meanwhile. */
static void test_cache(void **state)
{
	struct scratch *scratch = *state;
	static float a[N];
	struct recordings *recordings;

	sounds_noise(a, N, 1, 0.1);
	sounds_write(scratch->dir, "a.wav", RATE, a, N);
	sounds_write(scratch->dir, "b.wav", RATE, a, N);
	struct manifest *manifest = load(scratch, "path\na.wav\nb.wav\n");
	assert_int_equal(recordings_create(RATE, sizeof(a), &recordings), 0);
	assert_clip(recordings, manifest, 0, a, N);
	scratch_remove(scratch, "a.wav");
	assert_clip(recordings, manifest, 0, a, N);
	assert_clip(recordings, manifest, 1, a, N); /* takes its place */
	float *samples;
	size_t n;
	assert_int_equal(recordings_clip(recordings, manifest, 0, &samples, &n), -ENOENT);
	scratch_expect(scratch, "a.wav", "No such file");
	assert_clip(recordings, manifest, 1, a, N);
	recordings_destroy(recordings);
	manifest_destroy(manifest);
}

static void test_many_files(void **state)
{
	enum { FILES = 150 };
	struct scratch *scratch = *state;
	static float samples[FILES + 10];
	char text[FILES * 16] = "path\n";
	struct recordings *recordings;

	sounds_noise(samples, FILES + 10, 1, 0.1);
	for (int i = 0; i < FILES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d.wav", i);
		sounds_write(scratch->dir, name, RATE, samples + i, 10);
		sprintf(text + strlen(text), "%s\n", name);
	}
	struct manifest *manifest = load(scratch, text);
	assert_int_equal(recordings_create(RATE, RECORDINGS_DEFAULT_BYTES, &recordings), 0);
	for (size_t i = 0; i < 2 * (size_t)FILES; i++)
		assert_clip(recordings, manifest, i % FILES, samples + i % FILES, 10);
	recordings_destroy(recordings);
	recordings_destroy(NULL);
	manifest_destroy(manifest);
}

/* Positions count at 16000 Hz, whatever the rate of file and model. */
static void test_rates(void **state)
{
	struct scratch *scratch = *state;
	static const unsigned rates[] = {8000, 16000, 48000};
	static float tone[48000];
	struct recordings *recordings;

	/* A second of silence with a tone in its second half. */
	for (size_t i = 0; i < 3; i++) {
		char name[16];
		unsigned rate = rates[i];
		memset(tone, 0, sizeof(tone));
		sounds_tone(tone + rate / 2, rate / 2, rate, 400, 0.2);
		snprintf(name, sizeof(name), "%u.wav", rate);
		sounds_write(scratch->dir, name, rate, tone, rate);
	}
	struct manifest *manifest = load(scratch, "path\tstart\tsamples\n"
						  "8000.wav\t0\t7200\n8000.wav\t8800\t7200\n"
						  "16000.wav\t0\t7200\n16000.wav\t8800\t7200\n"
						  "48000.wav\t0\t7200\n48000.wav\t8800\t7200\n");
	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(recordings_create(rates[k], 1 << 24, &recordings), 0);
		for (size_t i = 0; i < manifest_size(manifest); i++) {
			float *samples;
			size_t n;
			double sum = 0;
			assert_int_equal(recordings_clip(recordings, manifest, i, &samples, &n), 0);
			assert_int_equal(n, 7200 * (size_t)rates[k] / 16000);
			for (size_t s = 0; s < n; s++)
				sum += (double)samples[s] * (double)samples[s];
			double power = sum / (double)n;
			if (i % 2 == 0 ? power > 1e-6 : power < 0.039 || power > 0.041)
				fail_msg("line %zu at %u Hz: %g", i + 2, rates[k], power);
			free(samples);
		}
		recordings_destroy(recordings);
	}
	manifest_destroy(manifest);
}

static void test_refused(void **state)
{
	struct scratch *scratch = *state;
	static const char *const whys[] = {"list.tsv:2", "list.tsv:3", "list.tsv:4", "none.wav",
					   "broken.wav"};
	static float a[N];
	struct recordings *recordings;

	sounds_write(scratch->dir, "a.wav", RATE, a, N);
	scratch_write_text(scratch, "broken.wav", "RIFF and then no more");
	struct manifest *manifest = load(scratch, "path\tstart\tsamples\n"
						  "a.wav\t0\t32001\n"
						  "a.wav\t32001\t\n"
						  "a.wav\t1099511627776\t1099511627776\n"
						  "none.wav\t0\t1\n"
						  "broken.wav\t0\t1\n");
	assert_int_equal(recordings_create(RATE, 1 << 20, &recordings), 0);
	for (size_t i = 0; i < manifest_size(manifest); i++) {
		float *samples;
		size_t n;
		assert_true(recordings_clip(recordings, manifest, i, &samples, &n) < 0);
		scratch_expect(scratch, whys[i], "");
	}
	recordings_destroy(recordings);
	manifest_destroy(manifest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clips), TEST(test_cache),   TEST(test_many_files),
		TEST(test_rates), TEST(test_refused),
	};
	return cmocka_run_group_tests_name("recordings", tests, NULL, NULL);
}
