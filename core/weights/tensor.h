/*
 * A named array inside a mapped weights file. Data is borrowed from the
 * mapping; nothing is converted until somebody reads it.
 */
#ifndef HEARD_WEIGHTS_TENSOR_H
#define HEARD_WEIGHTS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

enum { TENSOR_MAX_DIMS = 8 };

enum dtype {
	DTYPE_F32,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_F64,
	DTYPE_I64,
	DTYPE_I32,
	DTYPE_I16,
	DTYPE_I8,
	DTYPE_U8,
	DTYPE_BOOL,
};

struct tensor {
	const char *name; /* owned by the struct weights it came from */
	const char *file; /* path for messages, owned likewise */
	enum dtype dtype;
	size_t n_dims;
	size_t dims[TENSOR_MAX_DIMS];
	size_t strides[TENSOR_MAX_DIMS]; /* in elements, row major unless a pickle said otherwise */
	const unsigned char
		*data; /* borrowed; may be unaligned; inside the mapping for all indices */
};

size_t dtype_size(enum dtype dtype);
const char *dtype_name(enum dtype dtype);                /* safetensors' name: "F32" */
bool dtype_from_name(const char *name, enum dtype *out); /* false: none of ours */

/* Product of dims; 1 for a scalar. Checked at load: never overflows. */
size_t tensor_elements(const struct tensor *tensor);

/* Reads elements [first, first + count) in row-major order of dims, widened to
 * float. F16 and BF16 widen exactly; integers are converted. */
void tensor_read_f32(const struct tensor *tensor, size_t first, size_t count, float *out);

/* The data as a row-major float array where it already is one (F32, contiguous,
 * 4-byte aligned), else NULL. Valid as long as the struct weights. */
const float *tensor_view_f32(const struct tensor *tensor);

/* Tells the kernel that the source pages of this tensor are not needed for now
 * (MADV_DONTNEED on the whole pages inside); they can be read again. */
void tensor_release(const struct tensor *tensor);

#endif
