#include "audio/decimate.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	LANES = 8,            /* sums that do not wait for each other */
	BLOCK_SAMPLES = 1024, /* taken beyond a window before the buffer is moved */
};

struct decimator {
	unsigned up, down;
	size_t half;
	/* Rows of weights, in front of each zeros up to whole LANES. In double, like
	 * the buffer: nothing is converted twice. */
	double *taps; /* owned, [up][width] */
	size_t width;

	double *buffer; /* owned, [capacity] */
	size_t capacity;
	size_t filled;
	size_t next;    /* where the next output's window begins */
	unsigned phase; /* and its row */
	uint64_t taken, made;
};

void decimator_reset(struct decimator *decimator)
{
	/* The silence before the first sample, where the first output lies. */
	decimator->filled = decimator->width - 1 - decimator->half;
	memset(decimator->buffer, 0, decimator->filled * sizeof(*decimator->buffer));
	decimator->next = 0;
	decimator->phase = 0;
	decimator->taken = decimator->made = 0;
}

int decimator_create(unsigned up, unsigned down, const float *weights, size_t half,
		     struct decimator **out)
{
	struct decimator *decimator = calloc(1, sizeof(*decimator));
	size_t n = 2 * half + 1;

	*out = NULL;
	if (!decimator)
		return -ENOMEM;
	decimator->up = up;
	decimator->down = down;
	decimator->half = half;
	decimator->width = (n + LANES - 1) / LANES * LANES;
	decimator->capacity = decimator->width + down / up + 1 + BLOCK_SAMPLES;
	decimator->taps = calloc(up * decimator->width, sizeof(*decimator->taps));
	decimator->buffer = malloc(decimator->capacity * sizeof(*decimator->buffer));
	if (!decimator->taps || !decimator->buffer) {
		decimator_destroy(decimator);
		return -ENOMEM;
	}
	for (size_t row = 0; row < up; row++) {
		double *taps = decimator->taps + (row + 1) * decimator->width - n;

		for (size_t i = 0; i < n; i++)
			taps[i] = (double)weights[row * n + i];
	}
	decimator_reset(decimator);
	*out = decimator;
	return 0;
}

void decimator_destroy(struct decimator *decimator)
{
	if (!decimator)
		return;
	free(decimator->taps);
	free(decimator->buffer);
	free(decimator);
}

/* Moves the next window to the front of the buffer. */
static void make_room(struct decimator *decimator)
{
	decimator->filled -= decimator->next;
	memmove(decimator->buffer, decimator->buffer + decimator->next,
		decimator->filled * sizeof(*decimator->buffer));
	decimator->next = 0;
}

/* Returns how many of the n samples were taken; NULL is silence. */
static size_t fill(struct decimator *decimator, const float *in, size_t n)
{
	double *to = decimator->buffer + decimator->filled;

	if (n > decimator->capacity - decimator->filled)
		n = decimator->capacity - decimator->filled;
	for (size_t i = 0; i < n; i++)
		to[i] = in ? (double)in[i] : 0.0;
	decimator->filled += n;
	return n;
}

static double filter(const struct decimator *decimator)
{
	const double *taps = decimator->taps + decimator->phase * decimator->width;
	const double *window = decimator->buffer + decimator->next;
	double sums[LANES] = {0};
	double sum = 0;

	for (size_t i = 0; i < decimator->width; i += LANES) {
		for (size_t lane = 0; lane < LANES; lane++)
			sums[lane] += taps[i + lane] * window[i + lane];
	}
	for (size_t lane = 0; lane < LANES; lane++)
		sum += sums[lane];
	return sum;
}

/* As many as have been taken make. */
static uint64_t most(const struct decimator *decimator)
{
	return decimator->taken * decimator->up / decimator->down;
}

/* Makes up to `room` samples. */
static size_t drain(struct decimator *decimator, float *out, size_t room)
{
	/* Holds back only what silence behind the end would make: half is not less
	 * than the step. */
	uint64_t limit = most(decimator);
	size_t n = 0;

	while (n < room && decimator->made < limit &&
	       decimator->next + decimator->width <= decimator->filled) {
		out[n++] = (float)filter(decimator);
		decimator->phase += decimator->down;
		decimator->next += decimator->phase / decimator->up;
		decimator->phase %= decimator->up;
		decimator->made++;
	}
	make_room(decimator);
	return n;
}

void decimator_run(struct decimator *decimator, const float *in, size_t *n_in, float *out,
		   size_t *n_out, bool end)
{
	size_t used = 0, made = drain(decimator, out, *n_out);

	while (used < *n_in) {
		size_t n = fill(decimator, in + used, *n_in - used);

		if (n == 0)
			break;
		used += n;
		decimator->taken += n;
		made += drain(decimator, out + made, *n_out - made);
	}
	/* Silence for the windows that reach over the end. */
	while (end && used == *n_in && made < *n_out && decimator->made < most(decimator)) {
		fill(decimator, NULL, decimator->capacity);
		made += drain(decimator, out + made, *n_out - made);
	}
	*n_in = used;
	*n_out = made;
}
