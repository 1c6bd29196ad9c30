/*
 * A weight matrix as it lies in a file: floats of any size, or the codes that
 * `heard-model quantize` wrote (docs/MODEL.md):
 *
 *   int8  NAME of the usual shape, I8, and NAME_scale [rows], F32
 *   int4  NAME [rows, 16 * groups], U8: two codes + 8 a byte, the low half first;
 *         NAME_scale [rows], F32, and NAME_factor [rows, groups], F16, for
 *         groups of 32 along a row
 */
#ifndef HEARD_ACOUSTIC_STORED_MATRIX_H
#define HEARD_ACOUSTIC_STORED_MATRIX_H

#include "core/base/weight_type.h"

#include <stddef.h>

struct code_row;
struct tensor;
struct weights;

struct stored_matrix {
	const struct tensor *values;           /* borrowed from the weights, likewise below */
	const struct tensor *scales, *factors; /* NULL where there are none */
	enum weight_type type;                 /* of the codes; WEIGHT_F32 for floats of any size */
	size_t k;                              /* values a row */
};

/* Finds NAME with `n_dims` dims, of which the first counts rows. 0 or the negative
 * errno of weights_require, -EINVAL for a type that is none of these or a scale
 * that is not finite; logged. */
int stored_matrix_find(struct weights *weights, const char *name, size_t n_dims, const size_t *dims,
		       struct stored_matrix *out);

/* Row n as floats, [k], in the order of the file. */
void stored_matrix_row(const struct stored_matrix *matrix, size_t n, float *row);

/* Row n as codes: only where type is WEIGHT_INT8 or WEIGHT_INT4. */
void stored_matrix_codes(const struct stored_matrix *matrix, size_t n, const struct code_row *row);

/* Gives the pages back (tensor_release). */
void stored_matrix_release(const struct stored_matrix *matrix);

#endif
