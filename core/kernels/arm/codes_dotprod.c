/*
 * 8-bit and 4-bit weights with the dot products of Armv8.2 (Cortex-A76 and later):
 * sdot multiplies four signed bytes by four in each of four columns.
 */
#include "core/kernels/arm/codes_neon.h"

#define DOT_ROWS        6
#define CODES_INT4_ROWS 2
#define CODES_NAME      "dotprod"
#define NAME(type)      microkernel_##type##_dotprod

static ALWAYS_INLINE dot_acc dot_add(dot_acc acc, dot_raw w, int32_t x)
{
	return vdotq_s32(acc, w, vreinterpretq_s8_s32(vdupq_n_s32(x)));
}

#include "core/kernels/codes_body.h"
