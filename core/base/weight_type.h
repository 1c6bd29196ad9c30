/*
 * How the large weight matrices are kept in memory. What each type costs and
 * loses is in docs/SPEED.md.
 */
#ifndef HEARD_BASE_WEIGHT_TYPE_H
#define HEARD_BASE_WEIGHT_TYPE_H

#include <stdbool.h>

enum weight_type {
	WEIGHT_AUTO, /* a request, never what a matrix has: see acoustic_weight_type */
	WEIGHT_F32,
	WEIGHT_F16,
	WEIGHT_BF16,
	WEIGHT_INT8, /* symmetric, one scale an output channel */
	WEIGHT_INT4, /* groups of 32 along the input, one scale a group */
	WEIGHT_TYPES,
};

/* "auto", "f32", "f16", "bf16", "int8", "int4". */
const char *weight_type_name(enum weight_type type);
bool weight_type_from_name(const char *name, enum weight_type *out); /* false: none of these */

#endif
