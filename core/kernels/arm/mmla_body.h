/*
 * Microkernels made of products of matrices of two rows by two columns: smmla and
 * bfmmla. Eight bytes of a row or a column are one step of G values, so a vector
 * holds two columns of a panel or two rows. The including file defines
 *
 *   mmla_acc              sums: [row 0, column 0], [0, 1], [1, 0], [1, 1]
 *   mmla_zero()
 *   mmla_add(acc, x, w)   the product of two rows and two columns added
 *   mmla_float(acc)       as floats
 *   MMLA_HEADER           bytes of a prepared row before its values
 *   mmla_scale(y, row, column_scale, left)   what becomes of VEC columns of a row
 *
 * and gets mmla_strip.
 */
#ifndef HEARD_KERNELS_MMLA_BODY_H
#define HEARD_KERNELS_MMLA_BODY_H

#include "core/kernels/dot_ahead.h"

enum {
	MMLA_PAIRS = 3, /* of rows: 24 sums, three of activations, the rest for weights */
	MMLA_VECS = PANEL / 2,
	MMLA_STEP_BYTES = PANEL * 8,
};

/* Columns first to first + 3 of one row of a pair. */
static ALWAYS_INLINE vec mmla_row(const mmla_acc *two, const int second)
{
	vec left = mmla_float(two[0]), right = mmla_float(two[1]);

	return second ? vcombine_f32(vget_high_f32(left), vget_high_f32(right))
		      : vcombine_f32(vget_low_f32(left), vget_low_f32(right));
}

/* Up to 2 * pairs rows from `row` on; a last pair may be one row, taken twice. */
static ALWAYS_INLINE void mmla_block(const int pairs, const struct packed_strip *s,
				     const unsigned char *panel, size_t column, size_t n,
				     size_t steps, size_t row, size_t rows, struct dot_ahead ahead)
{
	const unsigned char *x[MMLA_PAIRS][2];
	mmla_acc sum[MMLA_PAIRS][MMLA_VECS];

	UNROLL
	for (int p = 0; p < pairs; p++) {
		size_t first = (size_t)p * 2, second = first + 1 < rows ? first + 1 : first;

		x[p][0] = dot_row(s, row + first) + MMLA_HEADER;
		x[p][1] = dot_row(s, row + second) + MMLA_HEADER;
		UNROLL
		for (int v = 0; v < MMLA_VECS; v++)
			sum[p][v] = mmla_zero();
	}
	for (size_t i = 0; i < steps;) {
		size_t end = steps - i < DOT_STEPS ? steps : i + DOT_STEPS;

		dot_look_ahead(&ahead, PANEL_VECS);
		for (; i < end; i++) {
			uint8x16_t two[MMLA_PAIRS];

			UNROLL
			for (int p = 0; p < pairs; p++)
				two[p] = vcombine_u8(vld1_u8(x[p][0] + i * 8),
						     vld1_u8(x[p][1] + i * 8));
			UNROLL
			for (int v = 0; v < MMLA_VECS; v++) {
				uint8x16_t w = vld1q_u8(panel + i * MMLA_STEP_BYTES + v * 16);
				UNROLL
				for (int p = 0; p < pairs; p++)
					sum[p][v] = mmla_add(sum[p][v], two[p], w);
			}
		}
	}
	UNROLL
	for (int p = 0; p < pairs; p++) {
		UNROLL
		for (int second = 0; second < 2; second++) {
			size_t r = (size_t)(p * 2 + second);

			if (r >= rows)
				continue;
			UNROLL
			for (int v = 0; v < PANEL_VECS; v++) {
				size_t first = (size_t)v * VEC;
				if (first >= n)
					continue;
				vec y = mmla_scale(mmla_row(&sum[p][v * 2], second),
						   dot_row(s, row + r), s->column_scale,
						   column + first, n - first);
				vec_store_some(s->y + (row + r) * s->y_stride + column + first, y,
					       n - first);
			}
		}
	}
}

static ALWAYS_INLINE void mmla_strip(const struct packed_strip *s, size_t steps)
{
	const unsigned char *panel = s->panels, *ahead = s->ahead;
	size_t pairs = (s->n_rows + 1) / 2, blocks = (pairs + MMLA_PAIRS - 1) / MMLA_PAIRS;

	for (size_t column = 0; column < s->n; column += PANEL) {
		size_t n = s->n - column < PANEL ? s->n - column : PANEL;

		for (size_t b = 0; b < blocks; b++) {
			size_t first = pairs * b / blocks, end = pairs * (b + 1) / blocks;
			size_t row = first * 2;
			size_t rows = end * 2 < s->n_rows ? end * 2 - row : s->n_rows - row;
			struct dot_ahead share =
				dot_share(ahead, s->panel_stride, b, blocks, steps);

#define BLOCK(p)                                                             \
	case p:                                                              \
		mmla_block(p, s, panel, column, n, steps, row, rows, share); \
		break
			switch (end - first) {
				BLOCK(1);
				BLOCK(2);
				BLOCK(3);
			}
#undef BLOCK
		}
		panel += s->panel_stride;
		if (ahead != NULL)
			ahead += s->panel_stride;
	}
}

#endif
