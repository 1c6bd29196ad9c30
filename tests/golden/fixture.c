#include "tests/golden/fixture.h"

#include "core/weights/json_file.h"
#include "core/weights/weights.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fixture_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("Bail out! ", stdout);
	vprintf(fmt, args);
	fputc('\n', stdout);
	va_end(args);
	exit(EXIT_FAILURE);
}

void *fixture_allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory)
		fixture_die("out of memory");
	return memory;
}

char *fixture_path(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		fixture_die("out of memory");
	return path;
}

bool fixture_exists(const char *dir, const char *name)
{
	char *path = fixture_path(dir, name);
	bool exists = access(path, R_OK) == 0;

	free(path);
	return exists;
}

static uint32_t u32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

float *fixture_samples(const char *dir, const char *name, size_t *n)
{
	char *path = fixture_path(dir, name);
	FILE *file = fopen(path, "rb");
	unsigned char header[12], chunk[8];

	if (!file || fread(header, 1, sizeof(header), file) != sizeof(header))
		fixture_die("cannot read %s", path);
	while (fread(chunk, 1, sizeof(chunk), file) == sizeof(chunk) &&
	       memcmp(chunk, "data", 4) != 0) {
		if (fseek(file, (long)u32(chunk + 4), SEEK_CUR))
			break;
	}
	if (memcmp(chunk, "data", 4) != 0)
		fixture_die("%s has no samples", path);
	*n = u32(chunk + 4) / 2;

	float *samples = fixture_allocate(*n, sizeof(*samples));
	for (size_t i = 0; i < *n; i++) {
		unsigned char bytes[2];

		if (fread(bytes, 1, 2, file) != 2)
			fixture_die("%s is truncated", path);
		samples[i] = (float)(int16_t)(bytes[0] | bytes[1] << 8) / 32768.0f;
	}
	fclose(file);
	free(path);
	return samples;
}

cJSON *fixture_json(const char *dir, const char *name)
{
	cJSON *json;

	if (json_file_read(dir, name, &json) < 0)
		fixture_die("cannot read %s/%s", dir, name);
	return json;
}

struct weights *fixture_tensors(const char *dir, const char *name)
{
	char *path = fixture_path(dir, name);
	struct weights *weights;

	if (weights_open_file(path, &weights) < 0)
		fixture_die("cannot read %s", path);
	free(path);
	return weights;
}

bool fixture_values(const struct weights *weights, const char *name, struct values *out)
{
	const struct tensor *tensor = weights_find(weights, name);

	*out = (struct values){.dims = {1, 1, 1}};
	if (!tensor)
		return false;
	if (tensor->n_dims > 3)
		fixture_die("%s has %zu dimensions", name, tensor->n_dims);
	for (size_t i = 0; i < tensor->n_dims; i++)
		out->dims[i] = tensor->dims[i];
	out->n = tensor_elements(tensor);
	out->data = fixture_allocate(out->n, sizeof(*out->data));
	tensor_read_f32(tensor, 0, out->n, out->data);
	return true;
}

void values_finish(struct values *values)
{
	free(values->data);
	*values = (struct values){0};
}

float values_max_abs(const struct values *values)
{
	float max = 0;

	for (size_t i = 0; i < values->n; i++)
		max = fmaxf(max, fabsf(values->data[i]));
	return max;
}

int *fixture_ints(const cJSON *array, size_t *n)
{
	*n = (size_t)cJSON_GetArraySize(array);
	int *ints = fixture_allocate(*n, sizeof(*ints));
	size_t i = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, array) ints[i++] = item->valueint;
	return ints;
}

/* The one temporary directory; also removed when the program dies. */
static char *copy;

static void remove_copy(void)
{
	DIR *listing = copy ? opendir(copy) : NULL;

	if (listing) {
		for (struct dirent *entry; (entry = readdir(listing));) {
			if (entry->d_name[0] == '.')
				continue;
			char *path = fixture_path(copy, entry->d_name);

			unlink(path);
			free(path);
		}
		closedir(listing);
		rmdir(copy);
	}
	free(copy);
	copy = NULL;
}

const char *fixture_copy(const char *dir, const char *without)
{
	const char *tmp = getenv("TMPDIR");
	char *absolute = realpath(dir, NULL);
	DIR *listing = opendir(dir);

	remove_copy();
	copy = fixture_path(tmp ? tmp : "/tmp", "heard-golden-XXXXXX");
	if (!mkdtemp(copy) || atexit(remove_copy) || !absolute || !listing)
		fixture_die("cannot link %s to a temporary directory", dir);
	for (struct dirent *entry; (entry = readdir(listing));) {
		if (entry->d_name[0] == '.' ||
		    strncmp(entry->d_name, without, strlen(without)) == 0)
			continue;
		char *from = fixture_path(absolute, entry->d_name);
		char *to = fixture_path(copy, entry->d_name);

		if (symlink(from, to))
			fixture_die("cannot link %s", to);
		free(from);
		free(to);
	}
	closedir(listing);
	free(absolute);
	return copy;
}
