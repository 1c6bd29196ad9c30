/*
 * The kernels over vec.h, compiled once for each instruction set by a file that
 * sets its flags (x86/avx2.c and its like) and defines
 *
 *   TABLE        the symbol of the table
 *   TABLE_NAME   its name
 */
#include "core/kernels/kernels.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/tables.h"
#include "core/kernels/vec.h"
#include "core/kernels/vec_math.h"

#include <math.h>
#include <stdlib.h>

enum {
	PANEL_VECS = PANEL / VEC,
	TILE_VECS = TILE_PANELS * PANEL_VECS,
	K_STEPS = 8, /* between two looks at the prefetches that are due */
	LINE_BYTES = 64,
};

/* What a strip multiplies; `type` says what lies in the panels. */
struct columns {
	const float *a;
	size_t a_stride; /* floats */
	size_t rows;
	const unsigned char *panel;
	size_t panel_stride; /* bytes */
	size_t k;
	float *y;
	size_t y_stride; /* floats */
	size_t n;
	bool accumulate;
	const unsigned char *ahead;
};

/* Lines of the next strip's panels that one block of rows asks for. */
struct ahead {
	const unsigned char *line; /* in the first panel; NULL for none */
	size_t panel_stride;
	size_t left;      /* lines a panel */
	size_t each_time; /* lines a panel and K_STEPS steps */
};

static ALWAYS_INLINE size_t weight_bytes(const enum weight_type type)
{
	return type == WEIGHT_F32 ? sizeof(float) : sizeof(uint16_t);
}

static ALWAYS_INLINE vec load_weights(const enum weight_type type, const unsigned char *p)
{
	if (type == WEIGHT_F16)
		return vec_load_f16((const uint16_t *)(const void *)p);
	if (type == WEIGHT_BF16)
		return vec_load_bf16((const uint16_t *)(const void *)p);
	return vec_load((const float *)(const void *)p);
}

/* Sums of `rows` x `vecs` vectors over K in registers: rows, vecs and type are
 * constants where this is inlined, so the loops over them unroll and no array is
 * left. */
static ALWAYS_INLINE void tile_block(const enum weight_type type, const int rows, const int vecs,
				     const struct columns *c, size_t row, struct ahead ahead)
{
	const float *a = c->a + row * c->a_stride;
	const unsigned char *panel = c->panel;
	size_t a_stride = c->a_stride, panel_stride = c->panel_stride, k = c->k, n = c->n;
	vec sum[TILE_ROWS][TILE_VECS];

	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int v = 0; v < vecs; v++)
			sum[r][v] = vec_all(0.0f);
	}
	for (size_t i = 0; i < k;) {
		size_t steps = k - i < K_STEPS ? k - i : K_STEPS;

		if (ahead.line != NULL) {
			size_t lines = ahead.left < ahead.each_time ? ahead.left : ahead.each_time;
			for (size_t j = 0; j < lines; j++, ahead.line += LINE_BYTES) {
				vec_prefetch(ahead.line);
				if (vecs > PANEL_VECS)
					vec_prefetch(ahead.line + ahead.panel_stride);
			}
			ahead.left -= lines;
		}
		for (size_t end = i + steps; i < end; i++) {
			vec w[TILE_VECS];

			UNROLL
			for (int v = 0; v < vecs; v++)
				w[v] = load_weights(
					type, panel + (size_t)(v / PANEL_VECS) * panel_stride +
						      (i * PANEL + (size_t)(v % PANEL_VECS * VEC)) *
							      weight_bytes(type));
			UNROLL
			for (int r = 0; r < rows; r++) {
				vec x = vec_all(a[(size_t)r * a_stride + i]);
				UNROLL
				for (int v = 0; v < vecs; v++)
					sum[r][v] = vec_fma(x, w[v], sum[r][v]);
			}
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int v = 0; v < vecs; v++) {
			size_t column = (size_t)v * VEC;
			float *out = c->y + (row + (size_t)r) * c->y_stride + column;

			if (column < n && c->accumulate)
				sum[r][v] = vec_add(vec_load_some(out, n - column), sum[r][v]);
			if (column < n)
				vec_store_some(out, sum[r][v], n - column);
		}
	}
}

