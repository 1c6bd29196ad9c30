#include "core/weights/pickle_torch.h"

#include <string.h>

static const struct {
	const char *module, *name;
	enum pickle_global which;
	enum dtype dtype;
} globals[] = {
	{"collections", "OrderedDict", PICKLE_ORDERED_DICT, DTYPE_F32},
	{"torch._utils", "_rebuild_tensor", PICKLE_REBUILD_TENSOR, DTYPE_F32},
	{"torch._utils", "_rebuild_tensor_v2", PICKLE_REBUILD_TENSOR_V2, DTYPE_F32},
	{"torch._utils", "_rebuild_parameter", PICKLE_REBUILD_PARAMETER, DTYPE_F32},
	{"torch", "FloatStorage", PICKLE_STORAGE_TYPE, DTYPE_F32},
	{"torch", "HalfStorage", PICKLE_STORAGE_TYPE, DTYPE_F16},
	{"torch", "BFloat16Storage", PICKLE_STORAGE_TYPE, DTYPE_BF16},
	{"torch", "DoubleStorage", PICKLE_STORAGE_TYPE, DTYPE_F64},
	{"torch", "LongStorage", PICKLE_STORAGE_TYPE, DTYPE_I64},
	{"torch", "IntStorage", PICKLE_STORAGE_TYPE, DTYPE_I32},
	{"torch", "ShortStorage", PICKLE_STORAGE_TYPE, DTYPE_I16},
	{"torch", "CharStorage", PICKLE_STORAGE_TYPE, DTYPE_I8},
	{"torch", "ByteStorage", PICKLE_STORAGE_TYPE, DTYPE_U8},
	{"torch", "BoolStorage", PICKLE_STORAGE_TYPE, DTYPE_BOOL},
};

static bool equals(const char *data, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(data, text, length) == 0;
}

bool pickle_torch_global(const char *module, size_t module_length, const char *name,
			 size_t name_length, struct pickle_value *out)
{
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
		if (equals(module, module_length, globals[i].module) &&
		    equals(name, name_length, globals[i].name)) {
			out->kind = PICKLE_GLOBAL;
			out->global.which = globals[i].which;
			out->global.dtype = globals[i].dtype;
			return true;
		}
	}
	return false;
}

/* (storage, offset, size, stride) and, in the second version, requires_grad,
 * backward_hooks and metadata, which inference has no use for. */
static bool rebuild_tensor(struct pickle_value *const *items, struct pickle_value *out)
{
	if (items[0]->kind != PICKLE_STORAGE || items[1]->kind != PICKLE_INTEGER ||
	    items[2]->kind != PICKLE_TUPLE || items[3]->kind != PICKLE_TUPLE)
		return false;
	out->kind = PICKLE_TENSOR;
	out->tensor.storage = items[0];
	out->tensor.offset = items[1];
	out->tensor.size = items[2];
	out->tensor.stride = items[3];
	return true;
}

bool pickle_torch_call(const struct pickle_value *callable, const struct pickle_value *arguments,
		       struct pickle_value *out, struct pickle_value **forward)
{
	*forward = NULL;
	if (callable->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE)
		return false;
	struct pickle_value *const *items = arguments->list.items;
	size_t n = arguments->list.n;

	switch (callable->global.which) {
	case PICKLE_ORDERED_DICT:
		out->kind = PICKLE_DICT;
		return n == 0;
	case PICKLE_REBUILD_TENSOR:
		return n == 4 && rebuild_tensor(items, out);
	case PICKLE_REBUILD_TENSOR_V2:
		return (n == 6 || n == 7) && rebuild_tensor(items, out);
	case PICKLE_REBUILD_PARAMETER:
		/* A parameter is its tensor. */
		if (n != 3 || items[0]->kind != PICKLE_TENSOR)
			return false;
		*forward = items[0];
		return true;
	case PICKLE_STORAGE_TYPE:
		return false;
	}
	return false;
}

bool pickle_torch_storage(const struct pickle_value *id, struct pickle_value *out)
{
	if (id->kind != PICKLE_TUPLE || (id->list.n != 5 && id->list.n != 6))
		return false;
	struct pickle_value *const *items = id->list.items;
	if (items[0]->kind != PICKLE_TEXT ||
	    !equals(items[0]->text.data, items[0]->text.length, "storage") ||
	    items[1]->kind != PICKLE_GLOBAL || items[1]->global.which != PICKLE_STORAGE_TYPE ||
	    items[2]->kind != PICKLE_TEXT || items[3]->kind != PICKLE_TEXT ||
	    items[4]->kind != PICKLE_INTEGER)
		return false;
	/* The older format has room for a view into another storage, which
	 * torch has not written since 0.4. */
	if (id->list.n == 6 && items[5]->kind != PICKLE_NONE)
		return false;
	out->kind = PICKLE_STORAGE;
	out->storage.key = items[2];
	out->storage.elements = items[4]->integer;
	out->storage.dtype = items[1]->global.dtype;
	return true;
}
