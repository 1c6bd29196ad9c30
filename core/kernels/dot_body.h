/*
 * Microkernels made of dot products of neighbouring k, compiled once for each
 * instruction set by a file that sets its flags and defines, before it includes
 * this,
 *
 *   dot_acc               the sums of VEC columns (vec.h): int32 or float
 *   dot_raw               what lies in a panel for VEC columns and one step of G
 *   DOT_INTERLEAVE        G: the k of one step, four bytes of a prepared row
 *   DOT_VALUE_BYTES       bytes of a value in a panel
 *   DOT_HEADER            bytes of a prepared row before its values
 *   DOT_ROWS, DOT_PANELS  register tile (macros, for #if)
 *   dot_load(p)           a dot_raw from a panel
 *   dot_add(acc, w, x)    acc + w * the four bytes x, in every column
 *   dot_begin(row)        the sums that a prepared row starts with
 *   dot_end(acc, row, column_scale, left)   as VEC floats
 *
 * and gets dot_strip. Rows are those of `prepare`, with their values (codes or
 * halves) from byte DOT_HEADER on.
 */
#ifndef HEARD_KERNELS_DOT_BODY_H
#define HEARD_KERNELS_DOT_BODY_H

#include "core/kernels/dot_ahead.h"
#include "core/kernels/kernels.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/packing.h"
#include "core/kernels/vec.h"

#include <string.h>

enum {
	DOT_VECS = DOT_PANELS * PANEL_VECS,
	STEP_BYTES = PANEL * DOT_INTERLEAVE * DOT_VALUE_BYTES, /* of a panel */
};

static ALWAYS_INLINE int32_t dot_four(const unsigned char *p)
{
	int32_t four;

	memcpy(&four, p, sizeof(four));
	return four;
}

/* rows and vecs are constants where this is inlined. */
static ALWAYS_INLINE void dot_block(const int rows, const int vecs, const struct packed_strip *s,
				    const unsigned char *panel, size_t column, size_t n,
				    size_t steps, size_t row, struct dot_ahead ahead)
{
	const unsigned char *values = dot_row(s, row) + DOT_HEADER;
	size_t row_stride = s->row_stride, panel_stride = s->panel_stride;
	dot_acc sum[DOT_ROWS][DOT_VECS];

	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int v = 0; v < vecs; v++)
			sum[r][v] = dot_begin(dot_row(s, row + (size_t)r));
	}
	for (size_t i = 0; i < steps;) {
		size_t end = steps - i < DOT_STEPS ? steps : i + DOT_STEPS;

		dot_look_ahead(&ahead, vecs);
		for (; i < end; i++) {
			dot_raw w[DOT_VECS];

			UNROLL
			for (int v = 0; v < vecs; v++)
				w[v] = dot_load(
					panel + (size_t)(v / PANEL_VECS) * panel_stride +
					i * STEP_BYTES +
					(size_t)(v % PANEL_VECS * (STEP_BYTES / PANEL_VECS)));
			UNROLL
			for (int r = 0; r < rows; r++) {
				int32_t x = dot_four(values + (size_t)r * row_stride + i * 4);
				UNROLL
				for (int v = 0; v < vecs; v++)
					sum[r][v] = dot_add(sum[r][v], w[v], x);
			}
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int v = 0; v < vecs; v++) {
			size_t first = (size_t)v * VEC;
			if (first < n)
				vec_store_some(s->y + (row + (size_t)r) * s->y_stride + column +
						       first,
					       dot_end(sum[r][v], dot_row(s, row + (size_t)r),
						       s->column_scale + column + first, n - first),
					       n - first);
		}
	}
}

/* One or more panels for all rows, in blocks of nearly the same height. */
static ALWAYS_INLINE void dot_columns(const int vecs, const struct packed_strip *s,
				      const unsigned char *panel, const unsigned char *ahead,
				      size_t column, size_t n, size_t steps)
{
	size_t blocks = (s->n_rows + DOT_ROWS - 1) / DOT_ROWS;

	for (size_t b = 0; b < blocks; b++) {
		size_t row = s->n_rows * b / blocks, end = s->n_rows * (b + 1) / blocks;
		struct dot_ahead share = dot_share(ahead, s->panel_stride, b, blocks, steps);

#define BLOCK(r)                                                            \
	case r:                                                             \
		dot_block(r, vecs, s, panel, column, n, steps, row, share); \
		break
		switch (end - row) {
			BLOCK(1);
			BLOCK(2);
#if DOT_ROWS >= 4
			BLOCK(3);
			BLOCK(4);
#endif
#if DOT_ROWS >= 6
			BLOCK(5);
			BLOCK(6);
#endif
#if DOT_ROWS >= 8
			BLOCK(7);
			BLOCK(8);
#endif
		}
#undef BLOCK
	}
}

static ALWAYS_INLINE void dot_strip(const struct packed_strip *s, size_t steps)
{
	const unsigned char *panel = s->panels, *ahead = s->ahead;

#if DOT_PANELS == 2
	if (s->n > PANEL) {
		dot_columns(DOT_VECS, s, panel, ahead, 0, s->n, steps);
		return;
	}
#endif
	for (size_t column = 0; column < s->n; column += PANEL) {
		size_t n = s->n - column < PANEL ? s->n - column : PANEL;

		dot_columns(PANEL_VECS, s, panel, ahead, column, n, steps);
		panel += s->panel_stride;
		if (ahead != NULL)
			ahead += s->panel_stride;
	}
}

#endif
