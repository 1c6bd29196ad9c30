#include "tools/noise.h"

#include "core/base/log.h"
#include "tools/recordings.h"
#include "tools/speech_level.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* Places that are looked at for one that is not silent. */
enum { MAX_DRAWS = 16 };

struct noise {
	unsigned rate;
	uint64_t seed;
	size_t n, capacity;
	char **files;                  /* owned, each owned, in the order of their names */
	struct recordings *recordings; /* owned */
};

/* ---- the files ---- */

static bool is_audio(const char *name)
{
	static const char *const extensions[] = {"wav", "flac", "ogg", "oga", "opus", "mp3",
						 "aif", "aiff", "au",  "caf", "w64",  "rf64"};
	const char *dot = strrchr(name, '.');

	if (!dot || dot == name)
		return false;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (strcasecmp(dot + 1, extensions[i]) == 0)
			return true;
	}
	return false;
}

static int add_file(struct noise *noise, char *path)
{
	if (path && noise->n == noise->capacity) {
		size_t capacity = 2 * noise->capacity + 16;
		char **files = realloc(noise->files, capacity * sizeof(*files));
		if (!files) {
			free(path);
			path = NULL;
		} else {
			noise->files = files;
			noise->capacity = capacity;
		}
	}
	if (!path)
		return -ENOMEM;
	noise->files[noise->n++] = path;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(struct noise *noise, const char *path)
{
	DIR *folder = opendir(path);
	int error = 0;

	if (!folder) {
		error = errno;
		log_error("%s: %s", path, strerror(error));
		return -error;
	}
	for (const struct dirent *entry; !error && (entry = readdir(folder));) {
		char *file = NULL;
		if (!is_audio(entry->d_name))
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			file = NULL;
		error = add_file(noise, file);
	}
	closedir(folder);
	if (error) {
		log_error("%s: no memory for the names", path);
		return error;
	}
	if (noise->n == 0) {
		log_error("%s: no audio file is in it", path);
		return -ENOENT;
	}
	/* A folder has no order of its own that two machines would share. */
	qsort(noise->files, noise->n, sizeof(*noise->files), compare_names);
	return 0;
}

int noise_open(const char *path, unsigned rate, uint64_t seed, struct noise **out)
{
	struct stat status;

	*out = NULL;
	if (stat(path, &status) != 0) {
		int error = errno;
		log_error("%s: %s", path, strerror(error));
		return -error;
	}
	struct noise *noise = calloc(1, sizeof(*noise));
	if (!noise)
		return -ENOMEM;
	noise->rate = rate;
	noise->seed = seed;
	int error = recordings_create(rate, RECORDINGS_DEFAULT_BYTES, &noise->recordings);
	if (!error)
		error = S_ISDIR(status.st_mode) ? list_folder(noise, path)
						: add_file(noise, strdup(path));
	if (error) {
		noise_close(noise);
		return error;
	}
	*out = noise;
	return 0;
}

void noise_close(struct noise *noise)
{
	if (!noise)
		return;
	for (size_t i = 0; i < noise->n; i++)
		free(noise->files[i]);
	free(noise->files);
	recordings_destroy(noise->recordings);
	free(noise);
}

/* ---- drawing ---- */

/* SplitMix64 (Steele, Lea, Flood 2014): a step of a counter, well mixed. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* A state for this clip: FNV-1a over its name, then position and seed mixed in. */
static uint64_t clip_state(const struct noise *noise, const char *name, uint64_t position)
{
	uint64_t state = 0xcbf29ce484222325ULL;

	for (; *name != '\0'; name++)
		state = (state ^ (unsigned char)*name) * 0x100000001b3ULL;
	state = draw(&state) + position;
	return draw(&state) + noise->seed;
}

/* Sum of squares of the n samples from `start` on, over the end. */
static double energy(const float *file, size_t size, size_t start, size_t n)
{
	double sum = 0;

	for (size_t i = 0, at = start; i < n; i++, at = at + 1 < size ? at + 1 : 0)
		sum += (double)file[at] * (double)file[at];
	return sum;
}

int noise_mix(struct noise *noise, const char *name, uint64_t position, double snr_db,
	      float *samples, size_t n)
{
	double speech = speech_level(samples, n, noise->rate, NULL);
	uint64_t state = clip_state(noise, name, position);
	const float *file = NULL;
	size_t size = 0, start = 0;
	double sum = 0;

	if (speech <= 0)
		return 0;
	/* Recordings of noise have gaps of digital silence. */
	for (int draws = 0; draws < MAX_DRAWS && sum <= 0; draws++) {
		const char *path = noise->files[draw(&state) % noise->n];
		int error = recordings_file(noise->recordings, path, &file, &size);
		if (error)
			return error;
		if (size == 0)
			continue;
		start = (size_t)(draw(&state) % size);
		sum = energy(file, size, start, n);
	}
	if (sum <= 0)
		return 0;
	double gain = speech * pow(10, -snr_db / 20) / sqrt(sum / (double)n);
	for (size_t i = 0, at = start; i < n; i++, at = at + 1 < size ? at + 1 : 0)
		samples[i] += (float)gain * file[at];
	return 1;
}
