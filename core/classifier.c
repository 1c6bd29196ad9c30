#include "core/classifier.h"

#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/kernels/pool.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct classifier {
	struct pool *pool;                 /* owned */
	struct acoustic_model *model;      /* owned */
	struct acoustic_offline *offline;  /* owned */
	const struct model_config *config; /* of model */
	size_t max_samples;
};

static int reserve(struct classifier *classifier)
{
	size_t n = classifier->max_samples;
	int error = acoustic_offline_create(classifier->model, n, &classifier->offline);

	/* Beginning takes what a pass of this length needs; it is not advanced,
	 * so no sample is read. */
	if (error == 0)
		error = acoustic_offline_begin(classifier->offline, NULL, n, 0, NULL);
	return error;
}

int classifier_open(const struct classifier_options *options, struct classifier **out)
{
	struct classifier *classifier = calloc(1, sizeof(*classifier));
	int error;

	*out = NULL;
	if (classifier == NULL)
		return -ENOMEM;
	error = pool_create(options->threads, &classifier->pool);
	if (error == 0)
		error = acoustic_model_load(options->model_dir, classifier->pool, options->weights,
					    &classifier->model);
	if (error == 0) {
		classifier->config = acoustic_model_config(classifier->model);
		classifier->max_samples =
			(size_t)(options->max_seconds * (double)classifier->config->sampling_rate);
		if (classifier->config->head != HEAD_CLASSIFICATION) {
			log_error("%s: not a model for sequence classification",
				  options->model_dir);
			error = -ENOTSUP;
		}
	}
	if (error == 0)
		error = reserve(classifier);
	if (error < 0) {
		classifier_close(classifier);
		return error;
	}
	*out = classifier;
	return 0;
}

void classifier_close(struct classifier *classifier)
{
	if (classifier == NULL)
		return;
	acoustic_offline_destroy(classifier->offline);
	acoustic_model_destroy(classifier->model);
	pool_destroy(classifier->pool);
	free(classifier);
}

size_t classifier_rate(const struct classifier *classifier)
{
	return classifier->config->sampling_rate;
}

size_t classifier_labels(const struct classifier *classifier)
{
	return classifier->config->n_labels;
}

const char *classifier_label(const struct classifier *classifier, size_t index)
{
	return classifier->config->labels[index];
}

static void softmax(const float *logits, size_t n, float *probabilities)
{
	double sum = 0;
	float max = logits[0];

	for (size_t i = 1; i < n; i++)
		max = fmaxf(max, logits[i]);
	for (size_t i = 0; i < n; i++)
		sum += exp((double)logits[i] - (double)max);
	for (size_t i = 0; i < n; i++)
		probabilities[i] = (float)(exp((double)logits[i] - (double)max) / sum);
}

bool classifier_run(struct classifier *classifier, const float *samples, size_t n,
		    float *probabilities)
{
	struct acoustic_offline *offline = classifier->offline;
	size_t labels = classifier->config->n_labels;

	assert(n <= classifier->max_samples);
	/* There was room for the longest piece, so a shorter one cannot fail. */
	if (acoustic_offline_begin(offline, samples, n, 0, NULL) < 0)
		return false;
	while (acoustic_offline_advance(offline) > 0)
		continue;
	const float *logits = acoustic_offline_labels(offline);
	if (logits == NULL)
		return false;
	if (!classifier->config->multi_label) {
		softmax(logits, labels, probabilities);
		return true;
	}
	for (size_t i = 0; i < labels; i++)
		probabilities[i] = 1.0f / (1.0f + expf(-logits[i]));
	return true;
}
