/*
 * Which files make up a directory's weights, and names to tensors over all of
 * them: a list in file order plus an index sorted by name.
 */
#include "core/weights/weights.h"

#include "core/base/log.h"
#include "core/base/mapping.h"
#include "core/weights/json_file.h"
#include "core/weights/safetensors.h"
#include "core/weights/tensor_list.h"
#include "core/weights/torch_bin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 4096, SHAPE_TEXT_BYTES = 128 };

struct weights {
	struct mapping *files; /* owned, [n_files] */
	size_t n_files;
	struct tensor_list tensors;
	size_t *by_name; /* owned, [tensors.n], indices sorted by name */
	bool *used;      /* owned, [tensors.n] */
};

typedef int (*read_func)(const struct mapping *file, struct tensor_list *list);

/* In order of preference. `name` may be missing; then `index` names the shards. */
static const struct source {
	const char *name;
	const char *index;
	read_func read;
} sources[] = {
	{"model.safetensors", "model.safetensors.index.json", safetensors_read},
	{"pytorch_model.bin", "pytorch_model.bin.index.json", torch_bin_read},
};

void weights_close(struct weights *weights)
{
	if (weights == NULL)
		return;
	tensor_list_finish(&weights->tensors);
	for (size_t i = 0; i < weights->n_files; i++)
		mapping_close(&weights->files[i]);
	free(weights->files);
	free(weights->by_name);
	free(weights->used);
	free(weights);
}

/* Maps and reads one more file; -ENOENT silently where it does not exist. */
static int add_file(struct weights *weights, const char *path, read_func read)
{
	struct mapping *files =
		realloc(weights->files, (weights->n_files + 1) * sizeof(*weights->files));

	if (files == NULL)
		return -ENOMEM;
	weights->files = files;
	struct mapping *file = &files[weights->n_files];
	int rc = mapping_open(file, path);
	if (rc < 0)
		return rc;
	weights->n_files++;
	rc = read(file, &weights->tensors);
	if (rc == 0)
		mapping_expect_reading(file);
	return rc;
}

static const struct tensor *by_rank(const struct weights *weights, size_t rank)
{
	return &weights->tensors.items[weights->by_name[rank]];
}

static int compare_names(const void *a, const void *b, void *ctx)
{
	const struct tensor *items = ctx;

	return strcmp(items[*(const size_t *)a].name, items[*(const size_t *)b].name);
}

