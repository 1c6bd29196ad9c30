/*
 * The file is read whole and cut up in place: fields point into it, rows are
 * checked before anything is done with them.
 */
#include "tools/manifest.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two years. Positions can be added and converted to any rate without overflow. */
static const uint64_t max_samples = (uint64_t)1 << 40;

struct manifest {
	char *path;   /* owned */
	char *set;    /* owned */
	char *folder; /* owned: that holds the manifest, absolute */
	char *text;   /* owned: the file, cut up by zeros */
	size_t n_columns;
	const char *columns[MANIFEST_MAX_COLUMNS]; /* borrowed from text */
	int path_column, start_column, samples_column;
	size_t size, capacity;
	struct manifest_clip *clips; /* owned, [size]; path is owned by `paths` */
	const char **fields;         /* owned, [size, n_columns]; borrowed from text */
	char **paths;                /* owned, [n_paths], each owned: of neighbours one */
	size_t n_paths, paths_capacity;
};

static int refuse(const struct manifest *manifest, size_t line, const char *reason)
{
	log_error("%s:%zu: %s", manifest->path, line, reason);
	return -EINVAL;
}

static int no_memory(const struct manifest *manifest)
{
	log_error("%s: no memory for it", manifest->path);
	return -ENOMEM;
}

/* ---- reading the file ---- */

static int find_file(const char *path, struct manifest *manifest)
{
	struct stat status;
	int n;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		n = asprintf(&manifest->path, "%s/manifest.tsv", path);
	else
		n = asprintf(&manifest->path, "%s", path);
	if (n < 0)
		manifest->path = NULL;
	return n < 0 ? -ENOMEM : 0;
}

static int read_stream(struct manifest *manifest, FILE *f, size_t *size)
{
	size_t capacity = 0;

	for (*size = 0;;) {
		if (*size + 1 >= capacity) {
			if (capacity > MANIFEST_MAX_BYTES) {
				log_error("%s: larger than a manifest may be (%d MiB)",
					  manifest->path, MANIFEST_MAX_BYTES >> 20);
				return -EFBIG;
			}
			capacity = 2 * capacity + 65536;
			char *text = realloc(manifest->text, capacity);
			if (!text)
				return no_memory(manifest);
			manifest->text = text;
		}
		size_t n = fread(manifest->text + *size, 1, capacity - 1 - *size, f);
		*size += n;
		if (n == 0)
			break;
	}
	manifest->text[*size] = '\0';
	if (ferror(f)) {
		int error = errno ? errno : EIO;
		log_error("%s: %s", manifest->path, strerror(error));
		return -error;
	}
	return 0;
}

static int read_file(struct manifest *manifest, size_t *size)
{
	FILE *f = fopen(manifest->path, "re");

	if (!f) {
		int error = errno;
		log_error("%s: %s", manifest->path, strerror(error));
		return -error;
	}
	int error = read_stream(manifest, f, size);
	fclose(f);
	return error;
}

/* ---- names ---- */

static int name_set(struct manifest *manifest)
{
	const char *slash = strrchr(manifest->path, '/');
	const char *file = slash ? slash + 1 : manifest->path;
	char *folder =
		slash ? strndup(manifest->path, (size_t)(slash + 1 - manifest->path)) : strdup(".");

	if (!folder)
		return no_memory(manifest);
	manifest->folder = realpath(folder, NULL);
	free(folder);
	if (!manifest->folder) {
		int error = errno;
		log_error("%s: %s", manifest->path, strerror(error));
		return -error;
	}
	if (strcmp(file, "manifest.tsv") == 0) {
		manifest->set = strdup(strrchr(manifest->folder, '/') + 1);
	} else {
		const char *dot = strrchr(file, '.');
		manifest->set =
			dot && dot > file ? strndup(file, (size_t)(dot - file)) : strdup(file);
	}
	return manifest->set ? 0 : no_memory(manifest);
}

