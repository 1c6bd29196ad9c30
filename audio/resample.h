/*
 * Sampling rate conversion of one mono stream in blocks: libsamplerate, or, on
 * the way down, where its filter is measured in a moment (all usual rates for RESAMPLER_FAST,
 * a half to a sixth for RESAMPLER_BEST), that filter in a loop of our own (decimate.h),
 * several times as fast.
 *
 * Output sample k is the input at time k * from / to: the filter's delay shows
 * as output that comes later, never as output that is shifted. Up to the end of
 * the input about half a filter length of samples is held back; `end` releases
 * it, after which the total is n * to / from to within one sample. Any split
 * into blocks gives the same samples.
 *
 * Equal rates copy. No allocation after create. One thread at a time.
 */
#ifndef HEARD_AUDIO_RESAMPLE_H
#define HEARD_AUDIO_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>

struct resampler;

enum resampler_quality {
	RESAMPLER_BEST,   /* files: 144 dB, several times the work */
	RESAMPLER_MEDIUM, /* live sources: 121 dB */
	RESAMPLER_FAST,   /* small machines: 97 dB */
};

/* Rates in Hz. Returns 0, -EINVAL (a rate is 0, or they differ by more than a
 * factor of 256) or -ENOMEM. */
int resampler_create(unsigned from, unsigned to, enum resampler_quality quality,
		     struct resampler **out);
void resampler_destroy(struct resampler *resampler); /* NULL is allowed */

/* Back to the state after create. */
void resampler_reset(struct resampler *resampler);

/* Converts up to *n_in samples into room for *n_out and sets both to what was
 * used and made. With `end` no more input follows: repeat with what is left
 * until *n_out comes back 0. The arrays must not overlap. Returns 0 or, for a
 * failure inside libsamplerate, -EIO. */
int resampler_run(struct resampler *resampler, const float *in, size_t *n_in, float *out,
		  size_t *n_out, bool end);

#endif
