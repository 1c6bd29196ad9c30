/*
 * Inside of audio/: a finite impulse response filter that keeps every
 * factor-th sample of what it makes. Only resample.c includes this.
 *
 * With h[-half .. half], output k is the sum over m of in[k * factor - m] * h[m];
 * before the first sample and behind the last there is silence. n samples make
 * n / factor, rounded down. Sums are in double and in one order: any split into
 * blocks gives the same samples.
 *
 * No allocation after create. One thread at a time.
 */
#ifndef HEARD_AUDIO_DECIMATE_H
#define HEARD_AUDIO_DECIMATE_H

#include <stdbool.h>
#include <stddef.h>

struct decimator;

/* `response`: h[-half .. half], 2 * half + 1 numbers, copied. The factor is
 * at least 1 and at most half. Returns 0 or -ENOMEM. */
int decimator_create(unsigned factor, const float *response, size_t half, struct decimator **out);
void decimator_destroy(struct decimator *decimator); /* NULL is allowed */

/* Back to the state after create. */
void decimator_reset(struct decimator *decimator);

/* As resampler_run, which cannot fail here. */
void decimator_run(struct decimator *decimator, const float *in, size_t *n_in, float *out,
		   size_t *n_out, bool end);

#endif
