/*
 * Running mean and population variance, in double precision, of many channels
 * at once (one for the input, one a channel for the group norm of conv layer 0).
 *
 * Values come in blocks; a block's own mean and squared deviations are merged
 * into the totals (Chan, Golub, LeVeque 1979), so nothing cancels over hours.
 */
#ifndef HEARD_ACOUSTIC_STATISTICS_H
#define HEARD_ACOUSTIC_STATISTICS_H

#include "core/base/arena.h"

#include <stddef.h>

struct statistics {
	size_t n_channels;
	double count;   /* values so far, the same for every channel */
	double *mean;   /* [n_channels] */
	double *square; /* [n_channels] sum of squared deviations from the mean */
};

void statistics_layout(struct statistics *statistics, struct arena *arena, size_t n_channels);
void statistics_reset(struct statistics *statistics);

/* Both of the same number of channels. */
void statistics_copy(struct statistics *statistics, const struct statistics *from);

/* Caps the weight of what was seen: it becomes a prior of that many values. */
void statistics_cap(struct statistics *statistics, double count);

/* Adds `rows` values of channels [first, last); the count itself grows by
 * statistics_advance once all channels have theirs, so that channels can be
 * shared out among threads. */
void statistics_add(struct statistics *statistics, const float *values, size_t rows, size_t stride,
		    size_t first, size_t last);
void statistics_advance(struct statistics *statistics, size_t rows);

double statistics_variance(const struct statistics *statistics, size_t channel);

#endif
