/*
 * libsamplerate interpolates its filter between the points of a table, anew for
 * every sample it makes. Where an output lies on every n-th input it is always the
 * same points that count, so the response to impulses says all about the filter and
 * a plain sum of products gives the same samples: of a microphone that is open all
 * day this was the larger part of the work.
 */
#include "audio/resample.h"

#include "audio/decimate.h"

#include <errno.h>
#include <limits.h>
#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

struct resampler {
	SRC_STATE *state;            /* owned; NULL: the rates are equal, or `decimator` is used */
	struct decimator *decimator; /* owned; or NULL */
	double ratio;                /* to / from */
};

static const int converters[] = {
	[RESAMPLER_BEST] = SRC_SINC_BEST_QUALITY,
	[RESAMPLER_MEDIUM] = SRC_SINC_MEDIUM_QUALITY,
	[RESAMPLER_FAST] = SRC_SINC_FASTEST,
};

/* Output samples that the filters reach to each side, and one or two more: 19.3,
 * 45.7 and 142.9 zero crossings are in the tables of libsamplerate 0.1 and 0.2. */
static const size_t reaches[] = {
	[RESAMPLER_BEST] = 145,
	[RESAMPLER_MEDIUM] = 48,
	[RESAMPLER_FAST] = 21,
};

/* libsamplerate counts in long; blocks beyond this are cut, which callers see
 * as input that was not taken yet. */
enum { MAX_BLOCK = INT_MAX / 2 };

/* The time to measure a filter grows with the square of the factor. */
enum { MAX_FACTOR = 6 };

/* The filter that the fresh `state` applies: for m in [-half, half], what an impulse
 * at input m before that of an output adds to it. half = reach * factor; `in` has
 * 2 * half + factor zeros. False: an error, or the filter is longer than that. */
static bool measure(SRC_STATE *state, unsigned factor, size_t reach, float *in, float *out,
		    float *response)
{
	size_t half = reach * factor;

	for (size_t phase = 0; phase < factor; phase++) {
		size_t at = half + phase;
		SRC_DATA data = {
			.data_in = in,
			.data_out = out,
			.input_frames = (long)(2 * half + factor),
			.output_frames = (long)(2 * reach + 1),
			.end_of_input = 1,
			.src_ratio = 1.0 / factor,
		};

		in[at] = 1;
		bool whole = src_reset(state) == 0 && src_process(state, &data) == 0 &&
			     data.output_frames_gen == data.output_frames;
		in[at] = 0;
		if (!whole)
			return false;
		/* The first of a further phase are beyond the response. */
		for (size_t k = phase > 0; k <= 2 * reach; k++)
			response[k * factor - phase] = out[k];
	}
	for (size_t i = 0; i < factor; i++) {
		if (response[i] != 0 || response[2 * half - i] != 0)
			return false;
	}
	return true;
}

/* NULL: the library has to do it itself. */
static struct decimator *create_decimator(SRC_STATE *state, unsigned factor, size_t reach)
{
	struct decimator *decimator = NULL;
	size_t half = reach * factor;
	float *in = calloc(2 * half + factor, sizeof(*in));
	float *out = calloc(2 * reach + 1, sizeof(*out));
	float *response = calloc(2 * half + 1, sizeof(*response));

	if (in && out && response && measure(state, factor, reach, in, out, response)) {
		size_t first = 0;

		while (first + factor < half && response[first] == 0 &&
		       response[2 * half - first] == 0)
			first++;
		decimator_create(factor, response + first, half - first, &decimator);
	}
	free(in);
	free(out);
	free(response);
	return decimator;
}

int resampler_create(unsigned from, unsigned to, enum resampler_quality quality,
		     struct resampler **out)
{
	*out = NULL;
	if (from == 0 || to == 0)
		return -EINVAL;
	double ratio = (double)to / (double)from;
	if (!src_is_valid_ratio(ratio))
		return -EINVAL;

	struct resampler *resampler = calloc(1, sizeof(*resampler));
	if (!resampler)
		return -ENOMEM;
	resampler->ratio = ratio;
	if (from != to) {
		int error = 0;
		resampler->state = src_new(converters[quality], 1, &error);
		if (!resampler->state) {
			free(resampler);
			return -ENOMEM;
		}
		if (from % to == 0 && from / to <= MAX_FACTOR)
			resampler->decimator =
				create_decimator(resampler->state, from / to, reaches[quality]);
		if (resampler->decimator)
			resampler->state = src_delete(resampler->state);
		else
			resampler_reset(resampler);
	}
	*out = resampler;
	return 0;
}

void resampler_destroy(struct resampler *resampler)
{
	if (!resampler)
		return;
	if (resampler->state)
		src_delete(resampler->state);
	decimator_destroy(resampler->decimator);
	free(resampler);
}

void resampler_reset(struct resampler *resampler)
{
	if (resampler->decimator)
		decimator_reset(resampler->decimator);
	if (!resampler->state)
		return;
	src_reset(resampler->state);
	/* Without this the first block would glide towards the ratio. */
	src_set_ratio(resampler->state, resampler->ratio);
}

static int copy(const float *in, size_t *n_in, float *out, size_t *n_out)
{
	size_t n = *n_in < *n_out ? *n_in : *n_out;

	if (n > 0)
		memcpy(out, in, n * sizeof(*out));
	*n_in = n;
	*n_out = n;
	return 0;
}

int resampler_run(struct resampler *resampler, const float *in, size_t *n_in, float *out,
		  size_t *n_out, bool end)
{
	if (resampler->decimator) {
		decimator_run(resampler->decimator, in, n_in, out, n_out, end);
		return 0;
	}
	if (!resampler->state)
		return copy(in, n_in, out, n_out);

	/* The library refuses a null input even where there is none to read. */
	static const float nothing[1];
	bool cut = *n_in > MAX_BLOCK;
	SRC_DATA data = {
		.data_in = in ? in : nothing,
		.data_out = out,
		.input_frames = cut ? MAX_BLOCK : (long)*n_in,
		.output_frames = *n_out > MAX_BLOCK ? MAX_BLOCK : (long)*n_out,
		.end_of_input = end && !cut,
		.src_ratio = resampler->ratio,
	};
	*n_in = 0;
	*n_out = 0;
	if (src_process(resampler->state, &data) != 0)
		return -EIO;
	*n_in = (size_t)data.input_frames_used;
	*n_out = (size_t)data.output_frames_gen;
	return 0;
}
