#include "tests/tools/sounds.h"

#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

void sounds_tone(float *samples, size_t n, unsigned rate, double hz, double level)
{
	const double tau = 6.283185307179586;

	for (size_t i = 0; i < n; i++)
		samples[i] = (float)(level * sqrt(2) * sin(tau * hz * (double)i / rate));
}

void sounds_noise(float *samples, size_t n, unsigned seed, double level)
{
	uint32_t state = seed;

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525U + 1013904223U;
		samples[i] = (float)(level * sqrt(3) * ((double)state * 0x1p-31 - 1));
	}
}

void sounds_write(const char *dir, const char *name, unsigned rate, const float *samples, size_t n)
{
	SF_INFO info = {
		.samplerate = (int)rate,
		.channels = 1,
		.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT,
	};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);
	assert_non_null(file);
	assert_int_equal(sf_writef_float(file, samples, (sf_count_t)n), n);
	assert_int_equal(sf_close(file), 0);
}
