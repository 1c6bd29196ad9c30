/*
 * libsamplerate interpolates its filter between the points of a table, anew for
 * every sample it makes. Between two rates it is always the same points that count,
 * two rows of them for 48 to 32 kHz, 160 for 44.1 to 16. So the response to impulses
 * says all about the filter, and a plain sum of products gives the same samples: of a
 * microphone that is open all day this was the larger part of the work.
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

/* Products that libsamplerate may add up while its filter is measured: 10 ms or so.
 * What is beyond is as rare as the best filter between 44.1 and 16 kHz (100 million). */
static const double MAX_WORK = 5e6;

static unsigned common_divisor(unsigned a, unsigned b)
{
	while (b > 0) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * The weights that the fresh `state` gives to the inputs around an output, as
 * decimator_create wants them: [up][2 * half + 1]. In one run it hears `down` impulses,
 * further apart than the filter is wide and each at another time within the `down`
 * inputs after which everything comes again; so each output hears at most one. False:
 * no memory, an error, or the filter is wider than that.
 */
static bool measure(SRC_STATE *state, unsigned up, unsigned down, size_t half, float *weights)
{
	size_t distance = 2 * half + 2, first = half + 1;

	while (common_divisor((unsigned)distance, down) != 1)
		distance++;
	size_t n_in = first + (down - 1) * distance + half + 2;
	size_t room = n_in * up / down + 1;
	float *in = calloc(n_in, sizeof(*in));
	float *out = calloc(room, sizeof(*out));
	bool whole = in && out;

	for (size_t i = 0; whole && i < down; i++)
		in[first + i * distance] = 1;
	SRC_DATA data = {
		.data_in = in,
		.data_out = out,
		.input_frames = (long)n_in,
		.output_frames = (long)room,
		.end_of_input = 1,
		.src_ratio = (double)up / down,
	};
	whole = whole && src_reset(state) == 0 && src_set_ratio(state, data.src_ratio) == 0 &&
		src_process(state, &data) == 0;
	for (size_t k = 0; whole && k < (size_t)data.output_frames_gen; k++) {
		size_t at = k * down / up; /* of the input */
		size_t i = at + half < first ? 0 : (at + half - first) / distance;
		size_t impulse = first + i * distance;

		if (impulse + half >= at && impulse <= at + half)
			weights[k * down % up * (2 * half + 1) + half + impulse - at] = out[k];
		else
			whole = out[k] == 0;
	}
	free(in);
	free(out);
	return whole;
}

/* NULL: the library has to do it itself. */
static struct decimator *create_decimator(SRC_STATE *state, unsigned up, unsigned down,
					  size_t reach)
{
	struct decimator *decimator = NULL;
	size_t half = (reach * down + up - 1) / up + 1;
	float *weights = calloc(up * (2 * half + 1), sizeof(*weights));

	if (weights && measure(state, up, down, half, weights))
		decimator_create(up, down, weights, half, &decimator);
	free(weights);
	return decimator;
}

/* `down` impulses, width * up / down outputs for each, `width` products for each of them. */
static double measuring_work(unsigned up, unsigned down, size_t reach)
{
	double width = 2.0 * (double)reach * down / up;

	return width * width * up;
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
		unsigned divisor = common_divisor(from, to);
		unsigned up = to / divisor, down = from / divisor;
		if (from > to && measuring_work(up, down, reaches[quality]) <= MAX_WORK)
			resampler->decimator =
				create_decimator(resampler->state, up, down, reaches[quality]);
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