/* Keeps a path for as long as the manifest; takes it over. */
static const char *keep_path(struct manifest *manifest, char *path)
{
	if (manifest->n_paths == manifest->paths_capacity) {
		size_t capacity = 2 * manifest->paths_capacity + 16;
		char **paths = realloc(manifest->paths, capacity * sizeof(*paths));
		if (!paths) {
			free(path);
			return NULL;
		}
		manifest->paths = paths;
		manifest->paths_capacity = capacity;
	}
	manifest->paths[manifest->n_paths++] = path;
	return path;
}

/* Where the file of a clip lies. Where it is in neither folder the name in the
 * first is what the message will be about. NULL: no memory. */
static const char *resolve(struct manifest *manifest, const char *name)
{
	const char *slash = strrchr(manifest->folder, '/');
	int above = (int)(slash - manifest->folder);
	char *path = NULL;
	char *other = NULL;

	if (name[0] == '/') {
		path = strdup(name);
		return path ? keep_path(manifest, path) : NULL;
	}
	if (asprintf(&path, "%.*s/%s", above, manifest->folder, name) < 0)
		return NULL;
	if (access(path, F_OK) != 0) {
		if (asprintf(&other, "%s/%s", manifest->folder, name) < 0) {
			free(path);
			return NULL;
		}
		if (access(other, F_OK) == 0) {
			free(path);
			return keep_path(manifest, other);
		}
		free(other);
	}
	return keep_path(manifest, path);
}

/* ---- rows ---- */

/* Cuts a line at its tabs into at most `max` fields; returns how many there
 * are, more than max where there are more. */
static size_t split(char *line, const char **fields, size_t max)
{
	size_t n = 0;

	for (char *at = line;;) {
		char *tab = strchr(at, '\t');
		if (n == max)
			return n + 1;
		fields[n++] = at;
		if (!tab)
			return n;
		*tab = '\0';
		at = tab + 1;
	}
}

static int take_header(struct manifest *manifest, char *line, size_t number)
{
	manifest->n_columns = split(line, manifest->columns, MANIFEST_MAX_COLUMNS);
	if (manifest->n_columns > MANIFEST_MAX_COLUMNS)
		return refuse(manifest, number, "more columns than a manifest may have");
	for (size_t i = 0; i < manifest->n_columns; i++) {
		if (manifest->columns[i][0] == '\0')
			return refuse(manifest, number, "a column without a name");
		if (manifest_column(manifest, manifest->columns[i]) != (int)i)
			return refuse(manifest, number, "two columns of the same name");
	}
	manifest->path_column = manifest_column(manifest, "path");
	manifest->start_column = manifest_column(manifest, "start");
	manifest->samples_column = manifest_column(manifest, "samples");
	if (manifest->path_column < 0)
		return refuse(manifest, number, "no column is called 'path'");
	return 0;
}

/* A field of digits; empty: `none`. */
static bool take_position(const char *field, uint64_t none, uint64_t *out)
{
	uint64_t value = 0;

	*out = none;
	if (field[0] == '\0')
		return true;
	for (; *field >= '0' && *field <= '9'; field++) {
		value = 10 * value + (uint64_t)(*field - '0');
		if (value > max_samples)
			return false;
	}
	*out = value;
	return *field == '\0';
}

static int grow_rows(struct manifest *manifest)
{
	if (manifest->size < manifest->capacity)
		return 0;
	size_t capacity = 2 * manifest->capacity + 256;
	size_t cells;
	if (!checked_mul(capacity, manifest->n_columns * sizeof(char *), &cells))
		return no_memory(manifest);
	struct manifest_clip *clips = realloc(manifest->clips, capacity * sizeof(*clips));
	if (!clips)
		return no_memory(manifest);
	manifest->clips = clips;
	const char **fields = realloc(manifest->fields, cells);
	if (!fields)
		return no_memory(manifest);
	manifest->fields = fields;
	manifest->capacity = capacity;
	return 0;
}

