/* The tables that kernels.c chooses from; not for other folders. Those of other
 * machines, or left out by the build, do not exist. */
#ifndef HEARD_KERNELS_TABLES_H
#define HEARD_KERNELS_TABLES_H

#include "core/kernels/kernels.h"
#include "core/kernels/microkernel.h"

extern const struct kernels kernels_c;
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;
extern const struct kernels kernels_neon;

/* microkernel_TYPE_INSTRUCTIONS */
extern const struct microkernel microkernel_f16_c;
extern const struct microkernel microkernel_bf16_c;
extern const struct microkernel microkernel_int8_c;
extern const struct microkernel microkernel_int4_c;
extern const struct microkernel microkernel_int8_avx2;
extern const struct microkernel microkernel_int4_avx2;
extern const struct microkernel microkernel_int8_avxvnni;
extern const struct microkernel microkernel_int4_avxvnni;
extern const struct microkernel microkernel_int8_avx512vnni;
extern const struct microkernel microkernel_int4_avx512vnni;
extern const struct microkernel microkernel_bf16_avx512;
extern const struct microkernel microkernel_int8_neon;
extern const struct microkernel microkernel_int4_neon;
extern const struct microkernel microkernel_int8_dotprod;
extern const struct microkernel microkernel_int4_dotprod;
extern const struct microkernel microkernel_int8_i8mm;
extern const struct microkernel microkernel_bf16_mmla;

#endif
