#include "core/acoustic/weight_choice.h"

#include "core/acoustic/model.h"
#include "core/kernels/kernels.h"
#include "core/weights/weights.h"

#include <stdio.h>
#include <string.h>

/* What the file has, by one of the matrices that make up most of it. */
static enum weight_type stored_type(const struct acoustic_model *model)
{
	char name[BIND_NAME_BYTES];

	snprintf(name, sizeof(name), "%sencoder.layers.0.feed_forward.output_dense.weight",
		 model->prefix);
	const struct tensor *tensor = weights_find(model->weights, name);
	switch (tensor ? tensor->dtype : DTYPE_F32) {
	case DTYPE_F16:
		return WEIGHT_F16;
	case DTYPE_I8:
		return WEIGHT_INT8;
	case DTYPE_U8:
		return WEIGHT_INT4;
	default:
		return WEIGHT_F32;
	}
}

enum weight_type weight_choice(enum weight_type wanted, const struct acoustic_model *model)
{
	if (wanted != WEIGHT_AUTO)
		return wanted;
	return model->kernels->prefers_blas ? WEIGHT_F32 : stored_type(model);
}

bool weight_choice_role(const char *name, size_t n_dims, enum matrix_role *role)
{
	const char *conv = strstr(name, "feature_extractor.conv_layers.");
	size_t length = strlen(name), suffix = strlen(".weight");
	size_t layer;

	*role = MATRIX_CONVOLUTION;
	if (strstr(name, "encoder.pos_conv_embed.conv.weight"))
		return n_dims == 3;
	if (length < suffix || strcmp(name + length - suffix, ".weight") != 0)
		return false;
	if (conv && sscanf(conv, "feature_extractor.conv_layers.%zu.conv.", &layer) == 1)
		return n_dims == 3 && layer > 0;
	*role = MATRIX_LINEAR;
	return n_dims == 2 &&
	       (strstr(name, "encoder.layers.") || strstr(name, "feature_projection.projection."));
}

enum weight_type weight_choice_of(enum matrix_role role, enum weight_type type)
{
	if (role == MATRIX_EXACT)
		return WEIGHT_F32;
	return role == MATRIX_CONVOLUTION && type == WEIGHT_INT4 ? WEIGHT_INT8 : type;
}
