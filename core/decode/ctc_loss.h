/*
 * CTC loss (Graves et al. 2006, eq. 6 to 8; torch.nn.functional.ctc_loss) and
 * Viterbi alignment over the same lattice.
 */
#ifndef HEARD_DECODE_CTC_LOSS_H
#define HEARD_DECODE_CTC_LOSS_H

#include <stdbool.h>
#include <stddef.h>

struct ctc_loss_options {
	int blank;
	bool mean; /* divide by the label length (at least 1): reduction "mean" of one utterance */
	bool zero_infinity;
};

/* logits [frames, tokens] (not normalised), labels [n]. Writes the negative
 * log-likelihood, INFINITY where no path exists, NAN where a frame has no
 * softmax (a NaN in it). Memory: 32 n bytes. Returns 0, -EINVAL (blank or a
 * label outside [0, tokens)) or -ENOMEM. */
int ctc_loss(const float *logits, size_t frames, size_t tokens, const int *labels, size_t n,
	     const struct ctc_loss_options *options, double *loss);

/* The best path: label_of_frame[f] is -1 for blank or the index of the label
 * that frame f belongs to. Returns 0, -EDOM where no path exists, -EINVAL, -ENOMEM.
 *
 * Memory: with S = 2n + 1 states and K = 2 cbrt(S frames), 8 S frames / K + K K / 2
 * bytes or less: 40 MiB for an hour (180000 frames) with 50000 labels. Time: less than
 * frames * S steps twice. */
int ctc_align(const float *logits, size_t frames, size_t tokens, const int *labels, size_t n,
	      int blank, int *label_of_frame);

#endif
