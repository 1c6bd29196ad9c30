/*
 * The CTC lattice that ctc_loss and ctc_align walk: 2n + 1 states, blank,
 * label 0, blank, label 1, ..., blank. A path starts in one of the first two,
 * stays, moves on by one, or by two from a label to a different one, and ends
 * in one of the last two.
 *
 * A row of scores can be updated in place from the last state of a frame's band
 * to the first: state s reads s, s - 1 and s - 2 of the frame before, and those
 * lie in that frame's band, which begins at most two states lower.
 */
#ifndef HEARD_DECODE_CTC_LATTICE_H
#define HEARD_DECODE_CTC_LATTICE_H

#include "core/base/checked.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct ctc_lattice {
	size_t frames, tokens, states;
	const int *labels; /* borrowed */
	int blank;
};

/* States [begin, end) that can be reached by `frame` and can still reach the end. */
struct ctc_band {
	size_t begin, end;
};

static inline int ctc_lattice_init(struct ctc_lattice *lattice, size_t frames, size_t tokens,
				   const int *labels, size_t n, int blank)
{
	size_t states;

	if (blank < 0 || (size_t)blank >= tokens)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (labels[i] < 0 || (size_t)labels[i] >= tokens)
			return -EINVAL;
	}
	if (!checked_mul(n, 2, &states) || !checked_add(states, 1, &states))
		return -ENOMEM;
	*lattice = (struct ctc_lattice){frames, tokens, states, labels, blank};
	return 0;
}

static inline int ctc_lattice_token(const struct ctc_lattice *lattice, size_t state)
{
	return state % 2 == 0 ? lattice->blank : lattice->labels[state / 2];
}

/* State can be entered from two below. */
static inline bool ctc_lattice_skips(const struct ctc_lattice *lattice, size_t state)
{
	return state % 2 == 1 && state >= 3 &&
	       lattice->labels[state / 2] != lattice->labels[state / 2 - 1];
}

static inline struct ctc_band ctc_lattice_band(const struct ctc_lattice *lattice, size_t frame)
{
	size_t left = lattice->frames - 1 - frame; /* frames that follow */
	struct ctc_band band = {0, lattice->states};

	if (frame < (lattice->states - 1) / 2)
		band.end = 2 * frame + 2;
	if (lattice->states >= 2 && left < (lattice->states - 2) / 2 + 1)
		band.begin = lattice->states - 2 - 2 * left;
	return band;
}

/* The row before the first frame: in the first blank, at no cost. The first
 * frame then leads to the first two states, as it should. */
static inline void ctc_lattice_start(const struct ctc_lattice *lattice, double *row)
{
	for (size_t s = 0; s < lattice->states; s++)
		row[s] = -INFINITY;
	row[0] = 0.0;
}

#endif
