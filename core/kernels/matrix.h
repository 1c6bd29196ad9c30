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
#include "core/base/weight_type.h"

#include <stddef.h>
#include <stdint.h>

struct kernels;
struct pool;

struct matrix; /* [N, K] packed for the kernels in force; const after matrix_pack */

/* A row of weights as codes (quantize.h). */
struct code_row {
	int8_t *codes;     /* [K] */
	uint16_t *factors; /* [ceil(K / 32)] f16; int4 only */
	float *scale;
};

/* Where the weights come from. */
struct matrix_source {
	size_t n, k;
	/* Writes row n, [K] floats. */
	void (*read_row)(const void *ctx, size_t n, float *row);
	/* Writes row n as the codes that there already are, of type `coded`: what a
	 * matrix of that type is packed from. NULL where there are none. */
	void (*read_codes)(const void *ctx, size_t n, const struct code_row *row);
	enum weight_type coded;
	const void *ctx;
	/* Borrowed; its threads read and pack rows at once, so the functions above must
	 * bear that. NULL: the caller alone does. */
	struct pool *pool;
	const float *mapped; /* borrowed [N, K] row-major floats that outlive the matrix, or NULL */
};

/* Packs into `arena` (measuring works: *out is then NULL) as `type`, not
 * WEIGHT_AUTO. Where OpenBLAS is the faster reader at every size (f32 and no
 * vector kernels for this CPU), `mapped` is kept instead of a copy. Returns 0 or
 * -ENOMEM. */
int matrix_pack(struct arena *arena, const struct kernels *kernels,
		const struct matrix_source *source, enum weight_type type,
		const struct matrix **out);

size_t matrix_rows(const struct matrix *matrix);    /* N */
size_t matrix_columns(const struct matrix *matrix); /* K */
enum weight_type matrix_type(const struct matrix *matrix);

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

/* Scratch bytes for products_run with this pool: room to gather or prepare up
 * to `max_rows` rows of up to `max_k` floats (512 at a time at most). More makes
 * fewer and larger runs of the pool where inputs differ. */
size_t products_scratch_bytes(const struct kernels *kernels, const struct pool *pool,
			      size_t max_rows, size_t max_k);

/* Runs independent products as one set of tasks. `scratch` is 64-byte aligned,
 * `scratch_bytes` at least what products_scratch_bytes says for these rows and K.
 * No allocation.
 *
 * A sum's order depends on K alone, never on the number of rows, threads or
 * neighbours in the product: one stream's result has the same bits in any
 * company (except through OpenBLAS). This holds for every weight type: int8 and
 * int4 give each row a scale of its own, also where rows overlap. */
void products_run(const struct kernels *kernels, struct pool *pool, const struct product *products,
		  size_t n_products, void *scratch, size_t scratch_bytes);

#endif
