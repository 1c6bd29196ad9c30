/*
 * The integer microkernels over dot_body.h and vec.h. Of what dot_body.h wants it
 * has dot_begin and dot_end itself; dot_acc is of 32-bit integers. The including
 * file defines besides
 *
 *   NAME(x)               the symbol of microkernel x: NAME(int8) and so on
 *   CODES_NAME            the name of the instruction set
 *   CODES_OFFSET          what is added to int8 codes in the panels, 0 or 128
 *   CODES_INT4_ROWS       rows of the register tile of int4, one panel wide
 *   codes_all(x)          the integer x in every column
 *   codes_low(w), codes_high(w)   the nibbles of a dot_nibbles as dot_raw
 *   codes_load_nibbles(p) what lies in an int4 panel for VEC columns and a step
 *   codes_float(acc)      as floats
 *   codes_put(out, v)     stores VEC whole numbers as codes (bytes, or int16 where
 *                         DOT_INTERLEAVE is 2) and returns them as integers
 *   codes_add(a, b)       of integers
 *   codes_sum(a)          of all lanes
 *   vec_load_f16(p)
 */
#include "core/kernels/microkernel.h"
#include "core/kernels/vec.h"

/* What is added to the weights is taken off again where the sums begin. */
static ALWAYS_INLINE dot_acc dot_begin(const unsigned char *row)
{
	const struct prepared_row *header = (const void *)row;

	return codes_all(-CODES_OFFSET * header->sum);
}

static ALWAYS_INLINE vec dot_end(dot_acc acc, const unsigned char *row, const float *column_scale,
				 size_t left)
{
	const struct prepared_row *header = (const void *)row;
	vec y = vec_mul(codes_float(acc), vec_all(header->scale));

	return vec_mul(y, vec_load_some(column_scale, left));
}

#include "core/kernels/codes_rows.h"
#include "core/kernels/dot_body.h"

/* int4 rows end with the sum of each group, times -8: what its products begin with. */
static size_t int4_row_bytes(size_t k)
{
	return lines(PREPARED_HEADER + padded(k) * CODE_BYTES +
		     padded(k) / GROUP * sizeof(int32_t));
}

static void int4_prepare(const float *x, size_t k, void *row)
{
	struct prepared_row *header = row;
	unsigned char *codes = (unsigned char *)row + PREPARED_HEADER;
	size_t kp = padded(k);
	unsigned char *sums = codes + kp * CODE_BYTES;
	vec inverse = vec_all(row_scale(x, k, header));

	header->sum = 0;
	for (size_t group = 0; group < kp; group += GROUP) {
		dot_acc sum = codes_all(0);

		for (size_t i = group; i < group + GROUP; i += VEC, codes += VEC * CODE_BYTES) {
			vec v = vec_load_some(x + i, i < k ? k - i : 0);
			sum = codes_add(sum, codes_put(codes, vec_mul(v, inverse)));
		}
		int32_t begin = -8 * codes_sum(sum);
		memcpy(sums, &begin, sizeof(begin));
		sums += sizeof(begin);
	}
}

/* ---- int8 ---- */

static void int8_strip(const struct packed_strip *s)
{
	dot_strip(s, padded(s->k) / DOT_INTERLEAVE);
}

/* ---- int4: the products of a group are added up as integers, the groups as floats ---- */

