#include "core/acoustic/stored_matrix.h"

#include "core/base/half.h"
#include "core/base/log.h"
#include "core/kernels/matrix.h"
#include "core/kernels/microkernel.h"
#include "core/weights/weights.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 192 };

static int find_scales(struct weights *weights, const char *name, size_t rows,
		       const struct tensor **out)
{
	char full[NAME_BYTES];

	snprintf(full, sizeof(full), "%s_scale", name);
	int ret = weights_require(weights, full, 1, &rows, out);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < rows && (*out)->dtype == DTYPE_F32; i++) {
		float scale;
		tensor_read_f32(*out, i, 1, &scale);
		if (isfinite(scale))
			continue;
		log_error("%s: tensor '%s' holds a value that is not finite", (*out)->file, full);
		return -EINVAL;
	}
	if ((*out)->dtype == DTYPE_F32)
		return 0;
	log_error("%s: tensor '%s': dtype %s is not F32", (*out)->file, full,
		  dtype_name((*out)->dtype));
	return -EINVAL;
}

static int find_int4(struct weights *weights, const char *name, size_t rows,
		     struct stored_matrix *out)
{
	size_t groups = (out->k + GROUP - 1) / GROUP;
	char full[NAME_BYTES];
	uint16_t half;

	out->type = WEIGHT_INT4;
	int ret = weights_require(weights, name, 2, (size_t[]){rows, groups * (GROUP / 2)},
				  &out->values);
	if (ret < 0)
		return ret;
	snprintf(full, sizeof(full), "%s_factor", name);
	ret = weights_require(weights, full, 2, (size_t[]){rows, groups}, &out->factors);
	if (ret < 0)
		return ret;
	if (out->factors->dtype != DTYPE_F16) {
		log_error("%s: tensor '%s': dtype %s is not F16", out->factors->file, full,
			  dtype_name(out->factors->dtype));
		return -EINVAL;
	}
	for (size_t i = 0; i < rows * groups; i++) {
		memcpy(&half, out->factors->data + i * sizeof(half), sizeof(half));
		if ((half & 0x7c00) == 0x7c00) {
			log_error("%s: tensor '%s' holds a value that is not finite",
				  out->factors->file, full);
			return -EINVAL;
		}
	}
	return find_scales(weights, name, rows, &out->scales);
}

int stored_matrix_find(struct weights *weights, const char *name, size_t n_dims, const size_t *dims,
		       struct stored_matrix *out)
{
	const struct tensor *tensor = weights_find(weights, name);

	*out = (struct stored_matrix){.type = WEIGHT_F32, .k = 1};
	for (size_t i = 1; i < n_dims; i++)
		out->k *= dims[i];
	if (tensor && tensor->dtype == DTYPE_U8)
		return find_int4(weights, name, dims[0], out);
	int ret = weights_require(weights, name, n_dims, dims, &out->values);
	if (ret < 0)
		return ret;
	switch (out->values->dtype) {
	case DTYPE_F32:
	case DTYPE_F16:
	case DTYPE_BF16:
	case DTYPE_F64:
		return 0;
	case DTYPE_I8:
		out->type = WEIGHT_INT8;
		return find_scales(weights, name, dims[0], &out->scales);
	default:
		log_error("%s: tensor %s: dtype %s is not a floating-point type", out->values->file,
			  name, dtype_name(out->values->dtype));
		return -EINVAL;
	}
}

static int code_of_byte(const unsigned char *bytes, size_t i)
{
	return (i % 2 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15) - 8;
}

/* Codes come from safetensors files alone, which are contiguous. */
void stored_matrix_codes(const struct stored_matrix *matrix, size_t n, const struct code_row *row)
{
	size_t k = matrix->k, groups = (k + GROUP - 1) / GROUP;

	tensor_read_f32(matrix->scales, n, 1, row->scale);
	if (matrix->type == WEIGHT_INT8) {
		memcpy(row->codes, matrix->values->data + n * k, k);
		return;
	}
	const unsigned char *bytes = matrix->values->data + n * groups * (GROUP / 2);
	for (size_t i = 0; i + 1 < k; i += 2) {
		row->codes[i] = (int8_t)((bytes[i / 2] & 15) - 8);
		row->codes[i + 1] = (int8_t)((bytes[i / 2] >> 4) - 8);
	}
	if (k % 2)
		row->codes[k - 1] = (int8_t)code_of_byte(bytes, k - 1);
	memcpy(row->factors, matrix->factors->data + n * groups * sizeof(uint16_t),
	       groups * sizeof(uint16_t));
}

void stored_matrix_row(const struct stored_matrix *matrix, size_t n, float *row)
{
	size_t k = matrix->k, groups = (k + GROUP - 1) / GROUP;
	float scale, factor = 1.0f;

	if (matrix->type == WEIGHT_F32) {
		tensor_read_f32(matrix->values, n * k, k, row);
		return;
	}
	tensor_read_f32(matrix->scales, n, 1, &scale);
	if (matrix->type == WEIGHT_INT8) {
		tensor_read_f32(matrix->values, n * k, k, row);
		for (size_t i = 0; i < k; i++)
			row[i] *= scale;
		return;
	}
	const unsigned char *bytes = matrix->values->data + n * groups * (GROUP / 2);
	for (size_t i = 0; i < k; i++) {
		if (i % GROUP == 0)
			tensor_read_f32(matrix->factors, n * groups + i / GROUP, 1, &factor);
		row[i] = (float)code_of_byte(bytes, i) * factor * scale;
	}
}

void stored_matrix_release(const struct stored_matrix *matrix)
{
	tensor_release(matrix->values);
}
