#include "tools/calibration.h"

#include <math.h>

void calibration_add(struct calibration *calibration, double confidence, bool right)
{
	size_t bin = 0;

	if (confidence > 0)
		bin = (size_t)(confidence * CALIBRATION_BINS);
	if (bin >= CALIBRATION_BINS)
		bin = CALIBRATION_BINS - 1;
	calibration->words[bin]++;
	calibration->right[bin] += right;
	calibration->confidence[bin] += confidence;
}

void calibration_merge(struct calibration *calibration, const struct calibration *from)
{
	for (size_t i = 0; i < CALIBRATION_BINS; i++) {
		calibration->words[i] += from->words[i];
		calibration->right[i] += from->right[i];
		calibration->confidence[i] += from->confidence[i];
	}
}

size_t calibration_words(const struct calibration *calibration)
{
	size_t words = 0;

	for (size_t i = 0; i < CALIBRATION_BINS; i++)
		words += calibration->words[i];
	return words;
}

double calibration_error(const struct calibration *calibration)
{
	double sum = 0;

	for (size_t i = 0; i < CALIBRATION_BINS; i++)
		sum += fabs(calibration->confidence[i] - (double)calibration->right[i]);
	return sum / (double)calibration_words(calibration);
}
