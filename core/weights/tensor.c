/*
 * Reading a tensor as float. Three paths: bytes that already are the answer,
 * contiguous halves, and everything else (other types, strides of a pickle)
 * element by element.
 */
#include "core/weights/tensor.h"

#include "core/base/half.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights files are little endian and are read in place"
#endif

static const struct {
	const char *name;
	unsigned char size;
} dtypes[] = {
	[DTYPE_F32] = {"F32", 4},   [DTYPE_F16] = {"F16", 2}, [DTYPE_BF16] = {"BF16", 2},
	[DTYPE_F64] = {"F64", 8},   [DTYPE_I64] = {"I64", 8}, [DTYPE_I32] = {"I32", 4},
	[DTYPE_I16] = {"I16", 2},   [DTYPE_I8] = {"I8", 1},   [DTYPE_U8] = {"U8", 1},
	[DTYPE_BOOL] = {"BOOL", 1},
};

size_t dtype_size(enum dtype dtype)
{
	return dtypes[dtype].size;
}

const char *dtype_name(enum dtype dtype)
{
	return dtypes[dtype].name;
}

bool dtype_from_name(const char *name, enum dtype *out)
{
	for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
		if (strcmp(name, dtypes[i].name) == 0) {
			*out = (enum dtype)i;
			return true;
		}
	}
	return false;
}

size_t tensor_elements(const struct tensor *tensor)
{
	size_t n = 1;

	for (size_t i = 0; i < tensor->n_dims; i++)
		n *= tensor->dims[i];
	return n;
}

static bool is_contiguous(const struct tensor *tensor)
{
	size_t expected = 1;

	for (size_t i = tensor->n_dims; i-- > 0;) {
		/* The stride of a dimension of one is never used. */
		if (tensor->dims[i] != 1 && tensor->strides[i] != expected)
			return false;
		expected *= tensor->dims[i];
	}
	return true;
}

static float read_one(enum dtype dtype, const unsigned char *at)
{
	union {
		float f32;
		double f64;
		uint16_t half;
		int64_t i64;
		int32_t i32;
		int16_t i16;
	} value;

	memcpy(&value, at, dtypes[dtype].size);
	switch (dtype) {
	case DTYPE_F32:
		return value.f32;
	case DTYPE_F16:
		return half_widen_f16(value.half);
	case DTYPE_BF16:
		return half_widen_bf16(value.half);
	case DTYPE_F64:
		return (float)value.f64;
	case DTYPE_I64:
		return (float)value.i64;
	case DTYPE_I32:
		return (float)value.i32;
	case DTYPE_I16:
		return (float)value.i16;
	case DTYPE_I8:
		return (float)(signed char)*at;
	case DTYPE_U8:
		return (float)*at;
	case DTYPE_BOOL:
		return *at ? 1.0f : 0.0f;
	}
	return 0.0f;
}

static void read_halves(const struct tensor *tensor, size_t first, size_t count, float *out)
{
	const unsigned char *at = tensor->data + first * sizeof(uint16_t);
	uint16_t half;

	if (tensor->dtype == DTYPE_F16) {
		for (size_t i = 0; i < count; i++) {
			memcpy(&half, at + i * sizeof(half), sizeof(half));
			out[i] = half_widen_f16(half);
		}
	} else {
		for (size_t i = 0; i < count; i++) {
			memcpy(&half, at + i * sizeof(half), sizeof(half));
			out[i] = half_widen_bf16(half);
		}
	}
}

/* Counts through the indices of dims, last one fastest. */
static void read_strided(const struct tensor *tensor, size_t first, size_t count, float *out)
{
	size_t index[TENSOR_MAX_DIMS] = {0};
	size_t element = 0;
	size_t size = dtypes[tensor->dtype].size;

	for (size_t i = tensor->n_dims; i-- > 0;) {
		index[i] = first % tensor->dims[i];
		first /= tensor->dims[i];
		element += index[i] * tensor->strides[i];
	}
	for (size_t done = 0; done < count; done++) {
		out[done] = read_one(tensor->dtype, tensor->data + element * size);
		for (size_t i = tensor->n_dims; i-- > 0;) {
			element += tensor->strides[i];
			if (++index[i] < tensor->dims[i])
				break;
			element -= tensor->dims[i] * tensor->strides[i];
			index[i] = 0;
		}
	}
}

void tensor_read_f32(const struct tensor *tensor, size_t first, size_t count, float *out)
{
	if (count == 0)
		return;
	if (!is_contiguous(tensor)) {
		read_strided(tensor, first, count, out);
		return;
	}
	size_t size = dtypes[tensor->dtype].size;
	if (tensor->dtype == DTYPE_F32) {
		memcpy(out, tensor->data + first * size, count * size);
	} else if (tensor->dtype == DTYPE_F16 || tensor->dtype == DTYPE_BF16) {
		read_halves(tensor, first, count, out);
	} else {
		for (size_t i = 0; i < count; i++)
			out[i] = read_one(tensor->dtype, tensor->data + (first + i) * size);
	}
}

const float *tensor_view_f32(const struct tensor *tensor)
{
	if (tensor->dtype != DTYPE_F32 || !is_contiguous(tensor) ||
	    (uintptr_t)tensor->data % _Alignof(float) != 0)
		return NULL;
	return (const float *)(const void *)tensor->data;
}

void tensor_release(const struct tensor *tensor)
{
	size_t extent = 1; /* elements from the first to the last one, both included */

	for (size_t i = 0; i < tensor->n_dims; i++) {
		if (tensor->dims[i] == 0)
			return;
		extent += (tensor->dims[i] - 1) * tensor->strides[i];
	}
	/* Only whole pages: the ends are shared with the neighbours. */
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)tensor->data + page - 1) & ~(page - 1);
	uintptr_t end =
		((uintptr_t)tensor->data + extent * dtypes[tensor->dtype].size) & ~(page - 1);
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
