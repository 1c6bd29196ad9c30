/*
 * A classifier without a network, for tests of the daemon: labels "none",
 * "alpha" and "beta" by the loudest sample of the window, at 0.9; "none" and
 * 0.1 for each other below 0.1.
 */
#include "tests/daemon/fake_classifier.h"

#include "core/classifier.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct classifier {
	int unused;
};

void (*fake_classifier_running)(void);

static const char *const labels[] = {"none", "alpha", "beta"};

int classifier_open(const struct classifier_options *options, struct classifier **out)
{
	if (strstr(options->model_dir, "bad"))
		return -ENOENT;
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void classifier_close(struct classifier *classifier)
{
	free(classifier);
}

size_t classifier_rate(const struct classifier *classifier)
{
	(void)classifier;
	return 16000;
}

size_t classifier_labels(const struct classifier *classifier)
{
	(void)classifier;
	return sizeof(labels) / sizeof(labels[0]);
}

const char *classifier_label(const struct classifier *classifier, size_t index)
{
	(void)classifier;
	return labels[index];
}

bool classifier_run(struct classifier *classifier, const float *samples, size_t n,
		    float *probabilities)
{
	float loudest = 0;

	(void)classifier;
	if (fake_classifier_running)
		fake_classifier_running();
	if (n < 400)
		return false;
	for (size_t i = 0; i < n; i++)
		loudest = fmaxf(loudest, fabsf(samples[i]));
	size_t best = loudest < 0.1f ? 0 : loudest < 0.4f ? 1 : 2;
	for (size_t i = 0; i < 3; i++)
		probabilities[i] = i == best ? 0.9f : 0.05f;
	return true;
}
