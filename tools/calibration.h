/*
 * Whether confidences are probabilities: of the words said to be right with
 * 80 %, are 80 % right? Expected calibration error with bins of equal width
 * (Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017, eq. 3).
 */
#ifndef HEARD_TOOLS_CALIBRATION_H
#define HEARD_TOOLS_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>

enum { CALIBRATION_BINS = 10 };

/* Zeroed: nothing yet. Bin i holds confidences in [i / BINS, (i + 1) / BINS),
 * the last one 1 too. */
struct calibration {
	size_t words[CALIBRATION_BINS];
	size_t right[CALIBRATION_BINS];
	double confidence[CALIBRATION_BINS]; /* sum */
};

void calibration_add(struct calibration *calibration, double confidence, bool right);
void calibration_merge(struct calibration *calibration, const struct calibration *from);

size_t calibration_words(const struct calibration *calibration);
/* Mean distance of confidence and share of right words, weighted by the words of
 * each bin, 0..1; NAN without words. */
double calibration_error(const struct calibration *calibration);

#endif
