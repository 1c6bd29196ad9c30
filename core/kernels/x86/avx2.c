#define TABLE      kernels_avx2
#define TABLE_NAME "avx2"
#include "core/kernels/vec_body.h"
