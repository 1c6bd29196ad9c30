/*
 * The table of inner loops. kernels_c.c is the specification; vector versions
 * override it where the CPU has them (kernels_get), and each is checked against
 * it on odd sizes with guarded buffers.
 *
 * Unless said otherwise: pointers are float-aligned, inputs and outputs do not
 * overlap, sizes may be 0, nothing outside the stated elements is read or
 * written except that `panels` are always read in whole 16-float columns.
 */
#ifndef HEARD_KERNELS_KERNELS_H
#define HEARD_KERNELS_KERNELS_H

#include "core/base/activation.h"
#include "core/base/weight_type.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	PANEL = 16,                   /* columns a panel, on every machine */
	STRIP_COLUMNS = 2 * PANEL,    /* columns a strip */
	PROBE_FLOPS = 2 * 12 * PANEL, /* operations a round of probe_fma */
};

/* One strip of a product: y[r, j] (+)= sum_k a[r, k] * panels[j / 16][k][j % 16]
 * for up to STRIP_COLUMNS columns. While it computes, the kernel asks the cache
 * for the panels of the strip that comes next, spread evenly over its own work:
 * reading memory then hides behind arithmetic at any number of rows. */
struct strip {
	const float *a;
	size_t a_stride;
	size_t rows;
	const float *panels;
	size_t panel_stride;
	size_t k;
	float *y;
	size_t y_stride;
	size_t n;           /* <= STRIP_COLUMNS */
	bool accumulate;    /* add to y instead of overwriting it */
	const float *ahead; /* panels of the next strip, laid out alike, or NULL */
};

/* What happens to the sums of a strip. */
struct finish {
	const float *sums;
	size_t sums_stride;
	size_t rows, n;
	const float *bias; /* [n] */
	enum activation act;
	const float *residual;
	size_t residual_stride;
	float *y;
	size_t y_stride;
};

struct microkernel;

struct kernels {
	const char *name; /* "c", "avx2", "avx512", "neon": for logs and bench */

	/* The products with weights of other types (microkernel.h); NULL for
	 * WEIGHT_AUTO and for WEIGHT_F32, which `strip` multiplies. */
	const struct microkernel *micro[WEIGHT_TYPES];

	/* OpenBLAS beats `strip` at every size (there are no vector kernels). */
	bool prefers_blas;

	/*
	 * y[r, j] (+)= sum_k a[r, k] * panels[j / 16][k][j % 16]   r < rows, j < n
	 *
	 * Panel p starts at panels + p * panel_stride and holds k rows of 16
	 * floats. `accumulate` adds the sum to y instead of overwriting it. The
	 * sum starts at zero and runs over k in increasing order with fused
	 * multiply-add (C: separately rounded), whatever rows and n are.
	 */
	void (*tile)(const float *a, size_t a_stride, size_t rows, const float *panels,
		     size_t panel_stride, size_t k, float *y, size_t y_stride, size_t n,
		     int accumulate);

	/* The same sums for one strip, with read-ahead: what matrix.c is made of. */
	void (*strip)(const struct strip *strip);

	/* y[r, j] = act(sums[r, j] + bias[j]) + residual[r, j] for r < rows, j < n.
	 * bias and residual may be NULL, residual may be y. */
	void (*finish)(const struct finish *finish);

	/* x[i] = act(x[i]). GELU to 1e-6 absolute of the erf definition. */
	void (*activate)(enum activation act, float *x, size_t n);

	/* y[i] = (x[i] - mean) / sqrt(var + eps) * gamma[i] + beta[i] with the
	 * population variance of the n values (two passes); y may be x. */
	void (*layer_norm)(const float *x, size_t n, const float *gamma, const float *beta,
			   float eps, float *y);

	/* x[i] = exp(scale * (x[i] - max)) / sum, over n values; scale > 0. Elements
	 * equal to -INFINITY become 0; at least one is finite. */
	void (*softmax)(float *x, size_t n, float scale);

	/* y[i] += x[i] */
	void (*add)(float *y, const float *x, size_t n);

	/* y[i] = x[i] * scale[i] + shift[i]; y may be x */
	void (*scale_shift)(const float *x, const float *scale, const float *shift, size_t n,
			    float *y);

	/* For roofline.c. Does rounds * PROBE_FLOPS operations, all of them multiply-adds
	 * in registers and enough of them independent to fill the pipelines; returns
	 * something made of all results. */
	float (*probe_fma)(size_t rounds);

	/* Reads n floats (a multiple of 64, 64-byte aligned) as fast as it can;
	 * returns something made of all of them. */
	float (*probe_read)(const float *x, size_t n);
};

/* The best table for this CPU, lowered by HEARD_CPU_MASK (core/base/cpu.h).
 * Const, valid for ever; the same pointer each time. Any thread. */
const struct kernels *kernels_get(void);

/* The name of what multiplies weights of a type: "avx512", "avx512vnni". */
const char *kernels_for_weights(const struct kernels *kernels, enum weight_type type);

/* The best table for a set of cpu flags (enum cpu_flag), the same pointer where
 * they make no difference: for the kernel tests. */
const struct kernels *kernels_for(unsigned flags);

#endif