/* Sorts the names once all files are read; a name twice is an error. */
static int index_names(struct weights *weights)
{
	size_t n = weights->tensors.n;

	weights->by_name = malloc((n ? n : 1) * sizeof(*weights->by_name));
	weights->used = calloc(n ? n : 1, sizeof(*weights->used));
	if (weights->by_name == NULL || weights->used == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		weights->by_name[i] = i;
	qsort_r(weights->by_name, n, sizeof(*weights->by_name), compare_names,
		weights->tensors.items);
	for (size_t i = 1; i < n; i++) {
		const struct tensor *a = by_rank(weights, i - 1), *b = by_rank(weights, i);
		if (strcmp(a->name, b->name) == 0) {
			log_error("%s: tensor '%s' is also in %s", b->file, b->name, a->file);
			return -EINVAL;
		}
	}
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A shard is a file beside its index: a path could point anywhere. */
static bool is_plain_name(const char *name)
{
	return name[0] != '\0' && strlen(name) < 256 && strchr(name, '/') == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The distinct file names of a weight_map, sorted, borrowed from it. */
static int list_shards(const cJSON *map, const char *path, const char ***shards, size_t *n_shards)
{
	size_t n = 0, distinct = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, map) n++;
	const char **names = malloc((n ? n : 1) * sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	n = 0;
	cJSON_ArrayForEach(item, map)
	{
		if (!cJSON_IsString(item) || !is_plain_name(item->valuestring)) {
			log_error("%s: tensor '%s': no file name beside the index", path,
				  item->string);
			free(names);
			return -EINVAL;
		}
		names[n++] = item->valuestring;
	}
	qsort(names, n, sizeof(*names), compare_strings);
	for (size_t i = 0; i < n; i++) {
		if (distinct == 0 || strcmp(names[distinct - 1], names[i]) != 0)
			names[distinct++] = names[i];
	}
	if (distinct == 0 || distinct > MAX_SHARDS) {
		log_error("%s: 'weight_map' names %zu files", path, distinct);
		free(names);
		return -EINVAL;
	}
	*shards = names;
	*n_shards = distinct;
	return 0;
}

/* Every tensor where the index says, and none beside them. */
static int check_map(const struct weights *weights, const cJSON *map, const char *path)
{
	size_t n = weights->tensors.n;
	const cJSON *item;
	int rc = 0;

	bool *listed = calloc(n ? n : 1, sizeof(*listed));
	if (listed == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach(item, map)
	{
		const struct tensor *tensor = weights_find(weights, item->string);
		const char *slash = tensor ? strrchr(tensor->file, '/') : NULL;
		if (slash == NULL || strcmp(slash + 1, item->valuestring) != 0) {
			log_error("%s: tensor '%s' is not in %s", path, item->string,
				  item->valuestring);
			rc = -EINVAL;
			goto done;
		}
		listed[tensor - weights->tensors.items] = true;
	}
	for (size_t i = 0; i < n; i++) {
		if (!listed[i]) {
			log_error("%s: tensor '%s' is not in the index %s",
				  weights->tensors.items[i].file, weights->tensors.items[i].name,
				  path);
			rc = -EINVAL;
			goto done;
		}
	}
done:
	free(listed);
	return rc;
}

static int add_shards(struct weights *weights, const char *dir, const struct source *source)
{
	cJSON *root = NULL;
	const char **shards = NULL;
	size_t n_shards = 0;
	char *path = NULL;

	int rc = json_file_read(dir, source->index, &root);
	if (rc < 0)
		return rc;
	path = mapping_path(dir, source->index);
	if (path == NULL) {
		rc = -ENOMEM;
		goto done;
	}
	const cJSON *map = cJSON_GetObjectItemCaseSensitive(root, "weight_map");
	if (!cJSON_IsObject(map)) {
		log_error("%s: 'weight_map' is not an object", path);
		rc = -EINVAL;
		goto done;
	}
	rc = list_shards(map, path, &shards, &n_shards);
	for (size_t i = 0; i < n_shards && rc == 0; i++) {
		char *shard = mapping_path(dir, shards[i]);
		rc = shard ? add_file(weights, shard, source->read) : -ENOMEM;
		if (rc == -ENOENT) {
			log_error("%s: the file is missing, %s names it", shard, source->index);
			rc = -EINVAL;
		}
		free(shard);
	}
	if (rc == 0)
		rc = index_names(weights);
	if (rc == 0)
		rc = check_map(weights, map, path);
done:
	free(shards);
	free(path);
	cJSON_Delete(root);
	return rc;
}

static int open_source(struct weights *weights, const char *dir, const struct source *source)
{
	char *path = mapping_path(dir, source->name);

	if (path == NULL)
		return -ENOMEM;
	int rc = add_file(weights, path, source->read);
	free(path);
	if (rc == 0)
		return index_names(weights);
	if (rc == -ENOENT)
		return add_shards(weights, dir, source);
	return rc;
}

int weights_open(const char *dir, struct weights **out)
{
	*out = NULL;
	struct weights *weights = calloc(1, sizeof(*weights));
	if (weights == NULL)
		return -ENOMEM;

	int rc = -ENOENT;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && rc == -ENOENT; i++)
		rc = open_source(weights, dir, &sources[i]);
	if (rc == -ENOENT)
		log_error("%s: no model.safetensors, pytorch_model.bin or index of either", dir);
	if (rc < 0) {
		weights_close(weights);
		return rc;
	}
	*out = weights;
	return 0;
}

int weights_open_file(const char *path, struct weights **out)
{
	*out = NULL;
	struct weights *weights = calloc(1, sizeof(*weights));
	if (weights == NULL)
		return -ENOMEM;
	int rc = add_file(weights, path, safetensors_read);
	if (rc == -ENOENT)
		log_error("%s: no such file", path);
	if (rc == 0)
		rc = index_names(weights);
	if (rc < 0) {
		weights_close(weights);
		return rc;
	}
	*out = weights;
	return 0;
}

size_t weights_count(const struct weights *weights)
{
	return weights->tensors.n;
}

const struct tensor *weights_at(const struct weights *weights, size_t index)
{
	return &weights->tensors.items[index];
}

const struct tensor *weights_find(const struct weights *weights, const char *name)
{
	size_t low = 0, high = weights->tensors.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(by_rank(weights, middle)->name, name);
		if (order == 0)
			return by_rank(weights, middle);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const char *shape_text(char *text, size_t n_dims, const size_t *dims)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n_dims && at < SHAPE_TEXT_BYTES; i++)
		at += (size_t)snprintf(text + at, SHAPE_TEXT_BYTES - at, "%s%zu", i ? ", " : "",
				       dims[i]);
	return text;
}

int weights_require(struct weights *weights, const char *name, size_t n_dims, const size_t *dims,
		    const struct tensor **out)
{
	const struct tensor *tensor = weights_find(weights, name);

	*out = NULL;
	if (tensor == NULL) {
		log_error("%s: tensor '%s' is missing",
			  weights->n_files ? weights->files[0].path : "weights", name);
		return -ENOENT;
	}
	if (tensor->n_dims != n_dims ||
	    (n_dims && memcmp(tensor->dims, dims, n_dims * sizeof(*dims)) != 0)) {
		char have[SHAPE_TEXT_BYTES], want[SHAPE_TEXT_BYTES];
		log_error("%s: tensor '%s' has shape [%s], the configuration needs [%s]",
			  tensor->file, name, shape_text(have, tensor->n_dims, tensor->dims),
			  shape_text(want, n_dims, dims));
		return -EINVAL;
	}
	weights->used[tensor - weights->tensors.items] = true;
	*out = tensor;
	return 0;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

/* What training leaves in a checkpoint and inference never reads: the mask
 * embedding of SpecAugment, batch norm's counter, the heads of pre-training. */
static bool is_training_only(const char *name)
{
	static const char *const heads[] = {"quantizer.", "project_q.", "project_hid.",
					    "dropout_features."};

	if (ends_with(name, "masked_spec_embed") || ends_with(name, "num_batches_tracked"))
		return true;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (strncmp(name, heads[i], strlen(heads[i])) == 0)
			return true;
	}
	return false;
}

void weights_release(const struct weights *weights)
{
	for (size_t i = 0; i < weights->n_files; i++)
		mapping_release(&weights->files[i]);
}

int weights_check_all_used(const struct weights *weights)
{
	for (size_t i = 0; i < weights->tensors.n; i++) {
		const struct tensor *tensor = &weights->tensors.items[i];
		if (!weights->used[i] && !is_training_only(tensor->name)) {
			log_error("%s: tensor '%s' is not part of the configured model",
				  tensor->file, tensor->name);
			return -EINVAL;
		}
	}
	return 0;
}
