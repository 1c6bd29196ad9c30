/*
 * A stream of PCM bytes to float samples: standard input and pushed audio. The
 * bytes come in any split; what does not fill a frame (one sample of each
 * channel) is kept for the next call.
 */
#ifndef HEARD_AUDIO_PCM_DECODER_H
#define HEARD_AUDIO_PCM_DECODER_H

#include "audio/pcm.h"

#include <stddef.h>
#include <stdint.h>

enum {
	PCM_MAX_CHANNELS = 32,
	PCM_MAX_FRAME_BYTES = PCM_MAX_CHANNELS * 8,
};

struct pcm_decoder {
	enum pcm_format format;
	unsigned channels;
	/* Samples that were none (not a number, infinite, or beyond 2^20 times
	 * full scale), replaced by 0: one would spoil the statistics of a whole
	 * stream. */
	uint64_t invalid;
	size_t carried; /* bytes of an unfinished frame, in carry */
	unsigned char carry[PCM_MAX_FRAME_BYTES];
};

/* Returns 0, or -EINVAL for a number of channels outside 1..PCM_MAX_CHANNELS.
 * There is nothing to finish. */
int pcm_decoder_init(struct pcm_decoder *decoder, enum pcm_format format, unsigned channels);

/* Frames that the next n bytes complete. */
size_t pcm_decoder_frames(const struct pcm_decoder *decoder, size_t n);

/* Writes pcm_decoder_frames(decoder, n) frames of interleaved samples, full
 * scale 1, and returns their number. */
size_t pcm_decode(struct pcm_decoder *decoder, const void *bytes, size_t n, float *frames);

#endif
