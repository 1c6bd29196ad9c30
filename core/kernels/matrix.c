/*
 * Weights are packed once into panels of 16 columns, which the strip kernels
 * read front to back: [K][16] floats, or what the microkernel of the type wants
 * (microkernel.h). Without vector kernels OpenBLAS multiplies f32: it reads the
 * weights as they are in the file, [N, K], so nothing is packed.
 */
#include "core/kernels/blas.h"
#include "core/kernels/kernels.h"
#include "core/kernels/matrix_private.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/packing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PAD = 16 }; /* floats that keep sixteen rows off each other's lines */

static size_t ceil_div(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

struct float_job {
	const struct matrix_source *source;
	float *panels, *rows; /* rows: [workers][16][stride] */
	size_t stride;
};

/* Sixteen rows are read into a buffer and written out as one panel front to
 * back: scattering each row over the panel would touch every line 16 times. */
static void pack_panel(void *ctx, size_t task, unsigned worker)
{
	const struct float_job *job = ctx;
	const struct matrix_source *source = job->source;
	size_t k = source->k, stride = job->stride, first = task * PANEL;
	float *rows = job->rows + worker * PANEL * stride, *panel = job->panels + first * k;

	for (size_t c = 0; c < PANEL; c++) {
		if (first + c < source->n)
			source->read_row(source->ctx, first + c, rows + c * stride);
		else
			memset(rows + c * stride, 0, k * sizeof(float));
	}
	for (size_t i = 0; i < k; i++) {
		for (size_t c = 0; c < PANEL; c++)
			panel[i * PANEL + c] = rows[c * stride + i];
	}
}

static int pack_floats(float *panels, const struct matrix_source *source)
{
	size_t stride = source->k + PAD;
	struct float_job job = {
		.source = source,
		.panels = panels,
		.rows = malloc(packing_workers(source) * PANEL * stride * sizeof(float)),
		.stride = stride,
	};

	if (job.rows == NULL)
		return -ENOMEM;
	packing_run(source, ceil_div(source->n, PANEL), pack_panel, &job);
	free(job.rows);
	return 0;
}

static int pack_f32(struct arena *arena, struct matrix *matrix, const struct matrix_source *source)
{
	size_t panels = ceil_div(source->n, PANEL);
	float *weights = arena_alloc_array(arena, panels * PANEL * sizeof(float), source->k);

	if (arena->base == NULL)
		return 0;
	if (weights == NULL)
		return -ENOMEM;
	matrix->panels = (const unsigned char *)weights;
	matrix->panel_bytes = source->k * PANEL * sizeof(float);
	return pack_floats(weights, source);
}

/* For OpenBLAS: as in the file. */
static int keep_rows(struct arena *arena, struct matrix *matrix, const struct matrix_source *source)
{
	float *weights;

	if (source->mapped != NULL) {
		if (arena->base != NULL)
			matrix->row_major = source->mapped;
		return 0;
	}
	weights = arena_alloc_array(arena, source->n * sizeof(float), source->k);
	if (arena->base == NULL)
		return 0;
	if (weights == NULL)
		return -ENOMEM;
	for (size_t n = 0; n < source->n; n++)
		source->read_row(source->ctx, n, weights + n * source->k);
	matrix->row_major = weights;
	return 0;
}

static int pack_micro(struct arena *arena, struct matrix *matrix, const struct microkernel *micro,
		      const struct matrix_source *source)
{
	size_t n_panels = ceil_div(source->n, PANEL);
	size_t panel_bytes = packing_panel_bytes(micro, source->k);
	bool codes = micro->type == WEIGHT_INT8 || micro->type == WEIGHT_INT4;
	unsigned char *panels = arena_alloc_array(arena, n_panels, panel_bytes);
	float *scales = NULL;

	if (codes)
		scales = arena_alloc_array(arena, n_panels * PANEL, sizeof(*scales));
	if (arena->base == NULL)
		return 0;
	if (panels == NULL || (codes && scales == NULL))
		return -ENOMEM;
	matrix->micro = micro;
	matrix->panels = panels;
	matrix->panel_bytes = panel_bytes;
	matrix->scales = scales;
	return packing_pack(micro, source, panels, scales);
}

int matrix_pack(struct arena *arena, const struct kernels *kernels,
		const struct matrix_source *source, enum weight_type type,
		const struct matrix **out)
{
	struct matrix *matrix = arena_alloc(arena, sizeof(*matrix)), none;
	bool measuring = arena->base == NULL;
	int error;

	*out = NULL;
	if (matrix == NULL && !measuring)
		return -ENOMEM;
	if (measuring)
		matrix = &none;
	*matrix = (struct matrix){.n = source->n, .k = source->k, .type = type};
	if (type != WEIGHT_F32)
		error = pack_micro(arena, matrix, kernels->micro[type], source);
	else if (kernels->prefers_blas && blas_usable())
		error = keep_rows(arena, matrix, source);
	else
		error = pack_f32(arena, matrix, source);
	if (error == 0 && !measuring)
		*out = matrix;
	return error;
}

size_t matrix_rows(const struct matrix *matrix)
{
	return matrix->n;
}

size_t matrix_columns(const struct matrix *matrix)
{
	return matrix->k;
}

enum weight_type matrix_type(const struct matrix *matrix)
{
	return matrix->type;
}