static ALWAYS_INLINE void int4_block(const int rows, const struct packed_strip *s,
				     const unsigned char *panel, size_t column, size_t n,
				     size_t row, struct dot_ahead ahead)
{
	enum { STEPS = GROUP / (2 * DOT_INTERLEAVE), NIBBLE_BYTES = PANEL * DOT_INTERLEAVE };
	const unsigned char *values = dot_row(s, row) + PREPARED_HEADER;
	size_t row_stride = s->row_stride, kp = padded(s->k), groups = kp / GROUP;
	const unsigned char *factors = panel + kp * PANEL / 2;
	vec sum[CODES_INT4_ROWS][PANEL_VECS];

	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int v = 0; v < PANEL_VECS; v++)
			sum[r][v] = vec_all(0.0f);
	}
	for (size_t g = 0; g < groups; g++) {
		dot_acc acc[CODES_INT4_ROWS][PANEL_VECS];
		size_t sums = kp * CODE_BYTES + g * sizeof(int32_t);

		dot_look_ahead(&ahead, PANEL_VECS);
		UNROLL
		for (int r = 0; r < rows; r++) {
			int32_t begin = dot_four(values + (size_t)r * row_stride + sums);
			UNROLL
			for (int v = 0; v < PANEL_VECS; v++)
				acc[r][v] = codes_all(begin);
		}
		UNROLL
		for (size_t i = 0; i < STEPS; i++) {
			dot_raw low[PANEL_VECS], high[PANEL_VECS];
			size_t at = (g * STEPS + i) * 8;

			UNROLL
			for (int v = 0; v < PANEL_VECS; v++) {
				dot_nibbles w = codes_load_nibbles(
					panel + (g * STEPS + i) * NIBBLE_BYTES +
					(size_t)(v * (NIBBLE_BYTES / PANEL_VECS)));
				low[v] = codes_low(w);
				high[v] = codes_high(w);
			}
			UNROLL
			for (int r = 0; r < rows; r++) {
				const unsigned char *x = values + (size_t)r * row_stride + at;
				UNROLL
				for (int v = 0; v < PANEL_VECS; v++) {
					acc[r][v] = dot_add(acc[r][v], low[v], dot_four(x));
					acc[r][v] = dot_add(acc[r][v], high[v], dot_four(x + 4));
				}
			}
		}
		UNROLL
		for (int v = 0; v < PANEL_VECS; v++) {
			vec factor = vec_load_f16(
				(const uint16_t *)(const void *)(factors +
								 (g * PANEL + (size_t)(v * VEC)) *
									 sizeof(uint16_t)));
			UNROLL
			for (int r = 0; r < rows; r++)
				sum[r][v] = vec_fma(codes_float(acc[r][v]), factor, sum[r][v]);
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++) {
		const struct prepared_row *header =
			(const void *)(values + (size_t)r * row_stride - PREPARED_HEADER);
		UNROLL
		for (int v = 0; v < PANEL_VECS; v++) {
			size_t first = (size_t)v * VEC;
			if (first >= n)
				continue;
			vec y = vec_mul(sum[r][v], vec_all(header->scale));
			y = vec_mul(y, vec_load_some(s->column_scale + column + first, n - first));
			vec_store_some(s->y + (row + (size_t)r) * s->y_stride + column + first, y,
				       n - first);
		}
	}
}

static void int4_strip(const struct packed_strip *s)
{
	const unsigned char *panel = s->panels, *ahead = s->ahead;
	size_t blocks = (s->n_rows + CODES_INT4_ROWS - 1) / CODES_INT4_ROWS;
	size_t looks = padded(s->k) / GROUP;

	for (size_t column = 0; column < s->n; column += PANEL) {
		size_t n = s->n - column < PANEL ? s->n - column : PANEL;

		for (size_t b = 0; b < blocks; b++) {
			size_t row = s->n_rows * b / blocks, end = s->n_rows * (b + 1) / blocks;
			struct dot_ahead share =
				dot_share(ahead, s->panel_stride, b, blocks, looks * DOT_STEPS);

#define BLOCK(r)                                                \
	case r:                                                 \
		int4_block(r, s, panel, column, n, row, share); \
		break
			switch (end - row) {
				BLOCK(1);
#if CODES_INT4_ROWS >= 2
				BLOCK(2);
#endif
#if CODES_INT4_ROWS >= 3
				BLOCK(3);
#endif
#if CODES_INT4_ROWS >= 8
				BLOCK(4);
				BLOCK(5);
				BLOCK(6);
				BLOCK(7);
				BLOCK(8);
#endif
			}
#undef BLOCK
		}
		panel += s->panel_stride;
		if (ahead != NULL)
			ahead += s->panel_stride;
	}
}

/* ---- the roofline ---- */

enum { PROBE_CHAINS = 12, PROBE_STEPS = 8 };

static float probe(size_t rounds)
{
	dot_acc sums[PROBE_CHAINS], total = codes_all(0);
	/* The compiler must not know them. */
	volatile int32_t four = 0x01020304;
	unsigned char bytes[LINE_BYTES];

	memset(bytes, (int)rounds & 7, sizeof(bytes));
	dot_raw w = dot_load(bytes);
	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		sums[c] = codes_all(c);
	int32_t x = four;
	for (size_t i = 0; i < rounds * PROBE_STEPS; i++) {
		UNROLL
		for (int c = 0; c < PROBE_CHAINS; c++)
			sums[c] = dot_add(sums[c], w, x);
		/* Another x each time, or the sums would be multiplications. */
		x += 4;
	}
	UNROLL
	for (int c = 0; c < PROBE_CHAINS; c++)
		total = codes_add(total, sums[c]);
	return (float)codes_sum(total);
}

enum { PROBE_OPS = 2 * PROBE_CHAINS * PROBE_STEPS * VEC * DOT_INTERLEAVE };

const struct microkernel NAME(int8) = {
	.name = CODES_NAME,
	.type = WEIGHT_INT8,
	.interleave = DOT_INTERLEAVE,
	.offset = CODES_OFFSET,
	.row_bytes = int8_row_bytes,
	.prepare = int8_prepare,
	.strip = int8_strip,
	.probe = probe,
	.probe_ops = PROBE_OPS,
};

const struct microkernel NAME(int4) = {
	.name = CODES_NAME,
	.type = WEIGHT_INT4,
	.interleave = DOT_INTERLEAVE,
	.row_bytes = int4_row_bytes,
	.prepare = int4_prepare,
	.strip = int4_strip,
	.probe = probe,
	.probe_ops = PROBE_OPS,
};
