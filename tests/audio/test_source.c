/* The file source and the standard input source, under a clock of our own. */
#include "audio/source.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE = 16000 };

static int64_t test_now;

static int64_t test_clock(void *ctx)
{
	(void)ctx;
	return test_now;
}

static void advance_ms(int64_t ms)
{
	test_now += ms * 1000000;
}

static float sample_at(size_t i)
{
	return (float)((int)(i * 7919 % 65536) - 32768) / 32768.0F;
}

/* A WAV file of n such samples; its path is valid until the next call. */
static const char *write_wav(size_t n)
{
	static char path[64];
	SF_INFO info = {.samplerate = RATE, .channels = 1};

	snprintf(path, sizeof(path), "/tmp/heard-test-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
	SNDFILE *file = sf_open_fd(fd, SFM_WRITE, &info, 1);
	assert_non_null(file);
	for (size_t i = 0; i < n; i++) {
		short s = (short)(sample_at(i) * 32768.0F);
		assert_int_equal(sf_write_short(file, &s, 1), 1);
	}
	sf_close(file);
	return path;
}

static struct source *open_file(const char *path, bool loop)
{
	struct source_options options = {.rate = RATE, .loop = loop, .clock = test_clock};
	struct source *source;
	struct source_event event;
	char spec[80];

	snprintf(spec, sizeof(spec), "file:%s", path);
	assert_int_equal(source_create(spec, &options, &source), 0);
	assert_true(source_is_live(source));
	assert_false(source_next(source, &event));
	assert_true(source_wants_open(source));
	assert_int_equal(source_open(source), 0);
	assert_false(source_wants_open(source));
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_OPENED);
	assert_int_equal(event.format.rate, RATE);
	assert_int_equal(event.format.channels, 1);
	return source;
}

/* Takes what there is and checks it against the file of `period` samples, from
 * *position on. Returns true at the end. */
static bool take_all(struct source *source, size_t *position, size_t period)
{
	struct source_event event;

	while (source_next(source, &event)) {
		if (event.kind == SOURCE_END) {
			assert_null(event.reason);
			return true;
		}
		assert_int_equal(event.kind, SOURCE_AUDIO);
		assert_in_range(event.frames, 1, SOURCE_BLOCK_FRAMES);
		for (uint64_t i = 0; i < event.frames; i++) {
			float expected = sample_at((*position)++ % period);
			assert_true(event.samples[i] == expected);
		}
	}
	return false;
}

static void test_file_pacing(void **state)
{
	(void)state;
	const size_t n = 3 * RATE + 77;
	const char *path = write_wav(n);
	struct source *source = open_file(path, false);
	struct source_status status;
	size_t position = 0;

	/* Nothing is due at once; then exactly what the clock says. */
	assert_false(take_all(source, &position, n));
	assert_int_equal(position, 0);
	advance_ms(10);
	assert_false(take_all(source, &position, n));
	assert_int_equal(position, 160);
	for (int i = 0; i < 30; i++) {
		advance_ms(33);
		assert_false(take_all(source, &position, n));
	}
	assert_int_equal(position, RATE);
	/* After a long pause it goes on, one second at once. */
	advance_ms(3600 * 1000);
	assert_false(take_all(source, &position, n));
	assert_int_equal(position, 2 * RATE);
	advance_ms(500);
	assert_false(take_all(source, &position, n));
	assert_int_equal(position, 2 * RATE + RATE / 2);
	advance_ms(1000);
	assert_true(take_all(source, &position, n));
	assert_int_equal(position, n);

	struct source_event event;
	assert_false(source_next(source, &event));
	assert_false(source_wants_open(source));
	source_get_status(source, &status);
	assert_string_equal(status.kind, "file");
	assert_string_equal(status.name, path);
	assert_false(status.open);
	assert_int_equal(status.frames, n);
	source_destroy(source);
	unlink(path);
}

static void test_file_loop(void **state)
{
	(void)state;
	const size_t n = 1234;
	const char *path = write_wav(n);
	struct source *source = open_file(path, true);
	size_t position = 0;

	for (int i = 0; i < 40; i++) {
		advance_ms(50);
		assert_false(take_all(source, &position, n));
		assert_int_equal(position, 800 * (size_t)(i + 1));
	}
	/* The file is gone when it should start over. */
	unlink(path);
	struct source_event event = {0};
	for (int i = 0; i < 100 && event.kind != SOURCE_END; i++) {
		advance_ms(50);
		while (source_next(source, &event) && event.kind != SOURCE_END)
			assert_int_equal(event.kind, SOURCE_AUDIO);
	}
	assert_int_equal(event.kind, SOURCE_END);
	assert_non_null(event.reason);
	source_destroy(source);
}

static void test_file_empty_loop_ends(void **state)
{
	(void)state;
	const char *path = write_wav(0);
	struct source *source = open_file(path, true);
	size_t position = 0;

	advance_ms(50);
	assert_true(take_all(source, &position, 1));
	source_destroy(source);
	unlink(path);
}

