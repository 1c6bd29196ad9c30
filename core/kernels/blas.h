/*
 * OpenBLAS, for CPUs without vector kernels of ours. It runs single-threaded,
 * called from the tasks of our pool: its own threads beside another pool's
 * would fight for the cores. Where the build has no OpenBLAS, blas_usable() is
 * false and blas_product must not be called.
 */
#ifndef HEARD_KERNELS_BLAS_H
#define HEARD_KERNELS_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* Also turns OpenBLAS's own threads off, once. */
bool blas_usable(void);

/* y[r, j] = sum_i x[r, i] * w[j, i]; r < rows, j < n, i < k; x_stride >= k unless rows is 1 */
void blas_product(const float *x, size_t x_stride, size_t rows, const float *w, size_t n, size_t k,
		  float *y, size_t y_stride);

#endif
