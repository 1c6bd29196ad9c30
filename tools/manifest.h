/*
 * A list of recordings with what is known about each: tab-separated values, no
 * quoting, UTF-8, a header line that names the columns, a line a clip.
 *
 *	path	start	samples	speaker	split	transcript
 *	an4/test-00.opus	1600	52800	fbbh	test	ENTER SIX TWO FOUR
 *
 * Only `path` must be there: the audio file, relative to the folder above the
 * one that holds the manifest, else to that folder itself. `start` and
 * `samples` cut a clip out of the decoded file, counted at MANIFEST_RATE
 * whatever the rate of the file. Every other column is kept under its name.
 */
#ifndef HEARD_TOOLS_MANIFEST_H
#define HEARD_TOOLS_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_TO_END UINT64_MAX

enum {
	MANIFEST_RATE = 16000, /* Hz: what start and samples count at */
	MANIFEST_MAX_COLUMNS = 64,
	MANIFEST_MAX_BYTES = 64 << 20,
};

struct manifest;

struct manifest_clip {
	const char *path; /* to open; never "-" */
	const char *name; /* the path as it is written, the same on every machine */
	uint64_t start;   /* 0 where there is no such column or the field is empty */
	uint64_t samples; /* MANIFEST_TO_END likewise */
	size_t line;      /* in the manifest, from 1 */
};

/* Reads a manifest; of a folder, its manifest.tsv. Whether the audio files are
 * there is not looked at. *out is owned by the caller. Logs file, line and
 * reason and returns a negative errno on failure. */
int manifest_load(const char *path, struct manifest **out);
void manifest_destroy(struct manifest *manifest); /* NULL is allowed */

/* The file that was read. */
const char *manifest_path(const struct manifest *manifest);
/* What the set is called: the folder of a manifest.tsv, else the file without
 * its extension. */
const char *manifest_set(const struct manifest *manifest);

size_t manifest_size(const struct manifest *manifest);
/* Pointers are valid as long as the manifest. */
const struct manifest_clip *manifest_clip(const struct manifest *manifest, size_t i);

/* The column of this name, or -ENOENT. */
int manifest_column(const struct manifest *manifest, const char *name);
/* The field of clip i in a column; "" where `column` is negative. */
const char *manifest_field(const struct manifest *manifest, size_t i, int column);

#endif