static void test_file_missing(void **state)
{
	(void)state;
	struct source_options options = {.rate = RATE};
	struct source *source;
	struct source_event event;

	assert_int_equal(source_create("file:/nonexistent/a.wav", &options, &source), 0);
	assert_int_equal(source_open(source), -ENOENT);
	assert_false(source_wants_open(source));
	assert_false(source_next(source, &event));
	source_destroy(source);
}

static void test_bad_spec(void **state)
{
	(void)state;
	struct source_options options = {.rate = RATE};
	struct source *source;

	assert_int_equal(source_create("", &options, &source), -EINVAL);
	assert_int_equal(source_create("file:", &options, &source), -EINVAL);
	assert_int_equal(source_create("microphone", &options, &source), -EINVAL);
	assert_null(source);
	options.rate = 0;
	assert_int_equal(source_create("stdin", &options, &source), -EINVAL);
	source_destroy(NULL);
}

static void test_stdin_odd_bytes(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct source_options options = {
		.rate = RATE,
		.raw = {PCM_S16LE, 48000, 2},
		.raw_fd = ends[0],
	};
	struct source *source;
	struct source_event event;
	unsigned char bytes[4003];
	uint64_t frames = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 31 + 5);
	assert_int_equal(source_create("stdin", &options, &source), 0);
	assert_false(source_is_live(source));
	assert_true(source_wants_open(source));
	assert_int_equal(source_open(source), 0);
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_OPENED);
	assert_int_equal(event.format.rate, 48000);
	assert_int_equal(event.format.channels, 2);
	/* An empty pipe does not block. */
	assert_false(source_next(source, &event));

	for (size_t at = 0, n = 1; at < sizeof(bytes); at += n, n = n % 97 + 3) {
		if (n > sizeof(bytes) - at)
			n = sizeof(bytes) - at;
		assert_int_equal(write(ends[1], bytes + at, n), n);
		while (source_next(source, &event)) {
			assert_int_equal(event.kind, SOURCE_AUDIO);
			for (size_t i = 0; i < 2 * event.frames; i++) {
				const unsigned char *b = bytes + (frames * 2 + i) * 2;
				int value = (int16_t)(b[0] | b[1] << 8);
				assert_true(event.samples[i] == (float)value / 32768.0F);
			}
			frames += event.frames;
		}
		assert_int_equal(frames, (at + n) / 4);
	}
	close(ends[1]);
	/* Three bytes are no frame. */
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_END);
	assert_null(event.reason);
	assert_int_equal(frames, 1000);
	assert_false(source_next(source, &event));
	source_destroy(source);
	close(ends[0]);
}

static void test_stdin_default_layout(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct source_options options = {.rate = RATE, .raw_fd = ends[0]};
	struct source *source;
	struct source_event event;

	assert_int_equal(source_create("stdin", &options, &source), 0);
	assert_int_equal(source_open(source), 0);
	assert_true(source_next(source, &event));
	assert_int_equal(event.format.rate, RATE);
	assert_int_equal(event.format.channels, 1);
	/* The other end stays: what cannot be read ends the source. */
	close(ends[0]);
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_END);
	assert_non_null(event.reason);
	source_destroy(source);
	close(ends[1]);

	options.raw = (struct pcm_layout){PCM_S16LE, RATE, 1000};
	assert_int_equal(source_create("stdin", &options, &source), -EINVAL);
}

/* A file on standard input is no sound. */
static void test_stdin_with_header(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct source_options options = {.rate = RATE, .raw_fd = ends[0]};
	struct source *source;
	struct source_event event;

	assert_int_equal(source_create("stdin", &options, &source), 0);
	assert_int_equal(source_open(source), 0);
	assert_true(source_next(source, &event));
	assert_int_equal(write(ends[1], "RIFF\xa4\x83\1\0WAVEfmt ", 16), 16);
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_END);
	assert_non_null(event.reason);
	source_destroy(source);

	/* Later the same bytes are samples like any other. */
	assert_int_equal(source_create("stdin", &options, &source), 0);
	assert_int_equal(source_open(source), 0);
	assert_true(source_next(source, &event));
	assert_int_equal(write(ends[1], "\0\0", 2), 2);
	assert_true(source_next(source, &event));
	assert_int_equal(write(ends[1], "RIFF\xa4\x83\1\0WAVEfmt ", 16), 16);
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_AUDIO);
	assert_int_equal(event.frames, 8);
	source_destroy(source);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_pacing),
		cmocka_unit_test(test_file_loop),
		cmocka_unit_test(test_file_empty_loop_ends),
		cmocka_unit_test(test_file_missing),
		cmocka_unit_test(test_bad_spec),
		cmocka_unit_test(test_stdin_odd_bytes),
		cmocka_unit_test(test_stdin_default_layout),
		cmocka_unit_test(test_stdin_with_header),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
