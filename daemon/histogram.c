#include "daemon/histogram.h"

#include <math.h>

/* Values below HISTOGRAM_STEPS have a bucket each; above, the bucket is the
 * exponent and the four bits behind the leading one. */
static unsigned bucket_of(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;

	unsigned exponent = 63u - (unsigned)__builtin_clzll(value);
	unsigned bucket = (exponent - 3) * HISTOGRAM_STEPS +
			  (unsigned)((value >> (exponent - 4)) & (HISTOGRAM_STEPS - 1));
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static double value_of(unsigned bucket)
{
	if (bucket < HISTOGRAM_STEPS)
		return bucket;

	int exponent = (int)(bucket / HISTOGRAM_STEPS) + 3;
	double low = HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS;
	return ldexp(low + 0.5, exponent - 4);
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds)
{
	atomic_fetch_add_explicit(&histogram->buckets[bucket_of(nanoseconds)], 1,
				  memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
	return count;
}

double histogram_quantile_ms(const struct histogram *histogram, double q)
{
	double rank = ceil(q * (double)histogram_count(histogram));
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
		if (seen > 0 && (double)seen >= rank)
			return value_of(i) / 1e6;
	}
	return 0;
}
