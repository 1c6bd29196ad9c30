#include "core/acoustic/statistics.h"

#include <string.h>

/* Channels handled at a time: their sums stay in registers or L1. */
enum { LANES = 16 };

void statistics_layout(struct statistics *statistics, struct arena *arena, size_t n_channels)
{
	statistics->n_channels = n_channels;
	statistics->mean = arena_alloc_array(arena, n_channels, sizeof(double));
	statistics->square = arena_alloc_array(arena, n_channels, sizeof(double));
}

void statistics_reset(struct statistics *statistics)
{
	statistics->count = 0;
	memset(statistics->mean, 0, statistics->n_channels * sizeof(double));
	memset(statistics->square, 0, statistics->n_channels * sizeof(double));
}

void statistics_copy(struct statistics *statistics, const struct statistics *from)
{
	statistics->count = from->count;
	memcpy(statistics->mean, from->mean, from->n_channels * sizeof(double));
	memcpy(statistics->square, from->square, from->n_channels * sizeof(double));
}

void statistics_cap(struct statistics *statistics, double count)
{
	if (statistics->count <= count)
		return;
	for (size_t c = 0; c < statistics->n_channels; c++)
		statistics->square[c] *= count / statistics->count;
	statistics->count = count;
}

static void add_lanes(struct statistics *statistics, const float *values, size_t rows,
		      size_t stride, size_t first, size_t lanes)
{
	double mean[LANES] = {0}, square[LANES] = {0};
	double n = (double)rows;

	for (size_t r = 0; r < rows; r++) {
		for (size_t l = 0; l < lanes; l++)
			mean[l] += values[r * stride + l];
	}
	for (size_t l = 0; l < lanes; l++)
		mean[l] /= n;
	for (size_t r = 0; r < rows; r++) {
		for (size_t l = 0; l < lanes; l++) {
			double deviation = values[r * stride + l] - mean[l];
			square[l] += deviation * deviation;
		}
	}
	for (size_t l = 0; l < lanes; l++) {
		double total = statistics->count + n;
		double delta = mean[l] - statistics->mean[first + l];
		statistics->mean[first + l] += delta * n / total;
		statistics->square[first + l] +=
			square[l] + delta * delta * statistics->count * n / total;
	}
}

void statistics_add(struct statistics *statistics, const float *values, size_t rows, size_t stride,
		    size_t first, size_t last)
{
	if (rows == 0)
		return;
	for (size_t c = first; c < last; c += LANES)
		add_lanes(statistics, values + c, rows, stride, c,
			  last - c < LANES ? last - c : LANES);
}

void statistics_advance(struct statistics *statistics, size_t rows)
{
	statistics->count += (double)rows;
}

double statistics_variance(const struct statistics *statistics, size_t channel)
{
	return statistics->count > 0 ? statistics->square[channel] / statistics->count : 0;
}
