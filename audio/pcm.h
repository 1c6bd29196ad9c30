/*
 * Headerless samples: the formats that users and protocols name, and their
 * conversion to float. Integers of b bits become x / 2^(b-1), so that 16 bits
 * are exactly s16 / 32768.
 */
#ifndef HEARD_AUDIO_PCM_H
#define HEARD_AUDIO_PCM_H

#include <stdbool.h>
#include <stddef.h>

enum pcm_format {
	PCM_U8,
	PCM_S8,
	PCM_S16LE,
	PCM_S16BE,
	PCM_S24LE, /* three bytes a sample */
	PCM_S24BE,
	PCM_S32LE,
	PCM_S32BE,
	PCM_F32LE,
	PCM_F32BE,
	PCM_F64LE,
};

/* Finds a format by its name, "s16le"; false where there is none. */
bool pcm_format_parse(const char *name, enum pcm_format *out);
const char *pcm_format_name(enum pcm_format format);

/* All names, separated by spaces, for messages. */
const char *pcm_format_list(void);

/* Bytes of one sample of one channel. */
size_t pcm_bytes(enum pcm_format format);

/* Converts n samples. `bytes` needs no alignment and must not overlap `out`. */
void pcm_to_float(enum pcm_format format, const void *bytes, size_t n, float *out);

#endif
