/*
 * Products of activations with a constant weight matrix: every linear layer,
 * the convolutions of the encoder and the positional convolution.
 *
 *     y[r, n] = act( sum_k x[r, k] * w[n, k] + bias[n] ) + residual[r, n]
 *
 * A convolution over time-major activations is such a product too: the window
 * of output frame r is the contiguous run of kernel * channels floats that
 * starts at r * stride * channels, so its rows overlap in memory and nothing is
 * gathered. The weight [out, in, kernel] is read as [out, kernel, in].
 */
#ifndef HEARD_KERNELS_MATRIX_H
#define HEARD_KERNELS_MATRIX_H

#include "core/base/activation.h"
#include "core/base/arena.h"

#include <stddef.h>

struct kernels;
struct pool;

struct matrix; /* [N, K] packed for the kernels in force; const after matrix_pack */

/* Where the weights come from. read_row writes row n, [K] floats. */
struct matrix_source {
	size_t n, k;
	void (*read_row)(const void *ctx, size_t n, float *row);
	const void *ctx;
	const float *mapped; /* borrowed [N, K] row-major floats that outlive the matrix, or NULL */
};

/* Packs into `arena` (measuring works: *out is then NULL). Where OpenBLAS is
 * the faster reader at every size (no vector kernels for this CPU), `mapped`
 * is kept instead of a copy. Returns 0 or -ENOMEM. */
int matrix_pack(struct arena *arena, const struct kernels *kernels,
		const struct matrix_source *source, const struct matrix **out);

size_t matrix_rows(const struct matrix *matrix);    /* N */
size_t matrix_columns(const struct matrix *matrix); /* K */

/* `count` rows of K floats; row r starts at x + r * stride. Rows may overlap
 * (stride < K) and may be those of one stream among several. */
struct rows {
	const float *x;
	size_t stride; /* floats */
	size_t count;
};

/* One product. Rows of all segments are numbered through: the first row of
 * segment 1 is output row segments[0].count. y must not overlap x; residual
 * may equal y. Nothing beyond column N of y is touched. */
struct product {
	const struct matrix *w;
	const struct rows *segments;
	size_t n_segments;
	float *y;              /* [rows, N] */
	size_t y_stride;       /* floats */
	const float *bias;     /* [N] or NULL */
	enum activation act;   /* applied after the bias */
	const float *residual; /* [rows, N] added after the activation, or NULL */
	size_t residual_stride;
};

/* Scratch bytes that products_run needs with this pool for rows of up to
 * `max_k` floats, up to `max_rows` rows a product. */
size_t products_scratch_bytes(const struct kernels *kernels, const struct pool *pool,
			      size_t max_rows, size_t max_k);

/* Runs independent products as one set of tasks. `scratch` is 64-byte aligned.
 * No allocation. A sum's order depends on K alone, never on the number of rows,
 * threads or neighbours in the product: one stream's result has the same bits
 * in any company (except through OpenBLAS). */
void products_run(const struct kernels *kernels, struct pool *pool, const struct product *products,
		  size_t n_products, void *scratch);

#endif
