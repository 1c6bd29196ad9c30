/*
 * Durations in logarithmic buckets: fixed memory for any run time, quantiles to
 * within 1/16 of the value. One thread adds, others may ask: a quantile read
 * during an addition is off by that one value at most.
 */
#ifndef HEARD_DAEMON_HISTOGRAM_H
#define HEARD_DAEMON_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
	HISTOGRAM_STEPS = 16,   /* buckets in each power of two */
	HISTOGRAM_OCTAVES = 40, /* up to 2^40 ns, 18 minutes */
	HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * HISTOGRAM_OCTAVES,
};

struct histogram {
	atomic_uint_fast64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t nanoseconds);
/* Number of values added. */
uint64_t histogram_count(const struct histogram *histogram);
/* The value below which the share q (0 to 1) of all values lies, in
 * milliseconds; 0 where there are none. */
double histogram_quantile_ms(const struct histogram *histogram, double q);

#endif
