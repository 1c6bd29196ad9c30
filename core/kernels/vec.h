/*
 * The few vector operations that vec_body.h is written in, spelled for the
 * instructions this file is compiled for. Each of vec_*.h defines
 *
 *   vec                      VEC floats
 *   TILE_ROWS, TILE_PANELS   register tile of a product: its sums, the weights
 *                            of one step and the activations fit the registers
 *                            (macros, for #if)
 *   vec_all(x)               x in every lane
 *   vec_load(p)  vec_store(p, v)            VEC floats
 *   vec_load_f16(p)  vec_load_bf16(p)       VEC halves, widened
 *   vec_load_some(p, n)  vec_store_some(p, v, n)
 *                            the first min(n, VEC) floats; other lanes load as 0
 *   vec_add sub mul div(a, b)
 *   vec_fma(a, b, c)         a * b + c, rounded once
 *   vec_max(a, b)  vec_min(a, b)            a NaN in b is kept
 *   vec_abs(a)
 *   vec_round(a)             to the nearest integer, ties to even, |a| < 2^31
 *   vec_scale(a, n)          a * 2^n for an integer n in [-126, 127]
 *   vec_if_less(a, b, x, y)  a < b ? x : y; y where a or b is a NaN
 *   vec_sum(a)  vec_top(a)   sum and maximum of all lanes, in a fixed order
 *   vec_prefetch(p)          asks for the line at p to be in the second level cache
 */
#ifndef HEARD_KERNELS_VEC_H
#define HEARD_KERNELS_VEC_H

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Before a loop over an array of vectors that is to live in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__AVX512F__)
#include "core/kernels/vec_avx512.h"
#elif defined(__AVX2__)
#include "core/kernels/vec_avx2.h"
#elif defined(__ARM_NEON)
#include "core/kernels/vec_neon.h"
#else
#error "no vector instructions are enabled for this file"
#endif

#endif
