#include "audio/gate_band.h"

#include <math.h>
#include <string.h>

/* Not the very smallest: a dropout of the sound system, some tenths of a second of
 * digital silence, is no background. */
enum { FLOOR_RANK = 5 };

static const double PI = 3.14159265358979323846;

/* Butterworth by the bilinear transform. */
static struct gate_filter filter_of(double hz, double rate, bool high_pass)
{
	double k = tan(PI * hz / rate);
	double norm = 1.0 / (1.0 + k * sqrt(2.0) + k * k);
	double b = high_pass ? norm : k * k * norm;

	return (struct gate_filter){
		.b0 = b,
		.b1 = high_pass ? -2.0 * b : 2.0 * b,
		.b2 = b,
		.a1 = 2.0 * (k * k - 1.0) * norm,
		.a2 = (1.0 - k * sqrt(2.0) + k * k) * norm,
	};
}

static inline double filter_run(struct gate_filter *f, double x)
{
	double y = f->b0 * x + f->s1;

	f->s1 = f->b1 * x - f->a1 * y + f->s2;
	f->s2 = f->b2 * x - f->a2 * y;
	return y;
}

/* Digital silence would leave denormal numbers in a filter, which are slow. */
static void filter_settle(struct gate_filter *f)
{
	if (fabs(f->s1) < 1e-30)
		f->s1 = 0;
	if (fabs(f->s2) < 1e-30)
		f->s2 = 0;
}

void gate_band_init(struct gate_band *band, double low_hz, double high_hz, double rate,
		    double *blocks, size_t window)
{
	*band = (struct gate_band){
		.high_pass = filter_of(low_hz, rate, true),
		.limited = high_hz < 0.45 * rate,
		.blocks = blocks,
		.window = window,
	};
	if (band->limited)
		band->low_pass = filter_of(high_hz, rate, false);
}

void gate_band_break(struct gate_band *band)
{
	band->primed = false;
	memset(band->recent, 0, sizeof(band->recent));
}

void gate_band_reset(struct gate_band *band)
{
	gate_band_break(band);
	band->frames = 0;
	band->blocks_seen = 0;
	band->block_power = 0;
	band->level = 0;
	band->floor = 0;
}

/* As if the first sample had been there forever: an offset makes no step. */
static void prime(struct gate_band *band, double first)
{
	struct gate_filter *high = &band->high_pass;

	high->s1 = (high->b1 + high->b2) * first;
	high->s2 = high->b2 * first;
	band->low_pass.s1 = band->low_pass.s2 = 0;
	band->primed = true;
}

/* The FLOOR_RANK smallest block power of the window. */
static double low_block(const struct gate_band *band)
{
	double lowest[FLOOR_RANK]; /* ascending */
	size_t n = 0;

	for (size_t i = 0; i < band->window; i++) {
		double power = band->blocks[i];
		if (n == FLOOR_RANK && power >= lowest[n - 1])
			continue;
		if (n < FLOOR_RANK)
			n++;
		size_t at = n - 1;
		for (; at > 0 && lowest[at - 1] > power; at--)
			lowest[at] = lowest[at - 1];
		lowest[at] = power;
	}
	return lowest[n - 1];
}

static void finish_block(struct gate_band *band)
{
	band->level = band->block_power / GATE_BLOCK_FRAMES;
	band->block_power = 0;
	band->blocks[band->blocks_seen++ % band->window] = band->level;
	if (band->blocks_seen < band->window)
		return;
	band->floor = low_block(band);
}

void gate_band_frame(struct gate_band *band, const float *samples, size_t n)
{
	double energy = 0;

	if (!band->primed)
		prime(band, (double)samples[0]);
	for (size_t i = 0; i < n; i++) {
		double y = filter_run(&band->high_pass, (double)samples[i]);
		if (band->limited)
			y = filter_run(&band->low_pass, y);
		energy += y * y;
	}
	filter_settle(&band->high_pass);
	filter_settle(&band->low_pass);

	double power = energy / (double)n;
	/* Samples come as they are; what is not a number must not stay. */
	if (!(power <= 1e30)) {
		power = 1e30;
		band->primed = false;
	}
	band->recent[band->frames++ % GATE_MEAN_FRAMES] = power;
	band->block_power += power;
	if (band->frames % GATE_BLOCK_FRAMES == 0)
		finish_block(band);
}

double gate_band_power(const struct gate_band *band)
{
	double sum = 0;

	for (size_t i = 0; i < GATE_MEAN_FRAMES; i++)
		sum += band->recent[i];
	return sum / GATE_MEAN_FRAMES;
}
