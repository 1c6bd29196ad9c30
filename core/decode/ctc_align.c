/*
 * Viterbi with back-pointers of two bits, which for an hour of speech would
 * still be gigabytes. So the first sweep keeps only the row of scores before
 * every block of K frames. Going back, each block is swept again from its row,
 * this time with back-pointers, and only over the states from which the one
 * where the path leaves the block can be reached: at most 2K + 1.
 */
#include "core/decode/ctc_lattice.h"
#include "core/decode/ctc_loss.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_BYTES = 1 << 20 }; /* back-pointers of this size need no blocks */

struct aligner {
	struct ctc_lattice lattice;
	const float *logits; /* borrowed, [frames, tokens] */
	size_t block;        /* K */
	size_t width;        /* states that a block is swept over, at most */
	size_t stride;       /* bytes of a frame's back-pointers */
	double *row;         /* owned, [states] */
	double *kept;        /* owned, [blocks, states]: rows before each block */
	uint8_t *back;       /* owned, [block, stride]: states moved, two bits each */
};

/* One frame in place; states [begin, end) only. `back`, where given, holds the
 * move into state s at position s - origin. */
static void align_frame(const struct aligner *aligner, size_t frame, size_t begin, size_t end,
			size_t origin, double *row, uint8_t *back)
{
	const struct ctc_lattice *lattice = &aligner->lattice;
	struct ctc_band band = ctc_lattice_band(lattice, frame);
	const float *logits = aligner->logits + frame * lattice->tokens;

	if (band.begin > begin)
		begin = band.begin;
	if (band.end < end)
		end = band.end;
	for (size_t s = end; s-- > begin;) {
		double best = row[s - origin];
		unsigned move = 0;

		if (s >= origin + 1 && row[s - origin - 1] > best) {
			best = row[s - origin - 1];
			move = 1;
		}
		if (s >= origin + 2 && row[s - origin - 2] > best &&
		    ctc_lattice_skips(lattice, s)) {
			best = row[s - origin - 2];
			move = 2;
		}
		row[s - origin] = best + (double)logits[ctc_lattice_token(lattice, s)];
		if (back != NULL) {
			size_t i = s - origin;

			back[i / 4] =
				(uint8_t)((back[i / 4] & ~(3U << i % 4 * 2)) | move << i % 4 * 2);
		}
	}
}

/* Sweeps block [first, end) again and follows the path back from `state` at its
 * last frame. Returns the state before the block. */
static size_t align_back(struct aligner *aligner, size_t first, size_t end, size_t state,
			 int *label_of_frame)
{
	size_t reach = 2 * (end - first);
	size_t origin = state > reach ? state - reach : 0;
	const double *kept = aligner->kept + first / aligner->block * aligner->lattice.states;

	memcpy(aligner->row, kept + origin, (state + 1 - origin) * sizeof(*aligner->row));
	for (size_t f = first; f < end; f++)
		align_frame(aligner, f, origin, state + 1, origin, aligner->row,
			    aligner->back + (f - first) * aligner->stride);
	for (size_t f = end; f-- > first;) {
		const uint8_t *back = aligner->back + (f - first) * aligner->stride;
		size_t i = state - origin;

		label_of_frame[f] = state % 2 == 1 ? (int)(state / 2) : -1;
		state -= back[i / 4] >> i % 4 * 2 & 3U;
	}
	return state;
}

static int aligner_create(struct aligner *aligner)
{
	size_t frames = aligner->lattice.frames, states = aligner->lattice.states;
	double cells = (double)frames * (double)states;
	size_t blocks, rows;

	aligner->block = frames;
	if (cells > 4.0 * SMALL_BYTES) {
		double best = ceil(2.0 * cbrt(cells));

		if (best < (double)frames)
			aligner->block = (size_t)best;
	}
	aligner->width = states;
	if (aligner->block < states / 2)
		aligner->width = 2 * aligner->block + 1;
	aligner->stride = aligner->width / 4 + 1;
	blocks = (frames + aligner->block - 1) / aligner->block;
	if (!checked_mul(blocks, states, &rows))
		return -ENOMEM;
	aligner->row = calloc(states, sizeof(*aligner->row));
	aligner->kept = calloc(rows, sizeof(*aligner->kept));
	aligner->back = calloc(aligner->block, aligner->stride);
	return aligner->row != NULL && aligner->kept != NULL && aligner->back != NULL ? 0 : -ENOMEM;
}

static int align_run(struct aligner *aligner, int *label_of_frame)
{
	size_t frames = aligner->lattice.frames, states = aligner->lattice.states;
	size_t state = states - 1, first;

	ctc_lattice_start(&aligner->lattice, aligner->row);
	for (size_t f = 0; f < frames; f++) {
		if (f % aligner->block == 0)
			memcpy(aligner->kept + f / aligner->block * states, aligner->row,
			       states * sizeof(*aligner->row));
		align_frame(aligner, f, 0, states, 0, aligner->row, NULL);
	}
	if (states > 1 && !(aligner->row[states - 1] > aligner->row[states - 2]))
		state = states - 2;
	if (!(aligner->row[state] > -INFINITY))
		return -EDOM;
	for (size_t end = frames; end > 0; end = first) {
		first = (end - 1) / aligner->block * aligner->block;
		state = align_back(aligner, first, end, state, label_of_frame);
	}
	return 0;
}

int ctc_align(const float *logits, size_t frames, size_t tokens, const int *labels, size_t n,
	      int blank, int *label_of_frame)
{
	struct aligner aligner = {.logits = logits};
	int error = ctc_lattice_init(&aligner.lattice, frames, tokens, labels, n, blank);

	if (error < 0)
		return error;
	if (frames == 0)
		return n == 0 ? 0 : -EDOM;
	error = aligner_create(&aligner);
	if (error == 0)
		error = align_run(&aligner, label_of_frame);
	free(aligner.row);
	free(aligner.kept);
	free(aligner.back);
	return error;
}
