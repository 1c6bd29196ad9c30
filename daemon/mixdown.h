/*
 * Blocks of a source, any rate and number of channels, to mono samples at the
 * model's rate: the mean of the channels, then the resampler.
 *
 * Loop thread. Allocates only when the rate of the source changes.
 */
#ifndef HEARD_DAEMON_MIXDOWN_H
#define HEARD_DAEMON_MIXDOWN_H

#include "audio/source.h"

#include <stdbool.h>
#include <stddef.h>

struct resampler;

struct mixdown {
	unsigned rate; /* Hz, what comes out */
	unsigned from; /* Hz, what `resampler` was made for */
	void (*take)(void *ctx, const float *samples, size_t n);
	void *ctx;
	struct resampler *resampler; /* owned; NULL: no format yet, or one it cannot take */
	float *mono, *out;           /* owned, [SOURCE_BLOCK_FRAMES] */
};

/* `take` gets the samples, valid in the call. Returns 0 or -ENOMEM. */
int mixdown_init(struct mixdown *mixdown, unsigned rate,
		 void (*take)(void *ctx, const float *samples, size_t n), void *ctx);
void mixdown_finish(struct mixdown *mixdown);

/* The source was opened with this format. A rate that cannot be converted is
 * logged; its audio is dropped then. */
void mixdown_set_format(struct mixdown *mixdown, const struct source_format *format);

/* A SOURCE_AUDIO event. */
void mixdown_block(struct mixdown *mixdown, const struct source_event *event);

/* The audio breaks off here: gives out what the resampler held back. */
void mixdown_end(struct mixdown *mixdown);

#endif