static ALWAYS_INLINE void tile_rows(const enum weight_type type, size_t rows, const int vecs,
				    const struct columns *c, size_t row, struct ahead ahead)
{
#define BLOCK(r)                                          \
	case r:                                           \
		tile_block(type, r, vecs, c, row, ahead); \
		break
	switch (rows) {
		BLOCK(1);
		BLOCK(2);
		BLOCK(3);
		BLOCK(4);
		BLOCK(5);
#if TILE_ROWS >= 6
		BLOCK(6);
#endif
#if TILE_ROWS >= 8
		BLOCK(7);
		BLOCK(8);
#endif
	}
#undef BLOCK
}

/* One or more panels next to each other, as many as a tile is wide at most, for
 * all rows: in blocks of nearly the same height, since a low last block would
 * wait for its sums instead of computing. */
static ALWAYS_INLINE void tile_columns(const enum weight_type type, const int vecs,
				       const struct columns *c)
{
	const size_t line_steps = LINE_BYTES / PANEL / weight_bytes(type);
	size_t blocks = (c->rows + TILE_ROWS - 1) / TILE_ROWS;
	size_t lines = (c->k + line_steps - 1) / line_steps;

	for (size_t b = 0; b < blocks; b++) {
		size_t row = c->rows * b / blocks, end = c->rows * (b + 1) / blocks;
		size_t line = lines * b / blocks;
		struct ahead share = {0};

		if (c->ahead != NULL)
			share = (struct ahead){
				.line = c->ahead + line * LINE_BYTES,
				.panel_stride = c->panel_stride,
				.left = lines * (b + 1) / blocks - line,
				.each_time = (K_STEPS / line_steps + blocks - 1) / blocks,
			};
		tile_rows(type, end - row, vecs, c, row, share);
	}
}

static ALWAYS_INLINE void multiply(const enum weight_type type, struct columns c)
{
#if TILE_PANELS == 2
	if (c.n > PANEL) {
		tile_columns(type, TILE_VECS, &c);
		return;
	}
#endif
	for (size_t left = c.n; left > 0; left -= c.n) {
		c.n = left < PANEL ? left : PANEL;
		tile_columns(type, PANEL_VECS, &c);
		c.panel += c.panel_stride;
		c.y += PANEL;
		if (c.ahead != NULL)
			c.ahead += c.panel_stride;
	}
}

static void strip(const struct strip *s)
{
	multiply(WEIGHT_F32, (struct columns){
				     .a = s->a,
				     .a_stride = s->a_stride,
				     .rows = s->rows,
				     .panel = (const unsigned char *)s->panels,
				     .panel_stride = s->panel_stride * sizeof(float),
				     .k = s->k,
				     .y = s->y,
				     .y_stride = s->y_stride,
				     .n = s->n,
				     .accumulate = s->accumulate,
				     .ahead = (const unsigned char *)s->ahead,
			     });
}

static ALWAYS_INLINE void half_strip(const enum weight_type type, const struct packed_strip *s)
{
	multiply(type, (struct columns){
			       .a = s->rows,
			       .a_stride = s->row_stride / sizeof(float),
			       .rows = s->n_rows,
			       .panel = s->panels,
			       .panel_stride = s->panel_stride,
			       .k = s->k,
			       .y = s->y,
			       .y_stride = s->y_stride,
			       .n = s->n,
			       .accumulate = s->accumulate,
			       .ahead = s->ahead,
		       });
}

static void f16_strip(const struct packed_strip *s)
{
	half_strip(WEIGHT_F16, s);
}

static void bf16_strip(const struct packed_strip *s)
{
	half_strip(WEIGHT_BF16, s);
}

static void tile(const float *a, size_t a_stride, size_t rows, const float *panels,
		 size_t panel_stride, size_t k, float *y, size_t y_stride, size_t n, int accumulate)
{
	for (size_t column = 0; column < n; column += STRIP_COLUMNS) {
		strip(&(struct strip){
			.a = a,
			.a_stride = a_stride,
			.rows = rows,
			.panels = panels + column / PANEL * panel_stride,
			.panel_stride = panel_stride,
			.k = k,
			.y = y + column,
			.y_stride = y_stride,
			.n = n - column < STRIP_COLUMNS ? n - column : STRIP_COLUMNS,
			.accumulate = accumulate != 0,
		});
	}
}

