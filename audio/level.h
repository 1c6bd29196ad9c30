/*
 * Level meter: RMS and peak of the samples since the last reset, in decibels
 * relative to full scale (dBFS; a full-scale sine has an RMS of -3).
 */
#ifndef HEARD_AUDIO_LEVEL_H
#define HEARD_AUDIO_LEVEL_H

#include <stddef.h>

/* What silence, or no samples at all, reads as. */
#define LEVEL_FLOOR_DB (-120.0)

/* All zero is a meter just reset. */
struct level {
	double squares; /* sum */
	size_t samples;
	float peak; /* largest magnitude */
};

/* Adds n samples; of several channels all count alike. */
void level_add(struct level *level, const float *samples, size_t n);
double level_rms_db(const struct level *level);
double level_peak_db(const struct level *level);
void level_reset(struct level *level);

/* 10 log10 of a mean square, at least LEVEL_FLOOR_DB. */
double level_power_db(double mean_square);

#endif
