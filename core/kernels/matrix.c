/*
 * Weights are packed once into panels of 16 columns, [K][16] each, which the
 * strip kernel (kernels.h) reads front to back. A task is one strip of 32
 * columns for one group of rows; tasks that follow each other read neighbouring
 * strips, so each asks for the next one's weights while it computes.
 *
 * K is cut into blocks so that a strip's block (128 KB) stays in the second
 * level cache while all rows of the group pass by. The cuts depend on K alone:
 * the order of a sum, and so its bits, never depends on who else is there.
 *
 * Rows are read in place, overlapping or not. Only where several streams bring
 * a few rows each are they gathered first, a bounded number at a time: the tile
 * wants eight rows at a constant distance.
 *
 * Without vector kernels OpenBLAS computes a task instead. It reads the
 * weights as they are in the file, [N, K], so nothing is packed.
 */
#include "core/kernels/matrix.h"

#include "core/kernels/blas.h"
#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
	K_BLOCK = 1024,      /* 128 KB a strip */
	BLOCK_ROWS = 8,      /* about what the kernels take at once */
	GROUP_ROWS = 128,    /* rows a task, at most */
	GROUP_MIN_ROWS = 16, /* below, cutting rows costs more than it shares out */
	GATHER_ROWS = 512,   /* rows in scratch, at most */
	GATHER_PAD = 16,     /* floats that keep gathered rows off each other's lines */
	BATCH = 64,          /* products a run of the pool, at most */
	BLAS_COLUMNS = 128,  /* a strip, for OpenBLAS: it packs the rows again for each */
	TASKS_A_THREAD = 4,  /* fewer would leave a thread idle at the end */
};

