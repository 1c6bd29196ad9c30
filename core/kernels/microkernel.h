/*
 * Products with weights of 16, 8 or 4 bits. A microkernel multiplies one strip
 * of one weight type with one instruction set; struct kernels has the best one
 * of each type for its CPU (NULL for f32, whose strip is in the table itself).
 * microkernels_c.c is the specification.
 *
 * Panels. Weights are packed by packing.c into panels of 16 columns, in a layout
 * that the microkernel names by its `interleave` G, so that a vector load gets
 * what its instructions want side by side. kp is K rounded up (packing_k);
 * weights past K are zeros.
 *
 *   f16, bf16  [kp / G][16][G] halves
 *   int8       [kp / G][16][G] bytes, code + offset (codes in [-127, 127])
 *   int4       [kp / 2G][16][G] bytes: the low half of byte g is code + 8 of
 *              k = 2G i + g, the high half that of k = 2G i + G + g (codes in
 *              [-8, 7]); behind them [kp / 32][16] f16, the factor of each group
 *
 * An int8 weight is code * scale of its column; an int4 weight is code * factor
 * of its group * scale of its column.
 *
 * Rows. A microkernel whose `prepare` is NULL takes rows of K floats where they
 * lie. Any other takes rows that `prepare` has made, in a form of its own.
 *
 * How an instruction set is added: a file NAME.c in the folder of its machine
 * that defines struct microkernel microkernel_TYPE_NAME, compiled with its own
 * flags (meson.build, isa_flags), declared in tables.h, and one line in the
 * ladder of kernels.c. test_microkernels.c then finds and checks it by itself.
 */
#ifndef HEARD_KERNELS_MICROKERNEL_H
#define HEARD_KERNELS_MICROKERNEL_H

#include "core/base/weight_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GROUP = 32, /* weights along K that share an int4 factor */
	MAX_INTERLEAVE = 16,
};

/* One strip: y[r, j] (+)= sum_k row r[k] * weight[k, j], j < n <= STRIP_COLUMNS.
 * As in struct strip (kernels.h), `ahead` asks for the panels that come next. */
struct packed_strip {
	const void *rows;  /* floats, or what prepare made; 64-byte aligned then */
	size_t row_stride; /* bytes */
	size_t n_rows;
	const void *panels;        /* 64-byte aligned */
	size_t panel_stride;       /* bytes: packing_panel_bytes of the whole K */
	size_t k;                  /* K; or the floats of this block of K where prepare is NULL */
	const float *column_scale; /* [n]; NULL for halves */
	float *y;
	size_t y_stride; /* floats */
	size_t n;
	bool accumulate;   /* add to y; only where prepare is NULL */
	const void *ahead; /* panels of the next strip, laid out alike, or NULL */
};

/* What every prepared integer row begins with; the codes begin at byte
 * PREPARED_HEADER. */
struct prepared_row {
	float scale; /* of the row: x = code * scale */
	int32_t sum; /* of all codes */
};
enum { PREPARED_HEADER = 64 };

struct microkernel {
	const char *name; /* of the instruction set, for logs and bench */
	enum weight_type type;
	unsigned interleave; /* G; a power of two, 2G divides GROUP for int4 */
	int offset;          /* added to int8 codes where they are stored: 0 or 128 */

	/* Bytes of a prepared row, a multiple of 64. NULL with prepare. */
	size_t (*row_bytes)(size_t k);

	/*
	 * Makes a row of K floats ready. `row` is 64-byte aligned, row_bytes(k) long.
	 *
	 * int8 and int4: with top = max |x|, scale = top / 127 and code = x * (127 /
	 * top) rounded to the nearest integer, ties to even. Where top is below
	 * 2^-100 the whole row counts as zeros (scale 0). Values must be finite.
	 * The scale depends on this row alone: a row's result never depends on its
	 * neighbours, so convolution windows that overlap are each prepared anew.
	 *
	 * bf16: each x rounded to the nearest bf16.
	 */
	void (*prepare)(const float *x, size_t k, void *row);

	/*
	 * int8: y = ((float)(sum of code products) * row scale) * column scale, each
	 * step rounded once: the same bits on every machine.
	 *
	 * int4: y = (f * row scale) * column scale, where f starts at 0 and for each
	 * group in turn becomes fma((float)(sum of the group's code products),
	 * factor, f) (C: separately rounded).
	 *
	 * f16, bf16: float sums of products. Without prepare in the order of
	 * kernels.h's strip and so with the bits of f32 weights of the same values.
	 * With prepare in any fixed order.
	 */
	void (*strip)(const struct packed_strip *strip);

	/* For roofline.c: does rounds * probe_ops operations (a multiplication and an
	 * addition are two) with the instruction that the strip is bound by, from
	 * registers; returns something made of all results. NULL where that is the
	 * multiply-add that probe_fma in kernels.h measures. */
	float (*probe)(size_t rounds);
	size_t probe_ops;
};

#endif
