#include "tools/segments.h"

#include "audio/file.h"
#include "core/base/log.h"
#include "core/recognizer.h"
#include "tools/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct segments {
	struct audio_file *file; /* owned */
	size_t rate;
	size_t limit;   /* samples of a segment; 0: the whole file is one */
	bool ended;     /* the file has no more */
	size_t start;   /* of the current segment in the file */
	size_t current; /* its samples, at the front of the buffer */
	size_t size;    /* samples in the buffer */
	float *buffer;  /* owned; one more than the limit tells that the file goes on */
	size_t longest;
};

int segments_open(const char *path, size_t rate, const struct options *options,
		  struct segments **out)
{
	*out = NULL;
	struct segments *segments = calloc(1, sizeof(*segments));
	if (!segments)
		return -ENOMEM;
	segments->rate = rate;
	segments->limit = (size_t)(options->max_segment_s * (double)rate);
	int error = audio_file_open(path, (unsigned)rate, &options->raw, &segments->file);
	if (!error && segments->limit > 0) {
		segments->buffer = malloc((segments->limit + 1) * sizeof(float));
		if (!segments->buffer) {
			log_error("no memory for segments of %g s", options->max_segment_s);
			error = -ENOMEM;
		}
	}
	if (error) {
		segments_close(segments);
		return error;
	}
	*out = segments;
	return 0;
}

void segments_close(struct segments *segments)
{
	if (!segments)
		return;
	audio_file_close(segments->file);
	free(segments->buffer);
	free(segments);
}

static int read_whole(struct segments *segments)
{
	int error = audio_file_read_all(segments->file, &segments->buffer, &segments->size);

	segments->ended = true;
	return error;
}

static int refill(struct segments *segments)
{
	size_t room = segments->limit + 1 - segments->size;
	ssize_t n = audio_file_read(segments->file, segments->buffer + segments->size, room);

	if (n < 0)
		return (int)n;
	segments->size += (size_t)n;
	segments->ended = (size_t)n < room;
	return 0;
}

int segments_next(struct segments *segments, const float **samples, size_t *n)
{
	int error = 0;

	segments->start += segments->current;
	segments->size -= segments->current;
	if (segments->size > 0)
		memmove(segments->buffer, segments->buffer + segments->current,
			segments->size * sizeof(float));
	segments->current = 0;
	if (!segments->ended)
		error = segments->limit > 0 ? refill(segments) : read_whole(segments);
	if (error)
		return error;

	segments->current = segments->size;
	if (segments->limit > 0)
		segments->current = recognizer_segment(segments->buffer, segments->size,
						       segments->limit, segments->rate);
	if (segments->longest == 0)
		segments->longest = segments->ended && segments->current == segments->size
					    ? segments->size
					    : segments->limit;
	*samples = segments->buffer;
	*n = segments->current;
	return segments->current > 0;
}

size_t segments_start(const struct segments *segments)
{
	return segments->start;
}

size_t segments_end(const struct segments *segments)
{
	return segments->start + segments->current;
}

size_t segments_longest(const struct segments *segments)
{
	return segments->longest;
}
