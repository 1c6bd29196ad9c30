#include "core/base/weight_type.h"

#include <string.h>

static const char *const names[WEIGHT_TYPES] = {
	[WEIGHT_AUTO] = "auto", [WEIGHT_F32] = "f32",   [WEIGHT_F16] = "f16",
	[WEIGHT_BF16] = "bf16", [WEIGHT_INT8] = "int8", [WEIGHT_INT4] = "int4",
};

const char *weight_type_name(enum weight_type type)
{
	return names[type];
}

bool weight_type_from_name(const char *name, enum weight_type *out)
{
	for (int i = 0; i < WEIGHT_TYPES; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum weight_type)i;
			return true;
		}
	}
	return false;
}
