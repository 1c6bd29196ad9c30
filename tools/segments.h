/*
 * An audio file as utterances that the offline pass can hold: a file longer
 * than the limit is cut at the quietest 100 ms of the last 10 s of each
 * segment (design: the rule of the daemon, too). Reads as it goes; memory
 * holds one segment.
 */
#ifndef HEARD_TOOLS_SEGMENTS_H
#define HEARD_TOOLS_SEGMENTS_H

#include <stddef.h>

struct options;
struct segments;

/* Opens an audio file at the model's rate; the limit and the layout of
 * headerless input come from the options. Logs and returns a negative errno on
 * failure. */
int segments_open(const char *path, size_t rate, const struct options *options,
		  struct segments **out);
void segments_close(struct segments *segments); /* NULL is allowed */

/* The next segment; *samples is borrowed until the next call. Returns 1, 0 at
 * the end (a file without samples has no segment), or a negative errno, logged. */
int segments_next(struct segments *segments, const float **samples, size_t *n);

/* Samples before the current segment. */
size_t segments_start(const struct segments *segments);
/* Samples before the end of the current segment; at the end, of the file. */
size_t segments_end(const struct segments *segments);
/* After the first segment: no segment of this file is longer than this. */
size_t segments_longest(const struct segments *segments);

#endif
