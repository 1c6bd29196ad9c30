/*
 * Where long audio is cut. Energies are summed over blocks of 10 ms, so the
 * quietest 100 ms are found to 10 ms; of equally quiet places (digital silence)
 * the last one makes the fewest cuts.
 */
#include "core/recognizer.h"

enum {
	BLOCKS_PER_SECOND = 100,
	WINDOW_BLOCKS = 10,                     /* 100 ms */
	SEARCH_BLOCKS = 10 * BLOCKS_PER_SECOND, /* 10 s */
};

static double energy(const float *samples, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)samples[i] * (double)samples[i];
	return sum;
}

size_t recognizer_segment(const float *samples, size_t n, size_t max_segment, size_t rate)
{
	size_t block = rate / BLOCKS_PER_SECOND;
	double blocks[SEARCH_BLOCKS];

	if (n <= max_segment)
		return n;
	/* No room to choose: cut at the limit. */
	if (block == 0 || max_segment < WINDOW_BLOCKS * block)
		return max_segment;

	size_t n_blocks = max_segment / block;
	if (n_blocks > SEARCH_BLOCKS)
		n_blocks = SEARCH_BLOCKS;
	size_t first = max_segment - n_blocks * block;
	for (size_t i = 0; i < n_blocks; i++)
		blocks[i] = energy(samples + first + i * block, block);

	size_t best = 0;
	double quietest = 0;
	for (size_t i = 0; i + WINDOW_BLOCKS <= n_blocks; i++) {
		double sum = 0;
		for (size_t j = 0; j < WINDOW_BLOCKS; j++)
			sum += blocks[i + j];
		if (i == 0 || sum <= quietest) {
			quietest = sum;
			best = i;
		}
	}
	return first + (best + WINDOW_BLOCKS / 2) * block;
}
