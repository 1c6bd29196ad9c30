#include "core/weights/safetensors.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/weights/json_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

/* One entry of the header with the bytes it claims. */
struct span {
	const cJSON *entry;
	size_t begin, end;
	struct tensor tensor;
};

static int parse_shape(const cJSON *shape, struct tensor *tensor, const char *name)
{
	const cJSON *item;

	if (!cJSON_IsArray(shape)) {
		log_error("%s: tensor '%s': 'shape' is not a list", tensor->file, name);
		return -EINVAL;
	}
	cJSON_ArrayForEach(item, shape)
	{
		if (tensor->n_dims == TENSOR_MAX_DIMS) {
			log_error("%s: tensor '%s' has more than %d dimensions", tensor->file, name,
				  TENSOR_MAX_DIMS);
			return -EINVAL;
		}
		if (!json_to_size(item, &tensor->dims[tensor->n_dims++])) {
			log_error("%s: tensor '%s': 'shape' holds something that is no size",
				  tensor->file, name);
			return -EINVAL;
		}
	}
	return 0;
}

/* Row-major strides; the checked product of all dims is the element count, so
 * that no later product of them overflows. A zero among huge dims must not
 * hide an overflow, hence zeros count as one on the way. */
static bool set_strides(struct tensor *tensor, size_t *elements)
{
	size_t n = 1;
	bool empty = false;

	for (size_t i = tensor->n_dims; i-- > 0;) {
		tensor->strides[i] = n;
		empty |= tensor->dims[i] == 0;
		if (!checked_mul(n, tensor->dims[i] ? tensor->dims[i] : 1, &n))
			return false;
	}
	*elements = empty ? 0 : n;
	return true;
}

/* Fills *span from its header entry; data_size is what lies behind the header. */
static int parse_entry(struct span *span, const char *path, size_t data_size)
{
	const char *name = span->entry->string;
	struct tensor *tensor = &span->tensor;
	const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(span->entry, "dtype");
	const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(span->entry, "data_offsets");
	size_t elements, bytes;

	tensor->file = path;
	if (!cJSON_IsString(dtype)) {
		log_error("%s: tensor '%s' has no 'dtype'", path, name);
		return -EINVAL;
	}
	if (!dtype_from_name(dtype->valuestring, &tensor->dtype)) {
		log_error("%s: tensor '%s': dtype '%s' is not supported", path, name,
			  dtype->valuestring);
		return -ENOTSUP;
	}
	int rc = parse_shape(cJSON_GetObjectItemCaseSensitive(span->entry, "shape"), tensor, name);
	if (rc < 0)
		return rc;
	if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
	    !json_to_size(offsets->child, &span->begin) ||
	    !json_to_size(offsets->child->next, &span->end) || span->begin > span->end) {
		log_error("%s: tensor '%s': 'data_offsets' are not [begin, end]", path, name);
		return -EINVAL;
	}
	if (span->end > data_size) {
		log_error("%s: tensor '%s': data_offsets [%zu, %zu] lie past the end of the data "
			  "(%zu bytes); is the file truncated?",
			  path, name, span->begin, span->end, data_size);
		return -EINVAL;
	}
	if (!set_strides(tensor, &elements) ||
	    !checked_mul(elements, dtype_size(tensor->dtype), &bytes)) {
		log_error("%s: tensor '%s': the shape overflows", path, name);
		return -EINVAL;
	}
	if (bytes != span->end - span->begin) {
		log_error("%s: tensor '%s': shape and dtype %s need %zu bytes, data_offsets give "
			  "%zu",
			  path, name, dtype->valuestring, bytes, span->end - span->begin);
		return -EINVAL;
	}
	return 0;
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorted spans must follow each other without gap from 0 to data_size. */
static int check_cover(const struct span *spans, size_t n, const char *path, size_t data_size)
{
	size_t covered = 0;

	for (size_t i = 0; i < n; i++) {
		if (spans[i].begin < covered) {
			log_error("%s: tensor '%s' overlaps tensor '%s'", path,
				  spans[i].entry->string, spans[i - 1].entry->string);
			return -EINVAL;
		}
		if (spans[i].begin > covered) {
			log_error("%s: tensor '%s' begins at %zu, but the data before it ends at "
				  "%zu",
				  path, spans[i].entry->string, spans[i].begin, covered);
			return -EINVAL;
		}
		covered = spans[i].end;
	}
	if (covered != data_size) {
		log_error("%s: %zu bytes of data, of which the tensors cover %zu", path, data_size,
			  covered);
		return -EINVAL;
	}
	return 0;
}

static int read_header(const struct mapping *file, cJSON **header, size_t *data_offset)
{
	uint64_t length = 0;

	if (file->size < LENGTH_BYTES) {
		log_error("%s: %zu bytes are too few for a safetensors file", file->path,
			  file->size);
		return -EINVAL;
	}
	memcpy(&length, file->data, LENGTH_BYTES);
	if (length > file->size - LENGTH_BYTES) {
		log_error("%s: the header of %llu bytes reaches past the end of the file "
			  "(%zu bytes)",
			  file->path, (unsigned long long)length, file->size);
		return -EINVAL;
	}
	int rc = json_parse((const char *)file->data + LENGTH_BYTES, (size_t)length, file->path,
			    header);
	if (rc < 0)
		return rc;
	if (!cJSON_IsObject(*header)) {
		log_error("%s: the header is not a JSON object", file->path);
		cJSON_Delete(*header);
		return -EINVAL;
	}
	*data_offset = LENGTH_BYTES + (size_t)length;
	return 0;
}

int safetensors_read(const struct mapping *file, struct tensor_list *list)
{
	cJSON *header;
	size_t data_offset, n = 0;
	const cJSON *entry;

	int rc = read_header(file, &header, &data_offset);
	if (rc < 0)
		return rc;
	size_t data_size = file->size - data_offset;

	cJSON_ArrayForEach(entry, header) n++;
	struct span *spans = calloc(n ? n : 1, sizeof(*spans));
	if (spans == NULL) {
		rc = -ENOMEM;
		goto done;
	}
	n = 0;
	cJSON_ArrayForEach(entry, header)
	{
		if (strcmp(entry->string, "__metadata__") == 0)
			continue;
		if (!cJSON_IsObject(entry)) {
			log_error("%s: tensor '%s': the header entry is not an object", file->path,
				  entry->string);
			rc = -EINVAL;
			goto done;
		}
		spans[n].entry = entry;
		rc = parse_entry(&spans[n++], file->path, data_size);
		if (rc < 0)
			goto done;
	}
	qsort(spans, n, sizeof(*spans), compare_spans);
	rc = check_cover(spans, n, file->path, data_size);
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct tensor *tensor = &spans[i].tensor;
		tensor->data = file->data + data_offset + spans[i].begin;
		rc = tensor_list_add(list, tensor, spans[i].entry->string,
				     strlen(spans[i].entry->string));
	}
done:
	free(spans);
	cJSON_Delete(header);
	return rc;
}
