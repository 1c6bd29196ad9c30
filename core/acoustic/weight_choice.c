#include "core/acoustic/weight_choice.h"

#include "core/acoustic/model.h"
#include "core/kernels/kernels.h"
#include "core/weights/weights.h"

#include <stdio.h>

/* What the file has, by one of the matrices that make up most of it. */
static enum weight_type stored_type(const struct acoustic_model *model)
{
	char name[BIND_NAME_BYTES];

	snprintf(name, sizeof(name), "%sencoder.layers.0.feed_forward.output_dense.weight",
		 model->prefix);
	const struct tensor *tensor = weights_find(model->weights, name);
	if (tensor && tensor->dtype == DTYPE_F16)
		return WEIGHT_F16;
	return WEIGHT_F32;
}

enum weight_type weight_choice(enum weight_type wanted, const struct acoustic_model *model)
{
	if (wanted != WEIGHT_AUTO)
		return wanted;
	return model->kernels->prefers_blas ? WEIGHT_F32 : stored_type(model);
}

enum weight_type weight_choice_of(enum matrix_role role, enum weight_type type)
{
	if (role == MATRIX_EXACT)
		return WEIGHT_F32;
	return role == MATRIX_CONVOLUTION && type == WEIGHT_INT4 ? WEIGHT_INT8 : type;
}
