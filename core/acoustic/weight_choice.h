/*
 * Which weight type a model is loaded with, and which of its matrices that
 * concerns.
 */
#ifndef HEARD_ACOUSTIC_WEIGHT_CHOICE_H
#define HEARD_ACOUSTIC_WEIGHT_CHOICE_H

#include "core/base/weight_type.h"

#include <stdbool.h>
#include <stddef.h>

struct acoustic_model;

enum matrix_role {
	MATRIX_LINEAR,      /* transformer, adapters, feature projection */
	MATRIX_CONVOLUTION, /* encoder layers 1.., positional */
	MATRIX_EXACT,       /* encoder layer 0 (K = 10), the heads: a thousandth of the work,
			     * and every logit's error */
};

/*
 * WEIGHT_AUTO becomes what somebody chose on purpose, or what loses next to
 * nothing: what a quantized directory was written as, f16 where the file has
 * halves (only the positional convolution is rounded, where weight norm makes
 * its weights: docs/SPEED.md), else f32. Without vector kernels it is f32:
 * OpenBLAS is faster than the specification of any other type. Any other wish
 * is granted.
 */
enum weight_type weight_choice(enum weight_type wanted, const struct acoustic_model *model);

/* By its name in a checkpoint: false for what is no matrix, or stays exact. */
bool weight_choice_role(const char *name, size_t n_dims, enum matrix_role *role);

/* int4 convolutions are int8: they are few bytes, and every frame passes them. */
enum weight_type weight_choice_of(enum matrix_role role, enum weight_type type);

#endif
