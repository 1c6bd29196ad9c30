/*
 * Finds keywords: a window slides over the samples, a classifier says what is
 * in it, a detection is a label that is probable enough and no other detection
 * is near. Knows no classifier: it asks for a window to be looked at and is told
 * the probabilities.
 *
 *	n -= spotter_push(&spotter, samples, n);
 *	while ((window = spotter_window(&spotter, &n_window))) {
 *		run(window, n_window, probabilities);
 *		index = spotter_take(&spotter, probabilities, &detection);
 *	}
 *
 * Engine thread.
 */
#ifndef HEARD_DAEMON_SPOTTER_H
#define HEARD_DAEMON_SPOTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spotter_options {
	size_t window, hop; /* samples; hop at most window */
	size_t refractory;  /* samples after a detection without another */
	float threshold;
	bool live; /* behind, windows are left out; else push takes less */
};

struct spotter {
	struct spotter_options options;
	float *samples; /* owned, [capacity] */
	size_t capacity;
	size_t n;
	int64_t clock; /* of samples[0] */
	int64_t quiet; /* no detection before this clock */
	bool looked;   /* a window of this stretch was looked at */
	bool ended;
};

struct spotter_detection {
	size_t label;
	float confidence;
	int64_t clock; /* end of the window */
};

/* 0 or -ENOMEM. */
int spotter_init(struct spotter *spotter, const struct spotter_options *options);
void spotter_finish(struct spotter *spotter);

size_t spotter_push(struct spotter *spotter, const float *samples, size_t n);
/* The clock moves on, a new stretch begins. What is shorter than a window is
 * looked at no more. */
void spotter_skip(struct spotter *spotter, int64_t n);
/* No more samples: audio shorter than a window is one all the same. */
void spotter_end(struct spotter *spotter);

/* The window to look at now, NULL for none. */
const float *spotter_window(const struct spotter *spotter, size_t *n);
/* What the classifier said of it ([labels], ignored[i]: no keyword). True where
 * it is a detection. The window slides on. */
bool spotter_take(struct spotter *spotter, const float *probabilities, const bool *ignored,
		  size_t labels, struct spotter_detection *detection);

#endif
