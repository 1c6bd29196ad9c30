#include "core/kernels/blas.h"

#ifdef HAVE_OPENBLAS

#include <cblas.h>
#include <pthread.h>

static void turn_threads_off(void)
{
	openblas_set_num_threads(1);
}

bool blas_usable(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, turn_threads_off);
	return true;
}

void blas_product(const float *x, size_t x_stride, size_t rows, const float *w, size_t n, size_t k,
		  float *y, size_t y_stride)
{
	/* OpenBLAS checks the stride of a single row too. */
	if (rows == 1)
		x_stride = k;
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)rows, (blasint)n, (blasint)k,
		    1.0f, x, (blasint)x_stride, w, (blasint)k, 0.0f, y, (blasint)y_stride);
}

#else

#include <stdlib.h>

bool blas_usable(void)
{
	return false;
}

void blas_product(const float *x, size_t x_stride, size_t rows, const float *w, size_t n, size_t k,
		  float *y, size_t y_stride)
{
	(void)x, (void)x_stride, (void)rows, (void)w, (void)n, (void)k, (void)y, (void)y_stride;
	abort();
}

#endif
