/*
 * Samples from a descriptor that cannot seek: a pipe or a socket that carries
 * a WAV file or headerless samples. libsndfile wants to seek and to know the
 * length; programs that write WAV into a pipe know neither, so the lengths in
 * their headers are 0, the largest number or a guess.
 */
#ifndef HEARD_AUDIO_PCM_STREAM_H
#define HEARD_AUDIO_PCM_STREAM_H

#include "audio/pcm.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pcm_stream;

/* How to read input that has no header. */
struct pcm_layout {
	enum pcm_format format;
	unsigned rate;
	unsigned channels;
};

enum { PCM_STREAM_SNIFF_BYTES = 12 };

/* The first bytes are those of an audio file, not of samples. Only markers of
 * four letters count: two bytes, such as MPEG's, samples can hold by chance. */
bool pcm_stream_is_container(const unsigned char bytes[PCM_STREAM_SNIFF_BYTES]);

/* Reads the header: a WAV header decides for itself, anything else is samples
 * in `raw` layout, and a container that we cannot read from a pipe is refused.
 * `fd` is borrowed, `name` is for messages and copied. Logs and returns
 * -EINVAL, -ENOTSUP, -ENOMEM or the errno of read. */
int pcm_stream_open(int fd, const char *name, const struct pcm_layout *raw,
		    struct pcm_stream **out);
void pcm_stream_close(struct pcm_stream *stream); /* NULL is allowed */

/* What the samples are; constant after open. */
const struct pcm_layout *pcm_stream_layout(const struct pcm_stream *stream);

/* Reads up to `frames` frames, interleaved. Blocks until all have come or the
 * input ends. Returns the number of frames, 0 at the end, or logs and returns
 * a negative errno. */
ssize_t pcm_stream_read(struct pcm_stream *stream, float *interleaved, size_t frames);

#endif
