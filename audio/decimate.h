/*
 * Inside of audio/: a finite impulse response filter that makes `up` samples of
 * every `down`, no more than went in. Only resample.c includes this.
 *
 * Output k lies at the time k * down / up of the input, between samples where that
 * is no whole number. It is the sum over d from -half to half of in[floor(time) + d]
 * times a weight, of which there is a row for each of the `up` places between two
 * samples; before the first sample and behind the last there is silence. n samples
 * make n * up / down, rounded down. Sums are in double and in one order: any split
 * into blocks gives the same samples.
 *
 * No allocation after create. One thread at a time.
 */
#ifndef HEARD_AUDIO_DECIMATE_H
#define HEARD_AUDIO_DECIMATE_H

#include <stdbool.h>
#include <stddef.h>

struct decimator;

/* `weights`: [up][2 * half + 1], copied; row p is for outputs at p / up behind a
 * sample. up <= down, and down / up, rounded up, is at most half. Returns 0 or
 * -ENOMEM. */
int decimator_create(unsigned up, unsigned down, const float *weights, size_t half,
		     struct decimator **out);
void decimator_destroy(struct decimator *decimator); /* NULL is allowed */

/* Back to the state after create. */
void decimator_reset(struct decimator *decimator);

/* As resampler_run, which cannot fail here. */
void decimator_run(struct decimator *decimator, const float *in, size_t *n_in, float *out,
		   size_t *n_out, bool end);

#endif