struct matrix {
	size_t n, k;
	const float *panels;    /* [ceil(N / 16)][K][16], in the arena; NULL with OpenBLAS */
	const float *row_major; /* [N, K], borrowed or in the arena; NULL without OpenBLAS */
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t ceil_div(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

static bool uses_blas(const struct kernels *kernels)
{
	return kernels->prefers_blas && blas_usable();
}

/* Sixteen rows are read into a buffer and written out as one panel front to
 * back: scattering each row over the panel would touch every line 16 times. */
static int pack_panels(float *panels, const struct matrix_source *source)
{
	size_t k = source->k, stride = k + GATHER_PAD;
	float *rows = malloc(PANEL * stride * sizeof(float));

	if (rows == NULL)
		return -ENOMEM;
	for (size_t first = 0; first < source->n; first += PANEL, panels += k * PANEL) {
		for (size_t c = 0; c < PANEL; c++) {
			if (first + c < source->n)
				source->read_row(source->ctx, first + c, rows + c * stride);
			else
				memset(rows + c * stride, 0, k * sizeof(float));
		}
		for (size_t i = 0; i < k; i++) {
			for (size_t c = 0; c < PANEL; c++)
				panels[i * PANEL + c] = rows[c * stride + i];
		}
	}
	free(rows);
	return 0;
}

int matrix_pack(struct arena *arena, const struct kernels *kernels,
		const struct matrix_source *source, const struct matrix **out)
{
	bool blas = uses_blas(kernels), borrow = blas && source->mapped != NULL;
	size_t rows = blas ? source->n : ceil_div(source->n, PANEL) * PANEL;
	float *weights = NULL;

	*out = NULL;
	struct matrix *matrix = arena_alloc(arena, sizeof(*matrix));
	if (!borrow)
		weights = arena_alloc_array(arena, rows * sizeof(float), source->k);
	if (arena->base == NULL)
		return 0;
	if (matrix == NULL || (!borrow && weights == NULL))
		return -ENOMEM;

	*matrix = (struct matrix){.n = source->n, .k = source->k};
	if (borrow) {
		matrix->row_major = source->mapped;
	} else if (blas) {
		for (size_t n = 0; n < source->n; n++)
			source->read_row(source->ctx, n, weights + n * source->k);
		matrix->row_major = weights;
	} else {
		int result = pack_panels(weights, source);
		if (result < 0)
			return result;
		matrix->panels = weights;
	}
	*out = matrix;
	return 0;
}

size_t matrix_rows(const struct matrix *matrix)
{
	return matrix->n;
}

size_t matrix_columns(const struct matrix *matrix)
{
	return matrix->k;
}

/* A product inside one run of the pool. */
struct job {
	const struct product *product;
	size_t strips;
	size_t group_rows;
	size_t first_task;
};

/* One run of the pool: jobs over the rows [first_row, first_row + rows) of a
 * gathered input, or over all rows of inputs that are read in place. */
struct run {
	const struct kernels *kernels;
	bool blas;
	size_t strip_columns;
	float *blas_sums;      /* [threads][GROUP_ROWS * BLAS_COLUMNS] in scratch */
	const float *gathered; /* NULL: read in place */
	size_t gathered_stride;
	size_t first_row, rows;
	size_t n_jobs;
	struct job jobs[BATCH];
};

/* Gathering is a task a row. */
struct gather {
	const struct product *product;
	size_t first_row;
	float *out;
	size_t stride;
};

static size_t product_rows(const struct product *product)
{
	size_t rows = 0;

	for (size_t i = 0; i < product->n_segments; i++)
		rows += product->segments[i].count;
	return rows;
}

static bool same_input(const struct product *a, const struct product *b)
{
	if (a->w->k != b->w->k || a->n_segments != b->n_segments)
		return false;
	if (a->segments == b->segments)
		return true;
	for (size_t i = 0; i < a->n_segments; i++) {
		const struct rows *s = &a->segments[i], *t = &b->segments[i];
		if (s->x != t->x || s->stride != t->stride || s->count != t->count)
			return false;
	}
	return true;
}

/* Whether to gather is a matter of speed only: the sums are the same. It pays
 * where it saves a fifth of the blocks of rows, unless rows overlap so much that
 * the copy would be far larger than the original. */
static bool wants_gather(const struct product *product, bool blas)
{
	size_t k = product->w->k, rows = 0, overlapping = 0, blocks = 0;

	for (size_t i = 0; i < product->n_segments; i++) {
		const struct rows *s = &product->segments[i];
		/* OpenBLAS refuses rows that overlap. */
		if (blas && s->stride < k && s->count > 1)
			return true;
		rows += s->count;
		blocks += ceil_div(s->count, BLOCK_ROWS);
		if (s->stride * 2 <= k)
			overlapping += s->count;
	}
	return ceil_div(rows, BLOCK_ROWS) * 5 < blocks * 4 && overlapping * 2 < rows;
}

static void gather_row(void *ctx, size_t task, unsigned worker)
{
	const struct gather *gather = ctx;
	const struct rows *segment = gather->product->segments;
	size_t row = gather->first_row + task;

	(void)worker;
	for (; row >= segment->count; segment++)
		row -= segment->count;
	memcpy(gather->out + task * gather->stride, segment->x + row * segment->stride,
	       gather->product->w->k * sizeof(float));
}

/* sums = the strip's columns of x * w, K block by K block. */
static void sum_strip(const struct kernels *kernels, const struct matrix *w, size_t column,
		      size_t n, const float *x, size_t x_stride, size_t rows, float *sums)
{
	const float *panels = w->panels + column * w->k;
	size_t panel_stride = w->k * PANEL, i = 0;
	/* The next strip is asked for only where it has both panels. */
	bool more = w->n - column > STRIP_COLUMNS + PANEL;

	do {
		size_t k = min_size(w->k - i, K_BLOCK);
		const float *ahead = NULL;

		if (i + k + k <= w->k)
			ahead = panels + (i + k) * PANEL;
		else if (more && i + k == w->k)
			ahead = panels + 2 * panel_stride;
		kernels->strip(&(struct strip){
			.a = x + i,
			.a_stride = x_stride,
			.rows = rows,
			.panels = panels + i * PANEL,
			.panel_stride = panel_stride,
			.k = k,
			.y = sums,
			.y_stride = STRIP_COLUMNS,
			.n = n,
			.accumulate = i > 0,
			.ahead = ahead,
		});
		i += k;
	} while (i < w->k);
}

/* One strip of a product, for `rows` <= GROUP_ROWS rows at x; in y they are
 * the rows from `row` on. */
static void run_strip(const struct run *run, const struct job *job, size_t strip, size_t row,
		      const float *x, size_t x_stride, size_t rows, unsigned worker)
{
	/* Between the blocks of K the sums stay here: rows of y are often a page
	 * apart, and y may be the residual that is still to be read. */
	alignas(64) float strip_sums[GROUP_ROWS * STRIP_COLUMNS];
	float *sums = strip_sums;
	const struct product *product = job->product;
	const struct matrix *w = product->w;
	size_t column = strip * run->strip_columns, n = min_size(w->n - column, run->strip_columns);

	if (run->blas) {
		sums = run->blas_sums + (size_t)worker * GROUP_ROWS * BLAS_COLUMNS;
		blas_product(x, x_stride, rows, w->row_major + column * w->k, n, w->k, sums,
			     BLAS_COLUMNS);
	} else {
		sum_strip(run->kernels, w, column, n, x, x_stride, rows, sums);
	}
	run->kernels->finish(&(struct finish){
		.sums = sums,
		.sums_stride = run->strip_columns,
		.rows = rows,
		.n = n,
		.bias = product->bias ? product->bias + column : NULL,
		.act = product->act,
		.residual = product->residual
				    ? product->residual + row * product->residual_stride + column
				    : NULL,
		.residual_stride = product->residual_stride,
		.y = product->y + row * product->y_stride + column,
		.y_stride = product->y_stride,
	});
}

static void run_task(void *ctx, size_t task, unsigned worker)
{
	const struct run *run = ctx;
	const struct job *job = run->jobs + run->n_jobs - 1;

	while (job->first_task > task)
		job--;
	task -= job->first_task;
	size_t strip = task % job->strips, group = task / job->strips;

	if (run->gathered) {
		size_t row = group * job->group_rows;
		run_strip(run, job, strip, run->first_row + row,
			  run->gathered + row * run->gathered_stride, run->gathered_stride,
			  min_size(run->rows - row, job->group_rows), worker);
		return;
	}
	/* In place: group g of every segment, one after the other. */
	size_t first = 0;
	for (size_t i = 0; i < job->product->n_segments; i++) {
		const struct rows *segment = &job->product->segments[i];
		size_t row = group * job->group_rows;

		if (row < segment->count)
			run_strip(run, job, strip, first + row, segment->x + row * segment->stride,
				  segment->stride, min_size(segment->count - row, job->group_rows),
				  worker);
		first += segment->count;
	}
}

/* Rows that the groups of a job are cut from. */
static size_t longest(const struct run *run, const struct product *product)
{
	size_t rows = 0;

	if (run->gathered)
		return run->rows;
	for (size_t i = 0; i < product->n_segments; i++) {
		if (product->segments[i].count > rows)
			rows = product->segments[i].count;
	}
	return rows;
}

static void run_products(struct run *run, struct pool *pool, const struct product *products,
			 size_t n_products)
{
	size_t wanted = TASKS_A_THREAD * pool_threads(pool), group_rows = GROUP_ROWS, tasks;

	if (pool_threads(pool) == 1)
		wanted = 1;
	for (;;) {
		tasks = 0;
		for (size_t i = 0; i < n_products; i++) {
			const struct product *product = &products[i];
			size_t strips = ceil_div(product->w->n, run->strip_columns);
			size_t rows = longest(run, product);
			size_t groups = ceil_div(rows, group_rows);
			/* Groups of nearly equal height, in whole blocks. */
			size_t height = groups > 0 ? ceil_div(rows, groups) : 1;

			height = ceil_div(height, BLOCK_ROWS) * BLOCK_ROWS;
			run->jobs[i] = (struct job){.product = product,
						    .strips = strips,
						    .group_rows = height,
						    .first_task = tasks};
			tasks += strips * groups;
		}
		if (tasks >= wanted || group_rows <= GROUP_MIN_ROWS)
			break;
		group_rows /= 2;
	}
	run->n_jobs = n_products;
	pool_run(pool, tasks, run_task, run);
}

static size_t gathered_stride(size_t k)
{
	/* A multiple of the line, but of two lines never: 8 rows, 8 different sets. */
	return (ceil_div(k, PANEL) | 1) * PANEL;
}

static void run_gathered(struct run *run, struct pool *pool, const struct product *products,
			 size_t n_products, float *out)
{
	size_t rows = product_rows(products), stride = gathered_stride(products->w->k);

	run->gathered = out;
	run->gathered_stride = stride;
	for (size_t first = 0; first < rows; first += GATHER_ROWS) {
		struct gather gather = {products, first, out, stride};

		run->first_row = first;
		run->rows = min_size(rows - first, GATHER_ROWS);
		pool_run(pool, run->rows, gather_row, &gather);
		run_products(run, pool, products, n_products);
	}
}

static size_t blas_sums_floats(const struct pool *pool)
{
	return pool_threads(pool) * (size_t)GROUP_ROWS * BLAS_COLUMNS;
}

size_t products_scratch_bytes(const struct kernels *kernels, const struct pool *pool,
			      size_t max_rows, size_t max_k)
{
	size_t floats = min_size(max_rows, GATHER_ROWS) * gathered_stride(max_k);

	if (uses_blas(kernels))
		floats += blas_sums_floats(pool);
	return floats * sizeof(float);
}

void products_run(const struct kernels *kernels, struct pool *pool, const struct product *products,
		  size_t n_products, void *scratch)
{
	struct run run = {
		.kernels = kernels, .blas = uses_blas(kernels), .strip_columns = STRIP_COLUMNS};
	float *gathered = scratch;

	if (run.blas) {
		run.strip_columns = BLAS_COLUMNS;
		run.blas_sums = scratch;
		gathered += blas_sums_floats(pool);
	}
	while (n_products > 0) {
		bool gather = wants_gather(products, run.blas);
		size_t n = 1;

		while (n < n_products && n < BATCH &&
		       wants_gather(&products[n], run.blas) == gather &&
		       (!gather || same_input(products, &products[n])))
			n++;
		if (gather) {
			run_gathered(&run, pool, products, n, gathered);
		} else {
			run.gathered = NULL;
			run_products(&run, pool, products, n);
		}
		products += n;
		n_products -= n;
	}
}
