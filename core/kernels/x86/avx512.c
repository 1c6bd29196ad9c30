#define TABLE      kernels_avx512
#define TABLE_NAME "avx512"
#include "core/kernels/vec_body.h"
