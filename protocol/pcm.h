/*
 * Pushed audio to mono floats: 16, 24 and 32 bit little-endian integers and 32
 * bit floats, 1 to 8 channels, in pieces of any length. Bytes of an unfinished
 * frame are carried over to the next piece, so any split gives the same samples.
 * No allocation.
 */
#ifndef HEARD_PROTOCOL_PCM_H
#define HEARD_PROTOCOL_PCM_H

#include <stdbool.h>
#include <stddef.h>

enum { PCM_MAX_CHANNELS = 8, PCM_MAX_FRAME_BYTES = 4 * PCM_MAX_CHANNELS };

/* Plain values, no pointers: may be copied. */
struct pcm {
	int width; /* bytes */
	int channels;
	bool floating;
	size_t carried; /* bytes in carry, less than a frame */
	unsigned char carry[PCM_MAX_FRAME_BYTES];
};

/* 0, or -EINVAL for a width or number of channels that is not supported. */
int pcm_init(struct pcm *pcm, int width, int channels, bool floating);

/* Frames that n more bytes complete. */
size_t pcm_frames(const struct pcm *pcm, size_t n);

/* Converts all n bytes: out has room for pcm_frames(pcm, n) samples, which is
 * returned. Channels are averaged. Integers map to [-1, 1); floats are taken as
 * they are, except those that are not finite or beyond +-32768, which become 0. */
size_t pcm_convert(struct pcm *pcm, const void *bytes, size_t n, float *out);

#endif
