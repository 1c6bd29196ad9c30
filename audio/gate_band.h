/*
 * Inside of audio/: one frequency band of the gate, its power and its noise
 * floor. Only gate*.c include this.
 */
#ifndef HEARD_AUDIO_GATE_BAND_H
#define HEARD_AUDIO_GATE_BAND_H

#include <stdbool.h>
#include <stddef.h>

enum {
	GATE_BLOCK_FRAMES = 10, /* frames in a block, of which the floor is made */
	GATE_MEAN_FRAMES = 3,   /* frames in the mean that is compared with it */
};

/* Second-order section, transposed direct form II. */
struct gate_filter {
	double b0, b1, b2, a1, a2;
	double s1, s2;
};

struct gate_band {
	struct gate_filter high_pass, low_pass;
	bool limited; /* low_pass is used */
	bool primed;

	double recent[GATE_MEAN_FRAMES]; /* powers of the last frames */
	size_t frames;                   /* since reset */

	double *blocks; /* borrowed ring of `window` block powers */
	size_t window;
	size_t blocks_seen;
	double block_power; /* sum over the frames of the unfinished block */
	double level;       /* power of the last whole block */
	double floor;       /* 0 until the window is full */
};

/* Passes low_hz to high_hz of a signal of `rate` Hz; a high_hz that is not well
 * below half of the rate is no limit. `blocks` holds `window` numbers. */
void gate_band_init(struct gate_band *band, double low_hz, double high_hz, double rate,
		    double *blocks, size_t window);

/* Back to the state after init. */
void gate_band_reset(struct gate_band *band);
/* Samples were lost: what was filtered before is forgotten, the floor stays. */
void gate_band_break(struct gate_band *band);

/* Looks at the next frame of n samples, and moves the floor. */
void gate_band_frame(struct gate_band *band, const float *samples, size_t n);

/* Mean power of the last GATE_MEAN_FRAMES frames. */
double gate_band_power(const struct gate_band *band);

#endif
