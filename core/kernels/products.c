/*
 * Running products. A task is one strip of 32 columns for one group of rows;
 * tasks that follow each other read neighbouring strips, so each asks for the
 * next one's weights while it computes.
 *
 * Floats: K is cut into blocks so that a strip's block (128 KB) stays in the
 * second level cache while all rows of the group pass by. The cuts depend on K
 * alone: the order of a sum, and so its bits, never depends on who else is
 * there. Codes: a strip's whole K is no larger than that, and there are no cuts.
 *
 * Rows of floats are read in place, overlapping or not. Only where several
 * streams bring a few rows each are they gathered first, a bounded number at a
 * time: the tile wants eight rows at a constant distance. Where the microkernel
 * wants rows in another form they are made the same way.
 *
 * Without vector kernels OpenBLAS computes a task of f32 instead.
 */
#include "core/kernels/blas.h"
#include "core/kernels/kernels.h"
#include "core/kernels/matrix_private.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

enum {
	K_BLOCK = 1024,      /* 128 KB a strip of floats */
	BLOCK_ROWS = 8,      /* about what the kernels take at once */
	GROUP_ROWS = 128,    /* rows a task, at most */
	GROUP_MIN_ROWS = 16, /* below, cutting rows costs more than it shares out */
	MADE_ROWS = 512,     /* rows of one input in scratch, at most */
	BATCH = 64,          /* products a run of the pool, at most */
	BLAS_COLUMNS = 128,  /* a strip, for OpenBLAS: it packs the rows again for each */
	TASKS_A_THREAD = 4,  /* fewer would leave a thread idle at the end */
	LINE_BYTES = 64,
	MAKE_FLOATS = 8192, /* a task of making rows: some microseconds */
};

enum input_mode {
	IN_PLACE,
	GATHERED, /* floats, copied */
	PREPARED, /* by the microkernel */
};

/* Rows [first_row, first_row + rows) of a product's input, gathered or prepared
 * in scratch. Making them is `tasks` tasks. */
struct made {
	const struct product *product;
	size_t first_row, rows;
	unsigned char *out;
	size_t stride; /* bytes */
	size_t first_task, rows_a_task;
};

/* A product inside one run of the pool. */
struct job {
	const struct product *product;
	const struct made *made; /* NULL: read in place */
	size_t strip_columns;
	size_t strips;
	size_t group_rows;
	size_t first_task;
};

