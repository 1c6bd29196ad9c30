#include "audio/pcm_decoder.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static const float LARGEST_SAMPLE = 1048576.0F;

int pcm_decoder_init(struct pcm_decoder *decoder, enum pcm_format format, unsigned channels)
{
	*decoder = (struct pcm_decoder){.format = format, .channels = channels};
	if (channels < 1 || channels > PCM_MAX_CHANNELS)
		return -EINVAL;
	return 0;
}

static size_t frame_bytes(const struct pcm_decoder *decoder)
{
	return pcm_bytes(decoder->format) * decoder->channels;
}

size_t pcm_decoder_frames(const struct pcm_decoder *decoder, size_t n)
{
	/* n is the size of an object, so the sum cannot overflow. */
	return (decoder->carried + n) / frame_bytes(decoder);
}

static void convert(struct pcm_decoder *decoder, const unsigned char *bytes, size_t frames,
		    float *out)
{
	size_t samples = frames * decoder->channels;

	pcm_to_float(decoder->format, bytes, samples, out);
	for (size_t i = 0; i < samples; i++) {
		/* Also false for what is not a number. */
		if (!(fabsf(out[i]) <= LARGEST_SAMPLE)) {
			out[i] = 0;
			decoder->invalid++;
		}
	}
}

size_t pcm_decode(struct pcm_decoder *decoder, const void *bytes, size_t n, float *frames)
{
	const unsigned char *b = bytes;
	size_t size = frame_bytes(decoder);
	size_t done = 0;

	assert(size > 0);
	if (n == 0)
		return 0;
	if (decoder->carried > 0) {
		size_t missing = size - decoder->carried;
		size_t taken = n < missing ? n : missing;
		memcpy(decoder->carry + decoder->carried, b, taken);
		decoder->carried += taken;
		if (decoder->carried < size)
			return 0;
		convert(decoder, decoder->carry, 1, frames);
		decoder->carried = 0;
		b += taken;
		n -= taken;
		done = 1;
	}

	size_t whole = n / size;
	convert(decoder, b, whole, frames + done * decoder->channels);
	decoder->carried = n - whole * size;
	memcpy(decoder->carry, b + whole * size, decoder->carried);
	return done + whole;
}
