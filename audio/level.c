#include "audio/level.h"

#include <math.h>

void level_add(struct level *level, const float *samples, size_t n)
{
	double squares = 0;
	float peak = level->peak;

	for (size_t i = 0; i < n; i++) {
		float magnitude = fabsf(samples[i]);
		squares += (double)samples[i] * (double)samples[i];
		if (magnitude > peak)
			peak = magnitude;
	}
	level->squares += squares;
	level->peak = peak;
	level->samples += n;
}

double level_power_db(double mean_square)
{
	/* Written so that what is not a number also reads as silence. */
	if (!(mean_square > 1e-12))
		return LEVEL_FLOOR_DB;
	return 10.0 * log10(mean_square);
}

double level_rms_db(const struct level *level)
{
	if (level->samples == 0)
		return LEVEL_FLOOR_DB;
	return level_power_db(level->squares / (double)level->samples);
}

double level_peak_db(const struct level *level)
{
	return level_power_db((double)level->peak * (double)level->peak);
}

void level_reset(struct level *level)
{
	*level = (struct level){0};
}
