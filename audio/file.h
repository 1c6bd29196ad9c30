/*
 * An audio file as mono samples at the rate the caller wants: whatever
 * libsndfile reads, any rate, any number of channels (their mean), -1..1.
 * Integer samples of b bits are x / 2^(b-1); nothing is resampled or rounded
 * where the rates are equal.
 *
 * Reads in blocks: memory does not grow with the file.
 */
#ifndef HEARD_AUDIO_FILE_H
#define HEARD_AUDIO_FILE_H

#include "audio/pcm_stream.h"

#include <stddef.h>
#include <sys/types.h>

struct audio_file;

/* Opens `path`; "-" is standard input, a WAV file or headerless samples in
 * `raw` layout (raw->rate 0: `rate`). raw NULL: 16 bits little endian, mono, at
 * `rate`. *out is owned by the caller. Logs path and reason and returns a
 * negative errno on failure. */
int audio_file_open(const char *path, unsigned rate, const struct pcm_layout *raw,
		    struct audio_file **out);
void audio_file_close(struct audio_file *file); /* NULL is allowed */

/* Seconds of audio in it, as its header says; negative where nothing does. */
double audio_file_duration(const struct audio_file *file);

/* Reads n samples, fewer only at the end, 0 after it. Logs and returns a
 * negative errno where the file is broken. */
ssize_t audio_file_read(struct audio_file *file, float *samples, size_t n);

/* All that is left. *samples is owned by the caller (free), never NULL on
 * success. 0 or negative errno, logged. */
int audio_file_read_all(struct audio_file *file, float **samples, size_t *n);

#endif
