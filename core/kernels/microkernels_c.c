/* The specification of the microkernels: every loop as plainly as it can be
 * said. The vector versions are tested against this file. */
#include "core/base/half.h"
#include "core/kernels/kernels.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/packing.h"
#include "core/kernels/tables.h"

#include <math.h>

/* ---- halves: widened, activations stay floats ---- */

static void half_strip(const struct packed_strip *s, float (*widen)(uint16_t))
{
	for (size_t r = 0; r < s->n_rows; r++) {
		const float *row =
			(const void *)((const unsigned char *)s->rows + r * s->row_stride);

		for (size_t j = 0; j < s->n; j++) {
			const uint16_t *w = (const void *)((const unsigned char *)s->panels +
							   j / PANEL * s->panel_stride +
							   j % PANEL * sizeof(uint16_t));
			float *y = s->y + r * s->y_stride + j;
			float sum = 0.0f;

			for (size_t i = 0; i < s->k; i++)
				sum += row[i] * widen(w[i * PANEL]);
			*y = s->accumulate ? *y + sum : sum;
		}
	}
}

static void f16_strip(const struct packed_strip *s)
{
	half_strip(s, half_widen_f16);
}

static void bf16_strip(const struct packed_strip *s)
{
	half_strip(s, half_widen_bf16);
}

const struct microkernel microkernel_f16_c = {
	.name = "c",
	.type = WEIGHT_F16,
	.interleave = 1,
	.strip = f16_strip,
};

const struct microkernel microkernel_bf16_c = {
	.name = "c",
	.type = WEIGHT_BF16,
	.interleave = 1,
	.strip = bf16_strip,
};

/* ---- codes ---- */

static size_t row_bytes(size_t k)
{
	return PREPARED_HEADER + (k + PREPARED_HEADER - 1) / PREPARED_HEADER * PREPARED_HEADER;
}

static void prepare(const float *x, size_t k, void *row)
{
	struct prepared_row *header = row;
	int8_t *codes = (int8_t *)row + PREPARED_HEADER;
	float top = 0.0f;
	size_t end = row_bytes(k) - PREPARED_HEADER;

	for (size_t i = 0; i < k; i++)
		top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
	if (top < 0x1p-100f)
		top = 0.0f;
	float inverse = top > 0.0f ? 127.0f / top : 0.0f;

	*header = (struct prepared_row){.scale = top / 127.0f};
	for (size_t i = 0; i < end; i++) {
		codes[i] = i < k ? (int8_t)rintf(x[i] * inverse) : 0;
		header->sum += codes[i];
	}
}

static const struct prepared_row *row_at(const struct packed_strip *s, size_t r)
{
	return (const void *)((const unsigned char *)s->rows + r * s->row_stride);
}

static void int8_strip(const struct packed_strip *s)
{
	for (size_t r = 0; r < s->n_rows; r++) {
		const struct prepared_row *row = row_at(s, r);
		const int8_t *x = (const int8_t *)row + PREPARED_HEADER;

		for (size_t j = 0; j < s->n; j++) {
			const int8_t *w =
				(const int8_t *)s->panels + j / PANEL * s->panel_stride + j % PANEL;
			int32_t sum = 0;

			for (size_t i = 0; i < s->k; i++)
				sum += x[i] * w[i * PANEL];
			s->y[r * s->y_stride + j] = (float)sum * row->scale * s->column_scale[j];
		}
	}
}

/* Weight i of column c, in units of its group's factor. */
static int int4_code(const unsigned char *panel, size_t i, size_t c)
{
	unsigned char byte = panel[i / 2 * PANEL + c];

	return (i % 2 ? byte >> 4 : byte & 15) - 8;
}

static void int4_strip(const struct packed_strip *s)
{
	size_t kp = packing_k(&microkernel_int4_c, s->k);

	for (size_t r = 0; r < s->n_rows; r++) {
		const struct prepared_row *row = row_at(s, r);
		const int8_t *x = (const int8_t *)row + PREPARED_HEADER;

		for (size_t j = 0; j < s->n; j++) {
			const unsigned char *panel =
				(const unsigned char *)s->panels + j / PANEL * s->panel_stride;
			const uint16_t *factors = (const void *)(panel + kp * PANEL / 2);
			float f = 0.0f;

			for (size_t g = 0; g < kp / GROUP; g++) {
				int32_t sum = 0;
				/* The row is padded with zeros to a multiple of 64. */
				for (size_t i = g * GROUP; i < (g + 1) * GROUP; i++)
					sum += x[i] * int4_code(panel, i, j % PANEL);
				f += (float)sum * half_widen_f16(factors[g * PANEL + j % PANEL]);
			}
			s->y[r * s->y_stride + j] = f * row->scale * s->column_scale[j];
		}
	}
}

const struct microkernel microkernel_int8_c = {
	.name = "c",
	.type = WEIGHT_INT8,
	.interleave = 1,
	.row_bytes = row_bytes,
	.prepare = prepare,
	.strip = int8_strip,
};

const struct microkernel microkernel_int4_c = {
	.name = "c",
	.type = WEIGHT_INT4,
	.interleave = 1,
	.row_bytes = row_bytes,
	.prepare = prepare,
	.strip = int4_strip,
};
