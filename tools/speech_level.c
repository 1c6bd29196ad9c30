#include "tools/speech_level.h"

#include <math.h>

/* Thresholds from the last bit of 16 to half of full scale. */
enum { N_THRESHOLDS = 15 };

static const double smoothing_s = 0.03;
static const double hangover_s = 0.2;
static const double margin_db = 15.9;

/* Samples for which the envelope was at or above each threshold, or had been
 * during the hangover. */
static void count_active(const float *samples, size_t n, unsigned rate, size_t active[N_THRESHOLDS])
{
	const double decay = exp(-1 / (smoothing_s * rate));
	const size_t hangover = (size_t)ceil(hangover_s * rate);
	size_t held[N_THRESHOLDS];
	double once = 0, envelope = 0;

	for (size_t j = 0; j < N_THRESHOLDS; j++) {
		active[j] = 0;
		held[j] = hangover;
	}
	for (size_t i = 0; i < n; i++) {
		double threshold = 0x1p-15;
		once = decay * once + (1 - decay) * fabs((double)samples[i]);
		envelope = decay * envelope + (1 - decay) * once;
		for (size_t j = 0; j < N_THRESHOLDS; j++, threshold *= 2) {
			if (envelope >= threshold)
				held[j] = 0;
			else if (held[j] < hangover)
				held[j]++;
			else
				break;
			active[j]++;
		}
	}
}

static double square_sum(const float *samples, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)samples[i] * (double)samples[i];
	return sum;
}

double speech_level(const float *samples, size_t n, unsigned rate, double *activity)
{
	size_t active[N_THRESHOLDS];
	double sum = square_sum(samples, n);
	double last_level = 0, last_above = 0;
	double level = 0;

	count_active(samples, n, rate, active);
	/* Where the envelope of a click has no time to rise, all of it counts. */
	if (active[0] > 0)
		level = signal_level(samples, n);
	/* The higher the threshold, the less its samples' level is above it: find
	 * where that is the margin, on a straight line between two thresholds. */
	for (size_t j = 0; j < N_THRESHOLDS && active[j] > 0; j++) {
		double level_db = 10 * log10(sum / (double)active[j]);
		double above = level_db - 20 * log10(ldexp(1, (int)j - 15));
		if (above <= margin_db && j == 0) {
			level = 0;
			break;
		}
		if (above <= margin_db) {
			double part = (last_above - margin_db) / (last_above - above);
			level = pow(10, (last_level + part * (level_db - last_level)) / 20);
			break;
		}
		last_level = level_db;
		last_above = above;
	}
	if (activity)
		*activity = level > 0 ? fmin(1, sum / (level * level * (double)n)) : 0;
	return level;
}

double signal_level(const float *samples, size_t n)
{
	return n > 0 ? sqrt(square_sum(samples, n) / (double)n) : 0;
}
