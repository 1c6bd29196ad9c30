/* Files and pipes as mono samples at one rate. */
#include "audio/file.h"

#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/heard-audio-XXXXXX";
static char path[sizeof(dir) + 16];
static char last_error[512];

static void keep_error(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	snprintf(last_error, sizeof(last_error), "%s", line);
}

static int group_setup(void **state)
{
	(void)state;
	log_set_sink(keep_error, NULL);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/a", dir);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int16_t sample_at(size_t i)
{
	return (int16_t)((i * 7919U + 13U) % 65536U - 32768U);
}

/* Writes frames of sample_at, channel c shifted by c, in any container. */
static void write_sound(int format, int rate, int channels, size_t frames)
{
	SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
	SNDFILE *sound = sf_open(path, SFM_WRITE, &info);
	assert_non_null(sound);
	for (size_t i = 0; i < frames; i++) {
		short frame[8];
		for (int c = 0; c < channels; c++)
			frame[c] = sample_at(i + (size_t)c);
		assert_int_equal(sf_writef_short(sound, frame, 1), 1);
	}
	sf_close(sound);
}

static void write_bytes(const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

/* Opens standard input on a child that writes `bytes` in small pieces. */
static pid_t pipe_to_stdin(const void *bytes, size_t n, size_t piece)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(fds[0]);
		for (size_t done = 0; done < n; done += piece) {
			size_t want = n - done < piece ? n - done : piece;
			if (write(fds[1], (const char *)bytes + done, want) != (ssize_t)want)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	assert_true(dup2(fds[0], STDIN_FILENO) >= 0);
	close(fds[0]);
	return child;
}

static size_t read_piped(const void *bytes, size_t n, size_t piece, const struct pcm_layout *raw,
			 float **samples)
{
	struct audio_file *file = NULL;
	size_t count = 0;

	pid_t child = pipe_to_stdin(bytes, n, piece);
	assert_int_equal(audio_file_open("-", 16000, raw, &file), 0);
	assert_int_equal(audio_file_read_all(file, samples, &count), 0);
	audio_file_close(file);
	waitpid(child, NULL, 0);
	return count;
}

static int open_piped(const void *bytes, size_t n)
{
	struct audio_file *file = NULL;

	pid_t child = pipe_to_stdin(bytes, n, n);
	int error = audio_file_open("-", 16000, NULL, &file);
	assert_null(file);
	waitpid(child, NULL, 0);
	return error;
}

static void put(unsigned char *p, uint32_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

/* A 44-byte header as a program that writes into a pipe makes it. */
static void wav_header(unsigned char *h, unsigned tag, unsigned channels, unsigned rate,
		       unsigned bits, uint32_t data_bytes)
{
	memcpy(h, "RIFF\377\377\377\377WAVEfmt ", 16);
	put(h + 16, 16, 4);
	put(h + 20, tag, 2);
	put(h + 22, channels, 2);
	put(h + 24, rate, 4);
	put(h + 28, rate * channels * bits / 8, 4);
	put(h + 32, channels * bits / 8, 2);
	put(h + 34, bits, 2);
	memcpy(h + 36, "data", 4);
	put(h + 40, data_bytes, 4);
}

static void test_16_bits_are_exact(void **state)
{
	static const int formats[] = {
		SF_FORMAT_WAV | SF_FORMAT_PCM_16,
		SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
		SF_FORMAT_AIFF | SF_FORMAT_PCM_16,
		SF_FORMAT_WAVEX | SF_FORMAT_PCM_24,
	};
	(void)state;

	for (size_t k = 0; k < sizeof(formats) / sizeof(formats[0]); k++) {
		struct audio_file *file = NULL;
		float *samples = NULL;
		size_t n = 0;
		write_sound(formats[k], 16000, 1, 10000);
		assert_int_equal(audio_file_open(path, 16000, NULL, &file), 0);
		assert_int_equal(audio_file_read_all(file, &samples, &n), 0);
		assert_int_equal(n, 10000);
		for (size_t i = 0; i < n; i++) {
			if (samples[i] != (float)sample_at(i) / 32768.0F)
				fail_msg("format %zu, sample %zu", k, i);
		}
		free(samples);
		audio_file_close(file);
	}
}

static void test_channels_are_averaged(void **state)
{
	(void)state;
	struct audio_file *file = NULL;
	float *samples = NULL;
	size_t n = 0;

	write_sound(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 3, 5000);
	assert_int_equal(audio_file_open(path, 16000, NULL, &file), 0);
	assert_int_equal(audio_file_read_all(file, &samples, &n), 0);
	assert_int_equal(n, 5000);
	for (size_t i = 0; i < n; i++) {
		double mean = ((double)sample_at(i) + sample_at(i + 1) + sample_at(i + 2)) / 3.0;
		if (fabs(samples[i] - mean / 32768.0) > 1e-6)
			fail_msg("sample %zu", i);
	}
	free(samples);
	audio_file_close(file);
}

static void test_small_reads_equal_one(void **state)
{
	(void)state;
	struct audio_file *file = NULL;
	float *samples = NULL;
	size_t n = 0;
	float piece[777];

	write_sound(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 2, 50000);
	assert_int_equal(audio_file_open(path, 16000, NULL, &file), 0);
	assert_int_equal(audio_file_read_all(file, &samples, &n), 0);
	assert_in_range(n, 16666, 16667);
	audio_file_close(file);

	assert_int_equal(audio_file_open(path, 16000, NULL, &file), 0);
	size_t at = 0;
	for (;;) {
		ssize_t got = audio_file_read(file, piece, 777);
		assert_true(got >= 0 && at + (size_t)got <= n);
		assert_memory_equal(piece, samples + at, (size_t)got * sizeof(float));
		at += (size_t)got;
		if (got == 0)
			break;
	}
	assert_int_equal(at, n);
	audio_file_close(file);
	free(samples);
}

static void test_broken_files_are_named(void **state)
{
	(void)state;
	struct audio_file *file = NULL;
	float *samples = NULL;
	size_t n = 0;

	assert_int_equal(audio_file_open("/nonexistent.wav", 16000, NULL, &file), -ENOENT);
	assert_non_null(strstr(last_error, "/nonexistent.wav: "));
	assert_int_equal(audio_file_open(dir, 16000, NULL, &file), -EISDIR);
	write_bytes("this is no sound at all, is it?", 31);
	assert_int_equal(audio_file_open(path, 16000, NULL, &file), -EINVAL);
	assert_non_null(strstr(last_error, path));
	write_bytes("", 0);
	assert_int_equal(audio_file_open(path, 16000, NULL, &file), -EINVAL);
	write_sound(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16, 1, 10);
	assert_int_equal(audio_file_open(path, 16000, NULL, &file), -EINVAL);
	assert_null(file);

	unsigned char wav[44 + 8];
	float values[2] = {0.5F, NAN};
	wav_header(wav, 3, 1, 16000, 32, 8);
	memcpy(wav + 44, values, 8);
	write_bytes(wav, sizeof(wav));
	assert_int_equal(audio_file_open(path, 16000, NULL, &file), 0);
	assert_int_equal(audio_file_read_all(file, &samples, &n), -EINVAL);
	assert_non_null(strstr(last_error, "sample 1 "));
	assert_null(samples);
	audio_file_close(file);
}

static void test_raw_from_a_pipe(void **state)
{
	(void)state;
	unsigned char bytes[2 * 999 + 1] = {0};
	float *samples = NULL;

	for (size_t i = 0; i < 999; i++)
		put(bytes + 2 * i, (uint16_t)sample_at(i), 2);
	for (size_t piece = 1; piece < 4000; piece *= 7) {
		/* Half a sample at the end is dropped. */
		assert_int_equal(read_piped(bytes, sizeof(bytes), piece, NULL, &samples), 999);
		for (size_t i = 0; i < 999; i++)
			assert_true(samples[i] == (float)sample_at(i) / 32768.0F);
		free(samples);
	}
	struct pcm_layout stereo = {.format = PCM_S16LE, .rate = 32000, .channels = 2};
	size_t n = read_piped(bytes, 999 * 2, 100, &stereo, &samples);
	assert_in_range(n, 249, 250);
	free(samples);
	assert_int_equal(read_piped(bytes, 0, 1, NULL, &samples), 0);
	assert_non_null(samples);
	free(samples);
}

static void test_wav_from_a_pipe(void **state)
{
	static const uint32_t lengths[] = {400, 0, 0xffffffffU, 0x7ffff000U, 10000};
	(void)state;
	unsigned char wav[44 + 400];
	float *samples = NULL;

	for (size_t i = 0; i < 200; i++)
		put(wav + 44 + 2 * i, (uint16_t)sample_at(i), 2);
	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		wav_header(wav, 1, 1, 16000, 16, lengths[k]);
		assert_int_equal(read_piped(wav, sizeof(wav), 5, NULL, &samples), 200);
		for (size_t i = 0; i < 200; i++)
			assert_true(samples[i] == (float)sample_at(i) / 32768.0F);
		free(samples);
	}
	/* What follows the data chunk is not sound. */
	wav_header(wav, 1, 2, 16000, 16, 200);
	assert_int_equal(read_piped(wav, sizeof(wav), 444, NULL, &samples), 50);
	free(samples);
}

static void test_bad_pipes_are_refused(void **state)
{
	(void)state;
	unsigned char wav[44 + 400] = {0};

	wav_header(wav, 1, 0, 16000, 16, 400);
	assert_int_equal(open_piped(wav, sizeof(wav)), -EINVAL);
	wav_header(wav, 1, 1, 0, 16, 400);
	assert_int_equal(open_piped(wav, sizeof(wav)), -EINVAL);
	wav_header(wav, 7, 1, 8000, 8, 400);
	assert_int_equal(open_piped(wav, sizeof(wav)), -ENOTSUP);
	wav_header(wav, 1, 1, 16000, 16, 400);
	put(wav + 16, 0xfffffff0U, 4);
	assert_int_equal(open_piped(wav, sizeof(wav)), -EINVAL);
	put(wav + 16, 16, 4);
	for (size_t cut = 12; cut < 44; cut++)
		assert_int_equal(open_piped(wav, cut), -EINVAL);
	memcpy(wav + 12, "data", 4);
	assert_int_equal(open_piped(wav, sizeof(wav)), -EINVAL);
	assert_int_equal(open_piped("fLaC............", 16), -ENOTSUP);
}

static void test_redirected_file_equals_its_path(void **state)
{
	(void)state;
	struct audio_file *file = NULL;
	float *samples = NULL;
	size_t n = 0;

	write_sound(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, 3000);
	int fd = open(path, O_RDONLY);
	assert_true(dup2(fd, STDIN_FILENO) >= 0);
	close(fd);
	assert_int_equal(audio_file_open("-", 16000, NULL, &file), 0);
	assert_int_equal(audio_file_read_all(file, &samples, &n), 0);
	assert_int_equal(n, 3000);
	for (size_t i = 0; i < n; i++)
		assert_true(samples[i] == (float)sample_at(i) / 32768.0F);
	free(samples);
	audio_file_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_16_bits_are_exact),
		cmocka_unit_test(test_channels_are_averaged),
		cmocka_unit_test(test_small_reads_equal_one),
		cmocka_unit_test(test_broken_files_are_named),
		cmocka_unit_test(test_raw_from_a_pipe),
		cmocka_unit_test(test_wav_from_a_pipe),
		cmocka_unit_test(test_bad_pipes_are_refused),
		cmocka_unit_test(test_redirected_file_equals_its_path),
	};
	return cmocka_run_group_tests_name("file", tests, group_setup, group_teardown);
}
