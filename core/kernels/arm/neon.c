#define TABLE      kernels_neon
#define TABLE_NAME "neon"
#include "core/kernels/vec_body.h"
