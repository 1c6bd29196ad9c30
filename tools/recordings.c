#include "tools/recordings.h"

#include "audio/file.h"
#include "core/base/log.h"
#include "tools/manifest.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* So few that looking through them costs nothing beside decoding one. */
enum { MAX_FILES = 64 };

struct recording {
	char *path;     /* owned; NULL: an empty place */
	float *samples; /* owned */
	size_t n;
	uint64_t used; /* the larger, the later */
};

struct recordings {
	unsigned rate;
	size_t max_bytes, bytes;
	uint64_t clock;
	struct recording files[MAX_FILES];
};

int recordings_create(unsigned rate, size_t max_bytes, struct recordings **out)
{
	struct recordings *recordings = calloc(1, sizeof(*recordings));

	*out = recordings;
	if (!recordings)
		return -ENOMEM;
	recordings->rate = rate;
	recordings->max_bytes = max_bytes;
	return 0;
}

static void drop(struct recordings *recordings, struct recording *file)
{
	recordings->bytes -= file->n * sizeof(float);
	free(file->path);
	free(file->samples);
	memset(file, 0, sizeof(*file));
}

void recordings_destroy(struct recordings *recordings)
{
	if (!recordings)
		return;
	for (size_t i = 0; i < MAX_FILES; i++)
		drop(recordings, &recordings->files[i]);
	free(recordings);
}

static struct recording *find(struct recordings *recordings, const char *path)
{
	for (size_t i = 0; i < MAX_FILES; i++) {
		struct recording *file = &recordings->files[i];
		if (file->path && strcmp(file->path, path) == 0)
			return file;
	}
	return NULL;
}

/* The file that was not used for longest; NULL where there is none. */
static struct recording *oldest(struct recordings *recordings)
{
	struct recording *found = NULL;

	for (size_t i = 0; i < MAX_FILES; i++) {
		struct recording *file = &recordings->files[i];
		if (file->path && (!found || file->used < found->used))
			found = file;
	}
	return found;
}

/* An empty place for a file of this size. */
static struct recording *make_room(struct recordings *recordings, size_t bytes)
{
	struct recording *victim;

	while (recordings->bytes + bytes > recordings->max_bytes && (victim = oldest(recordings)))
		drop(recordings, victim);
	for (size_t i = 0; i < MAX_FILES; i++) {
		if (!recordings->files[i].path)
			return &recordings->files[i];
	}
	victim = oldest(recordings);
	drop(recordings, victim);
	return victim;
}

static int decode(struct recordings *recordings, const char *path, struct recording *out)
{
	struct audio_file *file;

	int error = audio_file_open(path, recordings->rate, NULL, &file);
	if (error)
		return error;
	error = audio_file_read_all(file, &out->samples, &out->n);
	audio_file_close(file);
	if (error)
		return error;
	out->path = strdup(path);
	if (!out->path) {
		free(out->samples);
		return -ENOMEM;
	}
	/* What reading left over at the end is most of a file's memory for short ones. */
	float *fitted = realloc(out->samples, (out->n + 1) * sizeof(float));
	if (fitted)
		out->samples = fitted;
	return 0;
}

int recordings_file(struct recordings *recordings, const char *path, const float **samples,
		    size_t *n)
{
	struct recording *place = find(recordings, path);

	if (!place) {
		struct recording file = {0};
		int error = decode(recordings, path, &file);
		if (error)
			return error;
		place = make_room(recordings, file.n * sizeof(float));
		*place = file;
		recordings->bytes += file.n * sizeof(float);
	}
	place->used = ++recordings->clock;
	*samples = place->samples;
	*n = place->n;
	return 0;
}

/* A position in the file; those of a manifest are far too small to overflow. */
static uint64_t position(const struct recordings *recordings, uint64_t samples)
{
	return samples * recordings->rate / MANIFEST_RATE;
}

int recordings_clip(struct recordings *recordings, const struct manifest *manifest, size_t i,
		    float **samples, size_t *n)
{
	const struct manifest_clip *clip = manifest_clip(manifest, i);
	const float *all;
	size_t size;

	int error = recordings_file(recordings, clip->path, &all, &size);
	if (error)
		return error;
	uint64_t start = position(recordings, clip->start);
	uint64_t end = clip->samples == MANIFEST_TO_END
			       ? size
			       : position(recordings, clip->start + clip->samples);
	/* Converting the rate rounds the length of a file. */
	if (end == size + 1 && recordings->rate != MANIFEST_RATE)
		end = size;
	if (start > end || end > size) {
		log_error("%s:%zu: the clip ends behind the end of %s (%zu samples)",
			  manifest_path(manifest), clip->line, clip->path, size);
		return -EINVAL;
	}
	*n = (size_t)(end - start);
	*samples = malloc((*n + 1) * sizeof(float));
	if (!*samples) {
		log_error("%s:%zu: no memory for the clip", manifest_path(manifest), clip->line);
		return -ENOMEM;
	}
	memcpy(*samples, all + start, *n * sizeof(float));
	return 0;
}
