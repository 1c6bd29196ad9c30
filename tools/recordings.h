/*
 * Audio files decoded at one rate, kept for a while: the clips of a manifest lie
 * packed in few files, and each is decoded once.
 *
 * One thread at a time.
 */
#ifndef HEARD_TOOLS_RECORDINGS_H
#define HEARD_TOOLS_RECORDINGS_H

#include <stddef.h>

struct manifest;
struct recordings;

enum { RECORDINGS_DEFAULT_BYTES = 256 << 20 };

/* Keeps up to max_bytes of samples; the file used last is kept whatever its
 * size. rate in Hz. 0 or -ENOMEM. */
int recordings_create(unsigned rate, size_t max_bytes, struct recordings **out);
void recordings_destroy(struct recordings *recordings); /* NULL is allowed */

/* All samples of a file, mono, -1..1; borrowed until the next call. Logs and
 * returns a negative errno where it cannot be read. */
int recordings_file(struct recordings *recordings, const char *path, const float **samples,
		    size_t *n);

/* The samples of clip i of a manifest; *samples is owned by the caller (free),
 * not NULL on success. Likewise, and -EINVAL where the file ends before the clip does. */
int recordings_clip(struct recordings *recordings, const struct manifest *manifest, size_t i,
		    float **samples, size_t *n);

#endif