static int take_row(struct manifest *manifest, char *line, size_t number)
{
	int error = grow_rows(manifest);
	if (error)
		return error;
	const char **fields = manifest->fields + manifest->size * manifest->n_columns;
	struct manifest_clip *clip = &manifest->clips[manifest->size];
	const struct manifest_clip *last = manifest->size > 0 ? clip - 1 : NULL;

	size_t n = split(line, fields, manifest->n_columns);
	if (n != manifest->n_columns) {
		log_error("%s:%zu: %s fields than the header has columns (%zu)", manifest->path,
			  number, n < manifest->n_columns ? "fewer" : "more", manifest->n_columns);
		return -EINVAL;
	}
	*clip = (struct manifest_clip){.name = fields[manifest->path_column], .line = number};
	if (clip->name[0] == '\0')
		return refuse(manifest, number, "the path is empty");
	manifest->size++;
	if (!take_position(manifest_field(manifest, manifest->size - 1, manifest->start_column), 0,
			   &clip->start))
		return refuse(manifest, number, "the start is not a number of samples");
	if (!take_position(manifest_field(manifest, manifest->size - 1, manifest->samples_column),
			   MANIFEST_TO_END, &clip->samples))
		return refuse(manifest, number, "the length is not a number of samples");
	clip->path = last && strcmp(last->name, clip->name) == 0 ? last->path
								 : resolve(manifest, clip->name);
	return clip->path ? 0 : no_memory(manifest);
}

static int take_lines(struct manifest *manifest, size_t size)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	char *at = manifest->text;
	const char *end = at + size;
	bool header = true;

	if (strncmp(at, byte_order_mark, 3) == 0)
		at += 3;
	for (size_t number = 1; at < end; number++) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline ? (size_t)(newline - at) : (size_t)(end - at);
		char *next = newline ? newline + 1 : at + length;
		int error = 0;

		at[length] = '\0';
		if (strlen(at) != length)
			return refuse(manifest, number, "a zero byte");
		if (!utf8_valid(at, length))
			return refuse(manifest, number, "not UTF-8");
		if (length > 0 && at[length - 1] == '\r')
			at[--length] = '\0';
		if (header)
			error = take_header(manifest, at, number);
		else if (length > 0)
			error = take_row(manifest, at, number);
		if (error)
			return error;
		header = false;
		at = next;
	}
	return header ? refuse(manifest, 1, "no header line") : 0;
}

int manifest_load(const char *path, struct manifest **out)
{
	size_t size = 0;

	*out = NULL;
	struct manifest *manifest = calloc(1, sizeof(*manifest));
	if (!manifest)
		return -ENOMEM;
	int error = find_file(path, manifest);
	if (!error)
		error = read_file(manifest, &size);
	if (!error)
		error = name_set(manifest);
	if (!error)
		error = take_lines(manifest, size);
	if (error) {
		manifest_destroy(manifest);
		return error;
	}
	*out = manifest;
	return 0;
}

void manifest_destroy(struct manifest *manifest)
{
	if (!manifest)
		return;
	for (size_t i = 0; i < manifest->n_paths; i++)
		free(manifest->paths[i]);
	free(manifest->paths);
	free(manifest->fields);
	free(manifest->clips);
	free(manifest->text);
	free(manifest->folder);
	free(manifest->set);
	free(manifest->path);
	free(manifest);
}

const char *manifest_path(const struct manifest *manifest)
{
	return manifest->path;
}

const char *manifest_set(const struct manifest *manifest)
{
	return manifest->set;
}

size_t manifest_size(const struct manifest *manifest)
{
	return manifest->size;
}

const struct manifest_clip *manifest_clip(const struct manifest *manifest, size_t i)
{
	return &manifest->clips[i];
}

int manifest_column(const struct manifest *manifest, const char *name)
{
	for (size_t i = 0; i < manifest->n_columns; i++) {
		if (strcmp(manifest->columns[i], name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

const char *manifest_field(const struct manifest *manifest, size_t i, int column)
{
	return column < 0 ? "" : manifest->fields[i * manifest->n_columns + (size_t)column];
}
