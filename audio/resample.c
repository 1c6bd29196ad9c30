#include "audio/resample.h"

#include <errno.h>
#include <limits.h>
#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

struct resampler {
	SRC_STATE *state; /* owned; NULL: the rates are equal */
	double ratio;     /* to / from */
};

static const int converters[] = {
	[RESAMPLER_BEST] = SRC_SINC_BEST_QUALITY,
	[RESAMPLER_MEDIUM] = SRC_SINC_MEDIUM_QUALITY,
	[RESAMPLER_FAST] = SRC_SINC_FASTEST,
};

/* libsamplerate counts in long; blocks beyond this are cut, which callers see
 * as input that was not taken yet. */
enum { MAX_BLOCK = INT_MAX / 2 };

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
		/* Without this the first block would glide towards the ratio. */
		src_set_ratio(resampler->state, ratio);
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
	free(resampler);
}

void resampler_reset(struct resampler *resampler)
{
	if (!resampler->state)
		return;
	src_reset(resampler->state);
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
