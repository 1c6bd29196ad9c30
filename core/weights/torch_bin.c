#include "core/weights/torch_bin.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/weights/pickle.h"
#include "core/weights/torch_storage.h"

#include <errno.h>
#include <string.h>

enum { MAX_BROADCAST_ELEMENTS = 1 << 24 };

static int refuse(const struct mapping *file, const struct pickle_value *name, const char *what)
{
	log_error("%s: tensor '%.*s' %s", file->path,
		  name->text.length < 256 ? (int)name->text.length : 256, name->text.data, what);
	return -EINVAL;
}

static bool to_size(const struct pickle_value *value, size_t *out)
{
	if (value->kind != PICKLE_INTEGER || value->integer < 0 ||
	    (uint64_t)value->integer > SIZE_MAX)
		return false;
	*out = (size_t)value->integer;
	return true;
}

/* Sizes and strides; *elements is the checked product of the sizes, *extent the
 * elements from the first to the last one, both included. */
static int read_shape(const struct mapping *file, const struct pickle_value *name,
		      const struct pickle_value *value, struct tensor *tensor, size_t *elements,
		      size_t *extent)
{
	const struct pickle_value *size = value->tensor.size, *stride = value->tensor.stride;
	bool empty = false;

	if (size->list.n != stride->list.n || size->list.n > TENSOR_MAX_DIMS)
		return refuse(file, name, "has sizes and strides that do not fit each other");
	tensor->n_dims = size->list.n;
	*elements = 1;
	*extent = 1;
	for (size_t i = 0; i < tensor->n_dims; i++) {
		size_t dim, reach;
		if (!to_size(size->list.items[i], &dim) ||
		    !to_size(stride->list.items[i], &tensor->strides[i]))
			return refuse(file, name, "has a size or stride that is no size");
		tensor->dims[i] = dim;
		empty |= dim == 0;
		/* A zero must not hide an overflow of the others. */
		if (!checked_mul(*elements, dim ? dim : 1, elements) ||
		    !checked_mul(dim ? dim - 1 : 0, tensor->strides[i], &reach) ||
		    !checked_add(*extent, reach, extent))
			return refuse(file, name, "has a shape that overflows");
	}
	if (empty)
		*elements = *extent = 0;
	return 0;
}

static int add_tensor(const struct mapping *file, const struct torch_storages *storages,
		      const struct pickle_value *name, const struct pickle_value *value,
		      struct tensor_list *list)
{
	const struct pickle_value *storage = value->tensor.storage;
	struct tensor tensor = {.file = file->path, .dtype = storage->storage.dtype};
	size_t elements, extent, offset, end, stored;
	const unsigned char *data;

	int rc = read_shape(file, name, value, &tensor, &elements, &extent);
	if (rc < 0)
		return rc;
	rc = torch_storages_find(storages, storage, name, &data, &stored);
	if (rc < 0)
		return rc;
	if (!to_size(value->tensor.offset, &offset) || !checked_add(offset, extent, &end) ||
	    end > stored)
		return refuse(file, name, "reaches outside of its storage");
	/* A broadcast tensor (stride 0) claims more than the file holds: a few
	 * bytes must not grow into gigabytes. */
	if (elements > stored && elements > MAX_BROADCAST_ELEMENTS)
		return refuse(file, name, "has far more elements than its storage");
	tensor.data = data + offset * dtype_size(tensor.dtype);
	return tensor_list_add(list, &tensor, name->text.data, name->text.length);
}

int torch_bin_read(const struct mapping *file, struct tensor_list *list)
{
	struct torch_storages storages;
	const struct pickle_value *root;

	int rc = torch_storages_open(file, &storages, &root);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < root->list.n; i += 2)
		rc = add_tensor(file, &storages, root->list.items[i], root->list.items[i + 1],
				list);
	torch_storages_close(&storages);
	return rc;
}
