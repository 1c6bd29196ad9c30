#include "tests/decode/fixture.h"

#include "core/weights/weights.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *fixture_dir(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/%s", FIXTURES, name);
	return path;
}

static void fixture_path(char *path, size_t size, const char *name, const char *file)
{
	snprintf(path, size, "%s/%s/%s", FIXTURES, name, file);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **fixture_cases(const char *file)
{
	static char *names[128];
	struct dirent *entry;
	size_t n = 0;
	DIR *dir = opendir(FIXTURES);

	for (char **name = names; *name != NULL; name++) {
		free(*name);
		*name = NULL;
	}
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[2048];

		fixture_path(path, sizeof(path), entry->d_name, file);
		if (entry->d_name[0] != '.' && access(path, R_OK) == 0) {
			assert_true(n + 1 < sizeof(names) / sizeof(names[0]));
			names[n++] = strdup(entry->d_name);
		}
	}
	closedir(dir);
	qsort(names, n, sizeof(names[0]), compare_names);
	return names;
}

cJSON *fixture_json(const char *name, const char *file)
{
	char path[2048], *text;
	long size;
	cJSON *json;
	FILE *f;

	fixture_path(path, sizeof(path), name, file);
	f = fopen(path, "rb");
	if (f == NULL)
		return NULL;
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	rewind(f);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, f), size);
	text[size] = '\0';
	fclose(f);
	json = cJSON_Parse(text);
	free(text);
	assert_non_null(json);
	return json;
}

float *fixture_tensor(const char *name, const char *file, const char *tensor, size_t *rows,
		      size_t *columns)
{
	char path[2048];
	const struct tensor *found;
	struct weights *weights;
	size_t elements;
	float *values;

	fixture_path(path, sizeof(path), name, file);
	assert_int_equal(weights_open_file(path, &weights), 0);
	found = weights_find(weights, tensor);
	assert_non_null(found);
	elements = tensor_elements(found);
	values = malloc(elements * sizeof(*values) + 1);
	assert_non_null(values);
	tensor_read_f32(found, 0, elements, values);
	if (rows != NULL)
		*rows = found->dims[0];
	if (columns != NULL)
		*columns = found->n_dims > 1 ? found->dims[1] : 1;
	weights_close(weights);
	return values;
}

int *fixture_ints(const cJSON *array, size_t *n)
{
	const cJSON *item;
	int *values;

	assert_true(cJSON_IsArray(array));
	values = malloc(((size_t)cJSON_GetArraySize(array) + 1) * sizeof(*values));
	assert_non_null(values);
	*n = 0;
	cJSON_ArrayForEach(item, array) values[(*n)++] = item->valueint;
	return values;
}

const char *fixture_string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	assert_true(cJSON_IsString(item));
	return item->valuestring;
}

unsigned fixture_random(unsigned *state, unsigned below)
{
	*state = *state * 1664525U + 1013904223U;
	return (unsigned)((uint64_t)(*state >> 8) * below >> 24);
}
