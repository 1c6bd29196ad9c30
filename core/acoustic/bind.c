#include "core/acoustic/bind.h"

#include "core/acoustic/stored_matrix.h"
#include "core/base/log.h"
#include "core/kernels/kernels.h"
#include "core/weights/weights.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bind_name(char *out, size_t size, const struct binder *binder, const char *fmt, ...)
{
	va_list args;
	size_t used = strlen(binder->prefix);

	if (used >= size)
		return -ENAMETOOLONG;
	memcpy(out, binder->prefix, used);
	va_start(args, fmt);
	int n = vsnprintf(out + used, size - used, fmt, args);
	va_end(args);
	return n < 0 || (size_t)n >= size - used ? -ENAMETOOLONG : 0;
}

int bind_has(const struct binder *binder, const char *name)
{
	return weights_find(binder->weights, name) != NULL;
}

static int require_float(const struct binder *binder, const char *name, size_t n_dims,
			 const size_t *dims, const struct tensor **out)
{
	int ret = weights_require(binder->weights, name, n_dims, dims, out);
	if (ret < 0)
		return ret;
	enum dtype dtype = (*out)->dtype;
	if (dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || dtype == DTYPE_F64)
		return 0;
	log_error("%s: tensor %s: dtype %s is not a floating-point type", (*out)->file, name,
		  dtype_name(dtype));
	return -EINVAL;
}

int bind_vector(const struct binder *binder, const char *name, size_t n_dims, const size_t *dims,
		const float **out)
{
	const struct tensor *tensor;
	int ret = require_float(binder, name, n_dims, dims, &tensor);
	if (ret < 0)
		return ret;

	size_t n = tensor_elements(tensor);
	float *values = arena_alloc_array(binder->arena, n, sizeof(*values));
	*out = values;
	if (binder->arena->base == NULL)
		return 0;
	if (values == NULL)
		return -ENOMEM;
	tensor_read_f32(tensor, 0, n, values);
	tensor_release(tensor);
	return 0;
}

int bind_norm(const struct binder *binder, const char *name, size_t n, float eps, struct norm *out)
{
	char full[BIND_NAME_BYTES + 8];

	out->eps = eps;
	snprintf(full, sizeof(full), "%s.weight", name);
	int ret = bind_vector(binder, full, 1, &n, &out->gamma);
	if (ret < 0)
		return ret;
	snprintf(full, sizeof(full), "%s.bias", name);
	return bind_vector(binder, full, 1, &n, &out->beta);
}

static void read_linear_row(const void *ctx, size_t n, float *row)
{
	stored_matrix_row(ctx, n, row);
}

static void read_linear_codes(const void *ctx, size_t n, const struct code_row *row)
{
	stored_matrix_codes(ctx, n, row);
}

int bind_linear(const struct binder *binder, const char *name, size_t out_size, size_t in_size,
		struct linear *out)
{
	char full[BIND_NAME_BYTES + 8];
	struct stored_matrix stored;

	out->out = out_size;
	out->in = in_size;
	snprintf(full, sizeof(full), "%s.weight", name);
	int ret = stored_matrix_find(binder->weights, full, 2, (size_t[]){out_size, in_size},
				     &stored);
	if (ret < 0)
		return ret;
	struct matrix_source source = {
		.n = out_size,
		.k = in_size,
		.read_row = read_linear_row,
		.read_codes = read_linear_codes,
		.coded = stored.type,
		.ctx = &stored,
		.pool = binder->pool,
		.mapped = tensor_view_f32(stored.values),
	};
	ret = matrix_pack(binder->arena, binder->kernels, &source, binder->linear_type, &out->w);
	if (ret < 0)
		return ret;
	stored_matrix_release(&stored);
	snprintf(full, sizeof(full), "%s.bias", name);
	return bind_vector(binder, full, 1, &out_size, &out->bias);
}

/* Its rows pass through one buffer, so no pool packs them: they are few. */
struct convolution_source {
	struct stored_matrix stored; /* [rows, in, kernel] */
	size_t first, in, kernel;
	const float *tap_scale;
	float *row; /* owned scratch, [in * kernel] */
};

static void read_convolution_row(const void *ctx, size_t n, float *row)
{
	const struct convolution_source *source = ctx;
	size_t in = source->in, kernel = source->kernel;

	stored_matrix_row(&source->stored, source->first + n, source->row);
	for (size_t j = 0; j < kernel; j++) {
		float scale = source->tap_scale ? source->tap_scale[j] : 1.0f;
		for (size_t c = 0; c < in; c++)
			row[j * in + c] = source->row[c * kernel + j] * scale;
	}
}

/* Only int8: convolutions have no codes of 4 bits. */
static void read_convolution_codes(const void *ctx, size_t n, const struct code_row *row)
{
	const struct convolution_source *source = ctx;
	size_t in = source->in, kernel = source->kernel;
	int8_t *codes = (int8_t *)source->row;
	const struct code_row read = {.codes = codes, .scale = row->scale};

	stored_matrix_codes(&source->stored, source->first + n, &read);
	for (size_t j = 0; j < kernel; j++) {
		for (size_t c = 0; c < in; c++)
			row->codes[j * in + c] = codes[c * kernel + j];
	}
}

int bind_convolution(const struct binder *binder, const char *name, size_t rows, size_t first,
		     size_t n, size_t in, size_t kernel, const float *tap_scale,
		     const struct matrix **out)
{
	struct convolution_source source = {
		.first = first,
		.in = in,
		.kernel = kernel,
		.tap_scale = tap_scale,
	};
	int ret = stored_matrix_find(binder->weights, name, 3, (size_t[]){rows, in, kernel},
				     &source.stored);
	if (ret < 0)
		return ret;
	bool int8 = source.stored.type == WEIGHT_INT8;
	if (!int8 && source.stored.type != WEIGHT_F32) {
		log_error("%s: tensor %s: a convolution cannot have 4-bit weights",
			  source.stored.values->file, name);
		return -EINVAL;
	}
	source.row = malloc(in * kernel * sizeof(float));
	if (source.row == NULL)
		return -ENOMEM;
	ret = matrix_pack(binder->arena, binder->kernels,
			  &(struct matrix_source){
				  .n = n,
				  .k = in * kernel,
				  .read_row = read_convolution_row,
				  .read_codes = int8 && !tap_scale ? read_convolution_codes : NULL,
				  .coded = WEIGHT_INT8,
				  .ctx = &source,
			  },
			  binder->convolution_type, out);
	free(source.row);
	if (ret == 0)
		stored_matrix_release(&source.stored);
	return ret;
}
