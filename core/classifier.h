/*
 * The second door of core: a sequence classification model over short pieces of
 * audio, one at a time.
 *
 * Threads: classifier_open and _close from any one thread; classifier_run from
 * one thread at a time.
 */
#ifndef HEARD_CORE_CLASSIFIER_H
#define HEARD_CORE_CLASSIFIER_H

#include "core/base/weight_type.h"

#include <stdbool.h>
#include <stddef.h>

struct classifier;

struct classifier_options {
	const char *model_dir;
	unsigned threads;         /* 0: the CPUs this process may use */
	double max_seconds;       /* of a piece */
	enum weight_type weights; /* as in recognizer_options */
};

/* Loads a model. Logs and returns a negative errno on failure, -ENOTSUP for a
 * model without a classification head. */
int classifier_open(const struct classifier_options *options, struct classifier **out);
void classifier_close(struct classifier *classifier); /* NULL is allowed */

size_t classifier_rate(const struct classifier *classifier); /* Hz */
size_t classifier_labels(const struct classifier *classifier);
/* Valid until classifier_close. */
const char *classifier_label(const struct classifier *classifier, size_t index);

/* Classifies n mono samples at the model's rate (at most max_seconds).
 * probabilities [labels]: they sum to 1, or are independent for a multi-label
 * model. False where the audio is too short for a frame. No allocation. */
bool classifier_run(struct classifier *classifier, const float *samples, size_t n,
		    float *probabilities);

#endif
