#include "tools/calibration.h"

#include "core/decode/vocab.h"

#include <math.h>

/* Newton's method needs about ten. */
enum { FIT_ROUNDS = 100 };

static double logit(double confidence)
{
	double p = fmin(fmax(confidence, VOCAB_LEAST_CONFIDENCE), 1 - VOCAB_LEAST_CONFIDENCE);

	return log(p / (1 - p));
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static struct calibration_step *step_of(struct calibration *calibration, double x)
{
	double limit = logit(1);
	size_t i = (size_t)((x + limit) / (2 * limit) * CALIBRATION_STEPS);

	return &calibration->steps[i < CALIBRATION_STEPS ? i : CALIBRATION_STEPS - 1];
}

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
	struct calibration_step *step = step_of(calibration, logit(confidence));
	step->words++;
	step->right += right;
	step->logit += logit(confidence);
}

void calibration_merge(struct calibration *calibration, const struct calibration *from)
{
	for (size_t i = 0; i < CALIBRATION_BINS; i++) {
		calibration->words[i] += from->words[i];
		calibration->right[i] += from->right[i];
		calibration->confidence[i] += from->confidence[i];
	}
	for (size_t i = 0; i < CALIBRATION_STEPS; i++) {
		calibration->steps[i].words += from->steps[i].words;
		calibration->steps[i].right += from->steps[i].right;
		calibration->steps[i].logit += from->steps[i].logit;
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

/* ---- the map ---- */

/* Negative log-likelihood of the targets, with its gradient and curvature. */
struct likelihood {
	double value;
	double scale, shift; /* gradient */
	double aa, ab, bb;   /* second derivatives: scale twice, both, shift twice */
};

static struct likelihood likelihood(const struct calibration *calibration,
				    const struct confidence_map *map, double right, double wrong)
{
	struct likelihood sum = {0};

	for (size_t i = 0; i < CALIBRATION_STEPS; i++) {
		const struct calibration_step *step = &calibration->steps[i];
		double n = (double)step->words;
		if (step->words == 0)
			continue;
		double x = step->logit / n;
		double y = map->scale * x + map->shift;
		double p = logistic(y);
		double target = (double)step->right * right + (n - (double)step->right) * wrong;
		/* n log(1 + e^y) - target y, without overflow. */
		sum.value += n * (fmax(y, 0) + log1p(exp(-fabs(y)))) - target * y;
		sum.scale += (n * p - target) * x;
		sum.shift += n * p - target;
		sum.aa += n * p * (1 - p) * x * x;
		sum.ab += n * p * (1 - p) * x;
		sum.bb += n * p * (1 - p);
	}
	return sum;
}

bool calibration_fit(const struct calibration *calibration, struct confidence_map *map)
{
	double n_right = 0, n_wrong = 0;

	for (size_t i = 0; i < CALIBRATION_BINS; i++) {
		n_right += (double)calibration->right[i];
		n_wrong += (double)(calibration->words[i] - calibration->right[i]);
	}
	double right = (n_right + 1) / (n_right + 2), wrong = 1 / (n_wrong + 2);
	*map = (struct confidence_map){1, 0};
	if (n_right + n_wrong == 0)
		return false;
	struct likelihood now = likelihood(calibration, map, right, wrong);
	for (int round = 0; round < FIT_ROUNDS; round++) {
		/* A little more curvature than there is, for words that all have one confidence. */
		double aa = now.aa + 1e-6, bb = now.bb + 1e-6;
		double determinant = aa * bb - now.ab * now.ab;
		double scale = (bb * now.scale - now.ab * now.shift) / determinant;
		double shift = (aa * now.shift - now.ab * now.scale) / determinant;
		double length = 1;
		struct confidence_map next;
		struct likelihood there;
		do {
			next = (struct confidence_map){map->scale - length * scale,
						       map->shift - length * shift};
			there = likelihood(calibration, &next, right, wrong);
			length /= 2;
		} while (!(there.value <= now.value) && length > 1e-10);
		if (!(there.value < now.value - 1e-12 * (1 + fabs(now.value))))
			break;
		*map = next;
		now = there;
	}
	return map->scale >= 0.001 && map->scale <= 100 && fabs(map->shift) <= 100;
}

double calibration_mapped_error(const struct calibration *calibration,
				const struct confidence_map *map)
{
	struct calibration mapped = {0};

	for (size_t i = 0; i < CALIBRATION_STEPS; i++) {
		const struct calibration_step *step = &calibration->steps[i];
		if (step->words == 0)
			continue;
		double p = logistic(map->scale * step->logit / (double)step->words + map->shift);
		for (size_t k = 0; k < step->words; k++)
			calibration_add(&mapped, p, k < step->right);
	}
	return calibration_error(&mapped);
}
