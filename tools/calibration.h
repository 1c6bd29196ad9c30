/*
 * Whether confidences are probabilities: of the words said to be right with
 * 80 %, are 80 % right? Expected calibration error with bins of equal width
 * (Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017, eq. 3). And the two numbers of
 * vocab_set_confidence that would make them so: logistic regression of "right" on
 * the logit of the confidence (Platt 1999, with his targets just off 0 and 1).
 */
#ifndef HEARD_TOOLS_CALIBRATION_H
#define HEARD_TOOLS_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>

enum { CALIBRATION_BINS = 10, CALIBRATION_STEPS = 256 };

/* Zeroed: nothing yet. Bin i holds confidences in [i / BINS, (i + 1) / BINS),
 * the last one 1 too. */
struct calibration {
	size_t words[CALIBRATION_BINS];
	size_t right[CALIBRATION_BINS];
	double confidence[CALIBRATION_BINS]; /* sum */
	/* The same in narrow steps of the logit, for the fit. */
	struct calibration_step {
		size_t words, right;
		double logit; /* sum */
	} steps[CALIBRATION_STEPS];
};

/* As of vocab_set_confidence. */
struct confidence_map {
	double scale, shift;
};

void calibration_add(struct calibration *calibration, double confidence, bool right);
void calibration_merge(struct calibration *calibration, const struct calibration *from);

size_t calibration_words(const struct calibration *calibration);
/* Mean distance of confidence and share of right words, weighted by the words of
 * each bin, 0..1; NAN without words. */
double calibration_error(const struct calibration *calibration);

/* The map that fits the words best; false where none does: there are no words, or confidences do
 * not tell right ones from wrong ones. */
bool calibration_fit(const struct calibration *calibration, struct confidence_map *map);
/* The calibration error of these words with the map. */
double calibration_mapped_error(const struct calibration *calibration,
				const struct confidence_map *map);

#endif