/* One vector's width of columns, or what is left of them, in all rows. */
static ALWAYS_INLINE void finish_columns(const struct finish *f, size_t column, size_t left,
					 vec (*act)(vec))
{
	const float *sums = f->sums + column;
	const float *residual = f->residual ? f->residual + column : NULL;
	float *y = f->y + column;
	vec bias = f->bias ? vec_load_some(f->bias + column, left) : vec_all(0.0f);

	for (size_t r = 0; r < f->rows; r++) {
		vec value = act(vec_add(vec_load_some(sums + r * f->sums_stride, left), bias));

		if (residual)
			value = vec_add(value,
					vec_load_some(residual + r * f->residual_stride, left));
		vec_store_some(y + r * f->y_stride, value, left);
	}
}

static ALWAYS_INLINE void finish_with(const struct finish *f, vec (*act)(vec))
{
	size_t j = 0;

	for (; j + VEC <= f->n; j += VEC)
		finish_columns(f, j, VEC, act);
	if (j < f->n)
		finish_columns(f, j, f->n - j, act);
}

static void finish(const struct finish *f)
{
	switch (f->act) {
	case ACTIVATION_LINEAR:
		finish_with(f, act_linear);
		return;
	case ACTIVATION_GELU:
		finish_with(f, act_gelu);
		return;
	case ACTIVATION_GELU_TANH:
		finish_with(f, act_gelu_tanh);
		return;
	case ACTIVATION_QUICK_GELU:
		finish_with(f, act_quick_gelu);
		return;
	case ACTIVATION_RELU:
		finish_with(f, act_relu);
		return;
	case ACTIVATION_RELU6:
		finish_with(f, act_relu6);
		return;
	case ACTIVATION_SELU:
		finish_with(f, act_selu);
		return;
	case ACTIVATION_SILU:
		finish_with(f, act_silu);
		return;
	case ACTIVATION_MISH:
		finish_with(f, act_mish);
		return;
	case ACTIVATION_TANH:
		finish_with(f, tanh_any);
		return;
	case ACTIVATION_SIGMOID:
		finish_with(f, act_sigmoid);
		return;
	}
	abort();
}

static void activate(enum activation act, float *x, size_t n)
{
	finish(&(struct finish){.sums = x, .rows = 1, .n = n, .act = act, .y = x});
}

/* Sums over few elements wait for the latency of their additions unless there
 * are several at once. */
enum { CHAINS = 4 };

static ALWAYS_INLINE vec sum_chains(const vec *sums)
{
	return vec_add(vec_add(sums[0], sums[1]), vec_add(sums[2], sums[3]));
}

static ALWAYS_INLINE float sum_of(const float *x, size_t n)
{
	vec sums[CHAINS];
	size_t i = 0;

	UNROLL
	for (int c = 0; c < CHAINS; c++)
		sums[c] = vec_all(0.0f);
	for (; i + CHAINS * VEC <= n; i += CHAINS * VEC) {
		UNROLL
		for (int c = 0; c < CHAINS; c++)
			sums[c] = vec_add(sums[c], vec_load(x + i + (size_t)c * VEC));
	}
	for (; i < n; i += VEC)
		sums[0] = vec_add(sums[0], vec_load_some(x + i, n - i));
	return vec_sum(sum_chains(sums));
}

/* Sum of (x[i] - mean)^2. */
static ALWAYS_INLINE float squares_of(const float *x, size_t n, float mean)
{
	vec sums[CHAINS], means = vec_all(mean);
	float tail = 0.0f;
	size_t i = 0;

	UNROLL
	for (int c = 0; c < CHAINS; c++)
		sums[c] = vec_all(0.0f);
	for (; i + CHAINS * VEC <= n; i += CHAINS * VEC) {
		UNROLL
		for (int c = 0; c < CHAINS; c++) {
			vec d = vec_sub(vec_load(x + i + (size_t)c * VEC), means);
			sums[c] = vec_fma(d, d, sums[c]);
		}
	}
	for (; i + VEC <= n; i += VEC) {
		vec d = vec_sub(vec_load(x + i), means);
		sums[0] = vec_fma(d, d, sums[0]);
	}
	/* Lanes past the end would count as values that are 0. */
	for (; i < n; i++)
		tail += (x[i] - mean) * (x[i] - mean);
	return vec_sum(sum_chains(sums)) + tail;
}

