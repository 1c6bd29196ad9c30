#include "daemon/spotter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPOTTER_HOPS = 8 }; /* room behind the window */

int spotter_init(struct spotter *spotter, const struct spotter_options *options)
{
	*spotter = (struct spotter){.options = *options};
	spotter->capacity = options->window + SPOTTER_HOPS * options->hop;
	spotter->samples = malloc(spotter->capacity * sizeof(*spotter->samples));
	return spotter->samples ? 0 : -ENOMEM;
}

void spotter_finish(struct spotter *spotter)
{
	free(spotter->samples);
	spotter->samples = NULL;
}

static void drop(struct spotter *spotter, size_t n)
{
	spotter->n -= n;
	spotter->clock += (int64_t)n;
	memmove(spotter->samples, spotter->samples + n, spotter->n * sizeof(*spotter->samples));
}

size_t spotter_push(struct spotter *spotter, const float *samples, size_t n)
{
	/* Whole hops are left out, so that the windows that are looked at lie
	 * where they would lie anyway. */
	while (spotter->options.live && spotter->n + n > spotter->capacity &&
	       spotter->n >= spotter->options.window + spotter->options.hop)
		drop(spotter, spotter->options.hop);
	if (n > spotter->capacity - spotter->n)
		n = spotter->capacity - spotter->n;
	memcpy(spotter->samples + spotter->n, samples, n * sizeof(*samples));
	spotter->n += n;
	return n;
}

void spotter_skip(struct spotter *spotter, int64_t n)
{
	spotter->clock += (int64_t)spotter->n + n;
	spotter->n = 0;
	spotter->looked = false;
}

void spotter_end(struct spotter *spotter)
{
	spotter->ended = true;
}

const float *spotter_window(const struct spotter *spotter, size_t *n)
{
	bool whole = spotter->n >= spotter->options.window;

	if (!whole && !(spotter->ended && !spotter->looked && spotter->n > 0))
		return NULL;
	*n = whole ? spotter->options.window : spotter->n;
	return spotter->samples;
}

bool spotter_take(struct spotter *spotter, const float *probabilities, const bool *ignored,
		  size_t labels, struct spotter_detection *detection)
{
	size_t n = spotter->n < spotter->options.window ? spotter->n : spotter->options.window;
	int64_t end = spotter->clock + (int64_t)n;
	size_t best = labels;

	for (size_t i = 0; i < labels; i++) {
		if (!ignored[i] && (best == labels || probabilities[i] > probabilities[best]))
			best = i;
	}
	spotter->looked = true;
	drop(spotter, n < spotter->options.hop ? n : spotter->options.hop);
	if (best == labels || probabilities[best] < spotter->options.threshold ||
	    end < spotter->quiet)
		return false;
	spotter->quiet = end + (int64_t)spotter->options.refractory;
	*detection = (struct spotter_detection){best, probabilities[best], end};
	return true;
}