struct run {
	const struct kernels *kernels;
	float *blas_sums; /* [threads][GROUP_ROWS * BLAS_COLUMNS] in scratch */
	unsigned char *scratch;
	size_t scratch_bytes; /* of what is left of it */
	size_t n_made;
	struct made made[BATCH];
	size_t n_jobs;
	struct job jobs[BATCH];
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t ceil_div(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

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
static bool wants_gather(const struct product *product)
{
	size_t k = product->w->k, rows = 0, overlapping = 0, blocks = 0;

	for (size_t i = 0; i < product->n_segments; i++) {
		const struct rows *s = &product->segments[i];
		/* OpenBLAS refuses rows that overlap. */
		if (product->w->row_major && s->stride < k && s->count > 1)
			return true;
		rows += s->count;
		blocks += ceil_div(s->count, BLOCK_ROWS);
		if (s->stride * 2 <= k)
			overlapping += s->count;
	}
	return ceil_div(rows, BLOCK_ROWS) * 5 < blocks * 4 && overlapping * 2 < rows;
}

static enum input_mode input_mode(const struct product *product)
{
	const struct microkernel *micro = product->w->micro;

	if (micro != NULL && micro->prepare != NULL)
		return PREPARED;
	return wants_gather(product) ? GATHERED : IN_PLACE;
}

/* A multiple of the line, but of two lines never: 8 rows, 8 different sets. */
static size_t odd_lines(size_t bytes)
{
	return (ceil_div(bytes, LINE_BYTES) | 1) * LINE_BYTES;
}

static size_t made_stride(const struct matrix *w)
{
	return odd_lines(w->micro && w->micro->prepare ? w->micro->row_bytes(w->k)
						       : w->k * sizeof(float));
}

/* ---- making rows ---- */

static void make_rows(void *ctx, size_t task, unsigned worker)
{
	const struct run *run = ctx;
	const struct made *made = run->made + run->n_made - 1;

	(void)worker;
	while (made->first_task > task)
		made--;
	const struct matrix *w = made->product->w;
	size_t first = (task - made->first_task) * made->rows_a_task;
	size_t end = min_size(first + made->rows_a_task, made->rows);
	const struct rows *segment = made->product->segments;
	size_t row = made->first_row + first;

	for (; first < end; first++, row++) {
		for (; row >= segment->count; segment++)
			row -= segment->count;
		const float *x = segment->x + row * segment->stride;
		unsigned char *out = made->out + first * made->stride;
		if (w->micro && w->micro->prepare)
			w->micro->prepare(x, w->k, out);
		else
			memcpy(out, x, w->k * sizeof(float));
	}
}

static void make_all(struct run *run, struct pool *pool)
{
	size_t tasks = 0;

	for (size_t i = 0; i < run->n_made; i++) {
		struct made *made = &run->made[i];
		made->rows_a_task = MAKE_FLOATS / (made->product->w->k + 1) + 1;
		made->first_task = tasks;
		tasks += ceil_div(made->rows, made->rows_a_task);
	}
	pool_run(pool, tasks, make_rows, run);
}

/* ---- multiplying ---- */

/* sums = the strip's columns of x * w for rows of floats, K block by K block. */
static void sum_floats(const struct kernels *kernels, const struct matrix *w, size_t column,
		       size_t n, const float *x, size_t x_stride, size_t rows, float *sums)
{
	size_t line = w->panel_bytes / (w->k > 0 ? w->k : 1), i = 0; /* bytes of one k */
	const unsigned char *panels = w->panels + column / PANEL * w->panel_bytes;
	/* The next strip is asked for only where it has both panels. */
	bool more = w->n - column > STRIP_COLUMNS + PANEL;

	if (w->micro)
		line = PANEL * sizeof(uint16_t);
	do {
		size_t k = min_size(w->k - i, K_BLOCK);
		const unsigned char *ahead = NULL;

		if (i + k + k <= w->k)
			ahead = panels + (i + k) * line;
		else if (more && i + k == w->k)
			ahead = panels + 2 * w->panel_bytes;
		if (w->micro)
			w->micro->strip(&(struct packed_strip){
				.rows = x + i,
				.row_stride = x_stride * sizeof(float),
				.n_rows = rows,
				.panels = panels + i * line,
				.panel_stride = w->panel_bytes,
				.k = k,
				.y = sums,
				.y_stride = STRIP_COLUMNS,
				.n = n,
				.accumulate = i > 0,
				.ahead = ahead,
			});
		else
			kernels->strip(&(struct strip){
				.a = x + i,
				.a_stride = x_stride,
				.rows = rows,
				.panels = (const float *)(const void *)(panels + i * line),
				.panel_stride = w->panel_bytes / sizeof(float),
				.k = k,
				.y = sums,
				.y_stride = STRIP_COLUMNS,
				.n = n,
				.accumulate = i > 0,
				.ahead = (const float *)(const void *)ahead,
			});
		i += k;
	} while (i < w->k);
}

static void sum_prepared(const struct matrix *w, size_t column, size_t n, const struct made *made,
			 size_t row, size_t rows, float *sums)
{
	const unsigned char *panels = w->panels + column / PANEL * w->panel_bytes;
	bool more = w->n - column > STRIP_COLUMNS + PANEL;

	w->micro->strip(&(struct packed_strip){
		.rows = made->out + row * made->stride,
		.row_stride = made->stride,
		.n_rows = rows,
		.panels = panels,
		.panel_stride = w->panel_bytes,
		.k = w->k,
		.column_scale = w->scales ? w->scales + column : NULL,
		.y = sums,
		.y_stride = STRIP_COLUMNS,
		.n = n,
		.ahead = more ? panels + 2 * w->panel_bytes : NULL,
	});
}

/* Some rows of a job: in y they are the rows from `row` on. */
struct row_group {
	size_t row, count;
	const float *x; /* where they are floats */
	size_t x_stride;
	size_t made_row; /* of job->made */
};

/* One strip of a product for at most GROUP_ROWS rows. */
static void run_strip(const struct run *run, const struct job *job, size_t strip,
		      const struct row_group *group, unsigned worker)
{
	/* Between the blocks of K the sums stay here: rows of y are often a page
	 * apart, and y may be the residual that is still to be read. */
	alignas(64) float strip_sums[GROUP_ROWS * STRIP_COLUMNS];
	float *sums = strip_sums;
	const struct product *product = job->product;
	const struct matrix *w = product->w;
	size_t column = strip * job->strip_columns, n = min_size(w->n - column, job->strip_columns);

	if (w->row_major) {
		sums = run->blas_sums + (size_t)worker * GROUP_ROWS * BLAS_COLUMNS;
		blas_product(group->x, group->x_stride, group->count, w->row_major + column * w->k,
			     n, w->k, sums, BLAS_COLUMNS);
	} else if (group->x == NULL) {
		sum_prepared(w, column, n, job->made, group->made_row, group->count, sums);
	} else {
		sum_floats(run->kernels, w, column, n, group->x, group->x_stride, group->count,
			   sums);
	}
	size_t row = group->row;
	run->kernels->finish(&(struct finish){
		.sums = sums,
		.sums_stride = job->strip_columns,
		.rows = group->count,
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
	size_t strip = task % job->strips, first = task / job->strips * job->group_rows;

	if (job->made) {
		const struct made *made = job->made;
		struct row_group group = {
			.row = made->first_row + first,
			.count = min_size(made->rows - first, job->group_rows),
			.made_row = first,
		};
		if (!job->product->w->micro || !job->product->w->micro->prepare) {
			group.x = (const float *)(const void *)(made->out + first * made->stride);
			group.x_stride = made->stride / sizeof(float);
		}
		run_strip(run, job, strip, &group, worker);
		return;
	}
	/* In place: the same group of every segment, one after the other. */
	size_t row = 0;
	for (size_t i = 0; i < job->product->n_segments; i++) {
		const struct rows *segment = &job->product->segments[i];

		if (first < segment->count)
			run_strip(
				run, job, strip,
				&(struct row_group){
					.row = row + first,
					.count = min_size(segment->count - first, job->group_rows),
					.x = segment->x + first * segment->stride,
					.x_stride = segment->stride,
				},
				worker);
		row += segment->count;
	}
}

/* Rows that the groups of a job are cut from. */
static size_t longest(const struct job *job)
{
	size_t rows = 0;

	if (job->made)
		return job->made->rows;
	for (size_t i = 0; i < job->product->n_segments; i++) {
		if (job->product->segments[i].count > rows)
			rows = job->product->segments[i].count;
	}
	return rows;
}

/* Cuts the jobs into tasks and runs them. */
static void run_jobs(struct run *run, struct pool *pool)
{
	size_t wanted = TASKS_A_THREAD * pool_threads(pool), group_rows = GROUP_ROWS, tasks;

	if (pool_threads(pool) == 1)
		wanted = 1;
	for (;;) {
		tasks = 0;
		for (size_t i = 0; i < run->n_jobs; i++) {
			struct job *job = &run->jobs[i];
			size_t rows = longest(job), groups = ceil_div(rows, group_rows);
			/* Groups of nearly equal height, in whole blocks. */
			size_t height = groups > 0 ? ceil_div(rows, groups) : 1;

			job->strip_columns =
				job->product->w->row_major ? BLAS_COLUMNS : STRIP_COLUMNS;
			job->strips = ceil_div(job->product->w->n, job->strip_columns);
			job->group_rows = ceil_div(height, BLOCK_ROWS) * BLOCK_ROWS;
			job->first_task = tasks;
			tasks += job->strips * groups;
		}
		if (tasks >= wanted || group_rows <= GROUP_MIN_ROWS)
			break;
		group_rows /= 2;
	}
	pool_run(pool, tasks, run_task, run);
}

/* Leading products that are read in place, as one run. Returns their number. */
static size_t run_in_place(struct run *run, struct pool *pool, const struct product *products,
			   size_t n_products)
{
	size_t n = 0;

	while (n < n_products && n < BATCH && input_mode(&products[n]) == IN_PLACE) {
		run->jobs[n] = (struct job){.product = &products[n]};
		n++;
	}
	run->n_jobs = n;
	run_jobs(run, pool);
	return n;
}

/* Leading products of one mode whose inputs are made first, all in one run if
 * they fit the scratch. One input that does not fit by itself is made a part at
 * a time. Returns the number of products. */
static size_t run_made(struct run *run, struct pool *pool, const struct product *products,
		       size_t n_products, enum input_mode mode)
{
	size_t used = 0, n = 0, all_rows = 0, rows_at_once = 0;

	run->n_made = 0;
	for (; n < n_products && n < BATCH && input_mode(&products[n]) == mode; n++) {
		const struct product *product = &products[n];
		bool known = n > 0 && product->w->micro == products[n - 1].w->micro &&
			     same_input(product, &products[n - 1]);

		if (!known) {
			size_t stride = made_stride(product->w), rows = product_rows(product);
			size_t fit = min_size((run->scratch_bytes - used) / stride, MADE_ROWS);
			if (n > 0 && (rows > fit || all_rows > rows_at_once))
				break;
			run->made[run->n_made++] = (struct made){
				.product = product,
				.rows = min_size(rows, fit),
				.out = run->scratch + used,
				.stride = stride,
			};
			if (n == 0) {
				all_rows = rows;
				rows_at_once = fit;
			}
			used += min_size(rows, fit) * stride;
		}
		run->jobs[n] = (struct job){
			.product = product,
			.made = &run->made[run->n_made - 1],
		};
	}
	run->n_jobs = n;
	assert(rows_at_once > 0 || all_rows == 0);
	for (size_t first = 0; first < all_rows || first == 0; first += rows_at_once) {
		/* Only a single input can have more rows than are made at once. */
		if (run->n_made == 1) {
			run->made[0].first_row = first;
			run->made[0].rows = min_size(all_rows - first, rows_at_once);
		}
		make_all(run, pool);
		run_jobs(run, pool);
		if (rows_at_once == 0)
			break;
	}
	return n;
}

/* ---- the door ---- */

static size_t blas_sums_bytes(const struct pool *pool)
{
	return pool_threads(pool) * (size_t)GROUP_ROWS * BLAS_COLUMNS * sizeof(float);
}

static bool uses_blas(const struct kernels *kernels)
{
	return kernels->prefers_blas && blas_usable();
}

size_t products_scratch_bytes(const struct kernels *kernels, const struct pool *pool,
			      size_t max_rows, size_t max_k)
{
	size_t row = odd_lines(max_k * sizeof(float));

	for (int i = 0; i < WEIGHT_TYPES; i++) {
		const struct microkernel *micro = kernels->micro[i];
		if (micro && micro->prepare && odd_lines(micro->row_bytes(max_k)) > row)
			row = odd_lines(micro->row_bytes(max_k));
	}
	return min_size(max_rows, MADE_ROWS) * row +
	       (uses_blas(kernels) ? blas_sums_bytes(pool) : 0);
}

void products_run(const struct kernels *kernels, struct pool *pool, const struct product *products,
		  size_t n_products, void *scratch, size_t scratch_bytes)
{
	struct run run;

	run.kernels = kernels;
	run.blas_sums = scratch;
	run.scratch = scratch;
	run.scratch_bytes = scratch_bytes;
	if (uses_blas(kernels)) {
		run.scratch += blas_sums_bytes(pool);
		run.scratch_bytes -= blas_sums_bytes(pool);
	}
	while (n_products > 0) {
		enum input_mode mode = input_mode(products);
		size_t n = mode == IN_PLACE ? run_in_place(&run, pool, products, n_products)
					    : run_made(&run, pool, products, n_products, mode);

		products += n;
		n_products -= n;
	}
}