static void layer_norm(const float *x, size_t n, const float *gamma, const float *beta, float eps,
		       float *y)
{
	float mean = sum_of(x, n) / (float)n;
	float variance = squares_of(x, n, mean) / (float)n;
	vec means = vec_all(mean), scale = vec_all(1.0f / sqrtf(variance + eps));

	for (size_t i = 0; i < n; i += VEC) {
		vec d = vec_mul(vec_sub(vec_load_some(x + i, n - i), means), scale);
		vec_store_some(
			y + i,
			vec_fma(d, vec_load_some(gamma + i, n - i), vec_load_some(beta + i, n - i)),
			n - i);
	}
}

static ALWAYS_INLINE float top_of(const float *x, size_t n)
{
	vec tops[CHAINS];
	size_t i = 0;

	UNROLL
	for (int c = 0; c < CHAINS; c++)
		tops[c] = vec_all(-INFINITY);
	for (; i + CHAINS * VEC <= n; i += CHAINS * VEC) {
		UNROLL
		for (int c = 0; c < CHAINS; c++)
			tops[c] = vec_max(tops[c], vec_load(x + i + (size_t)c * VEC));
	}
	for (; i + VEC <= n; i += VEC)
		tops[0] = vec_max(tops[0], vec_load(x + i));
	float top = vec_top(vec_max(vec_max(tops[0], tops[1]), vec_max(tops[2], tops[3])));
	for (; i < n; i++)
		top = x[i] > top ? x[i] : top;
	return top;
}

static void softmax(float *x, size_t n, float scale)
{
	vec sums = vec_all(0.0f), scales = vec_all(scale), max = vec_all(top_of(x, n));

	for (size_t i = 0; i < n; i += VEC) {
		size_t left = n - i;
		vec e = exp_below(vec_mul(scales, vec_sub(vec_load_some(x + i, left), max)));

		vec_store_some(x + i, e, left);
		/* Read back: lanes past the end are 0 then. */
		sums = vec_add(sums, left >= VEC ? e : vec_load_some(x + i, left));
	}
	vec inverse = vec_all(1.0f / vec_sum(sums));
	for (size_t i = 0; i < n; i += VEC)
		vec_store_some(x + i, vec_mul(vec_load_some(x + i, n - i), inverse), n - i);
}

static void add(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i += VEC)
		vec_store_some(y + i,
			       vec_add(vec_load_some(y + i, n - i), vec_load_some(x + i, n - i)),
			       n - i);
}

static void scale_shift(const float *x, const float *scale, const float *shift, size_t n, float *y)
{
	for (size_t i = 0; i < n; i += VEC) {
		size_t left = n - i;
		vec_store_some(y + i,
			       vec_fma(vec_load_some(x + i, left), vec_load_some(scale + i, left),
				       vec_load_some(shift + i, left)),
			       left);
	}
}

static float probe_fma(size_t rounds)
{
	/* Twelve chains hide the latency of all CPUs we know and leave room for
	 * the two constants in 16 registers. */
	enum { SUMS = 12 };
	vec sums[SUMS], factor = vec_all(0.5f), term = vec_all(1.0f), total = vec_all(0.0f);

	UNROLL
	for (int c = 0; c < SUMS; c++)
		sums[c] = vec_all((float)(rounds + (size_t)c));
	for (size_t i = 0; i < rounds * (PROBE_FLOPS / 2 / SUMS / VEC); i++) {
		UNROLL
		for (int c = 0; c < SUMS; c++)
			sums[c] = vec_fma(sums[c], factor, term);
	}
	UNROLL
	for (int c = 0; c < SUMS; c++)
		total = vec_add(total, sums[c]);
	return vec_sum(total);
}

static float probe_read(const float *x, size_t n)
{
	return sum_of(x, n);
}

/* Half the bytes, the same sums: weights are widened on their way into the tile. */
static const struct microkernel f16_micro = {
	.name = TABLE_NAME,
	.type = WEIGHT_F16,
	.interleave = 1,
	.strip = f16_strip,
};

static const struct microkernel bf16_micro = {
	.name = TABLE_NAME,
	.type = WEIGHT_BF16,
	.interleave = 1,
	.strip = bf16_strip,
};

const struct kernels TABLE = {
	.name = TABLE_NAME,
	.micro = {[WEIGHT_F16] = &f16_micro, [WEIGHT_BF16] = &bf16_micro},
	.prefers_blas = false,
	.tile = tile,
	.strip = strip,
	.finish = finish,
	.activate = activate,
	.layer_norm = layer_norm,
	.softmax = softmax,
	.add = add,
	.scale_shift = scale_shift,
	.probe_fma = probe_fma,
	.probe_read = probe_read,
};
