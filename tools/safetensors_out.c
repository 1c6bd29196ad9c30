#include "tools/safetensors_out.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "tools/json_out.h"
#include "tools/output_file.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "safetensors data is little endian and written as it lies in memory");

struct entry {
	char *name; /* owned */
	enum dtype dtype;
	size_t n_dims;
	size_t dims[TENSOR_MAX_DIMS];
	size_t begin; /* byte offset in the data */
	size_t bytes;
};

struct safetensors_out {
	char *path;              /* owned */
	struct output_file file; /* open from begin on */
	size_t n_entries;
	struct entry *entries; /* owned */
	size_t data_bytes;
	size_t data_start; /* offset of the data in the file */
};

int safetensors_out_create(const char *path, struct safetensors_out **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->file.fd = -1;
	(*out)->path = strdup(path);
	if (!(*out)->path) {
		safetensors_out_destroy(*out);
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int fail(const struct safetensors_out *out, int error)
{
	log_error("%s: %s", out->path, strerror(error));
	return -error;
}

int safetensors_out_add(struct safetensors_out *out, const char *name, enum dtype dtype,
			size_t n_dims, const size_t *dims)
{
	struct entry entry = {.dtype = dtype, .n_dims = n_dims, .begin = out->data_bytes};
	size_t end;

	assert(out->file.fd < 0 && n_dims <= TENSOR_MAX_DIMS);
	entry.bytes = dtype_size(dtype);
	for (size_t i = 0; i < n_dims; i++) {
		entry.dims[i] = dims[i];
		if (!checked_mul(entry.bytes, dims[i], &entry.bytes))
			return fail(out, EOVERFLOW);
	}
	if (!checked_add(out->data_bytes, entry.bytes, &end))
		return fail(out, EOVERFLOW);

	struct entry *grown = realloc(out->entries, (out->n_entries + 1) * sizeof(*grown));
	if (!grown)
		return fail(out, ENOMEM);
	out->entries = grown;
	entry.name = strdup(name);
	if (!entry.name)
		return fail(out, ENOMEM);
	grown[out->n_entries] = entry;
	out->data_bytes = end;
	return (int)out->n_entries++;
}

/* The header as text in owned memory. */
static int make_header(const struct safetensors_out *out, char **text, size_t *size)
{
	FILE *f = open_memstream(text, size);
	if (!f)
		return -errno;

	struct json_out json = {.file = f};
	json_begin_object(&json, NULL);
	for (size_t i = 0; i < out->n_entries; i++) {
		const struct entry *entry = &out->entries[i];
		json_begin_object(&json, entry->name);
		json_string(&json, "dtype", dtype_name(entry->dtype));
		json_begin_array(&json, "shape");
		for (size_t d = 0; d < entry->n_dims; d++)
			json_integer(&json, NULL, (long long)entry->dims[d]);
		json_end_array(&json);
		json_begin_array(&json, "data_offsets");
		json_integer(&json, NULL, (long long)entry->begin);
		json_integer(&json, NULL, (long long)(entry->begin + entry->bytes));
		json_end_array(&json);
		json_end_object(&json);
	}
	json_end_object(&json);
	while (ftell(f) % 8 != 0)
		putc(' ', f);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

int safetensors_out_begin(struct safetensors_out *out)
{
	char *text = NULL;
	size_t size = 0;

	int error = make_header(out, &text, &size);
	if (error) {
		free(text);
		return fail(out, -error);
	}
	error = output_file_open(&out->file, out->path);
	unsigned char length[8];
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (unsigned char)((uint64_t)size >> 8 * i);
	if (!error)
		error = output_file_write(&out->file, length, sizeof(length), 0);
	if (!error)
		error = output_file_write(&out->file, text, size, sizeof(length));
	out->data_start = sizeof(length) + size;
	free(text);
	if (!error)
		error = output_file_resize(&out->file, out->data_start + out->data_bytes);
	return error;
}

int safetensors_out_write(struct safetensors_out *out, int tensor, size_t first, const void *data,
			  size_t count)
{
	const struct entry *entry = &out->entries[tensor];
	size_t size = dtype_size(entry->dtype);

	assert(checked_range(first * size, count * size, entry->bytes));
	return output_file_write(&out->file, data, count * size,
				 out->data_start + entry->begin + first * size);
}

int safetensors_out_finish(struct safetensors_out *out)
{
	return output_file_finish(&out->file);
}

void safetensors_out_destroy(struct safetensors_out *out)
{
	if (!out)
		return;
	output_file_close(&out->file);
	for (size_t i = 0; i < out->n_entries; i++)
		free(out->entries[i].name);
	free(out->entries);
	free(out->path);
	free(out);
}
