#include "core/acoustic/workspace.h"

#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"

#include <errno.h>
#include <string.h>

enum { LINE_FLOATS = 16, ALIAS_FLOATS = 256 };

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t workspace_stride(size_t n)
{
	size_t stride = (n + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;

	return stride % ALIAS_FLOATS == 0 ? stride + LINE_FLOATS : stride;
}

/* Rows that layer i makes of a block of CONV_BLOCK_FRAMES, over all streams:
 * each may round its share up, and begins with what its tail completes. */
static size_t conv_block_rows(const struct model_config *config, size_t layer, size_t max_streams)
{
	size_t rows = CONV_BLOCK_FRAMES * config->hop;

	for (size_t i = 0; i <= layer; i++)
		rows = (rows + max_streams * config->conv_kernel[i]) / config->conv_stride[i] +
		       max_streams;
	return rows;
}

/* Floats of the largest [tail | new] input and of the largest output. */
static size_t conv_block_floats(const struct model_config *config, size_t max_streams)
{
	size_t floats = CONV_BLOCK_FRAMES * config->hop + max_streams * config->conv_kernel[0];

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		size_t next = i + 1 < config->n_conv_layers ? config->conv_kernel[i + 1] : 0;
		size_t rows = conv_block_rows(config, i, max_streams) + max_streams * next;
		floats = max_size(floats, rows * config->conv_dim[i]);
	}
	return floats;
}

/* Scratch for the most demanding product. */
static size_t scratch_bytes(const struct acoustic_model *model, size_t max_streams, size_t block)
{
	const struct model_config *config = &model->config;
	size_t inner = max_size(config->hidden_size, config->intermediate_size);
	size_t last_dim = config->conv_dim[config->n_conv_layers - 1];
	size_t bytes = products_scratch_bytes(model->kernels, model->pool, block,
					      max_size(inner, last_dim));

	bytes = max_size(bytes, products_scratch_bytes(model->kernels, model->pool, block,
						       config->pos_kernel * model->pos.width));
	for (size_t i = 0; i < config->n_conv_layers; i++)
		bytes = max_size(bytes,
				 products_scratch_bytes(model->kernels, model->pool,
							conv_block_rows(config, i, max_streams),
							model->conv[i].kernel * model->conv[i].in));
	return bytes;
}

static void layout(struct workspace *workspace, const struct workspace_params *params)
{
	const struct acoustic_model *model = workspace->model;
	const struct model_config *config = &model->config;
	struct arena *arena = &workspace->arena;
	size_t rows = params->max_rows;
	size_t block = min_size(rows, BLOCK_ROWS);
	size_t last_dim = config->conv_dim[config->n_conv_layers - 1];
	/* Keys are read in whole panels. */
	size_t keys = (params->max_keys + PANEL - 1) / PANEL * PANEL;

	workspace->conv_floats = conv_block_floats(config, params->max_streams);
	workspace->conv_input = arena_alloc_array(arena, workspace->conv_floats, sizeof(float));
	workspace->conv_output = arena_alloc_array(arena, workspace->conv_floats, sizeof(float));
	workspace->measure_tails = arena_alloc_array(
		arena, params->max_streams * (config->conv_kernel[0] - 1), sizeof(float));
	workspace->features_stride = workspace_stride(last_dim);
	workspace->features =
		arena_alloc_array(arena, rows * workspace->features_stride, sizeof(float));

	workspace->stride = workspace_stride(config->hidden_size);
	size_t inner = max_size(config->intermediate_size, config->adapter_attn_dim);
	workspace->inner_stride = workspace_stride(max_size(inner, last_dim));
	workspace->hidden = arena_alloc_array(arena, rows * workspace->stride, sizeof(float));
	workspace->queries = arena_alloc_array(arena, rows * workspace->stride, sizeof(float));
	workspace->normed = arena_alloc_array(arena, block * workspace->stride, sizeof(float));
	workspace->keys = arena_alloc_array(arena, block * workspace->stride, sizeof(float));
	workspace->values = arena_alloc_array(arena, block * workspace->stride, sizeof(float));
	workspace->inner = arena_alloc_array(arena, block * workspace->inner_stride, sizeof(float));
	workspace->gathered = arena_alloc_array(
		arena,
		(block + params->max_streams * (config->pos_kernel - 1)) * config->hidden_size,
		sizeof(float));
	workspace->pos_segments = arena_alloc_array(arena, config->pos_groups * params->max_streams,
						    sizeof(struct rows));
	workspace->pos_products =
		arena_alloc_array(arena, config->pos_groups, sizeof(struct product));
	workspace->scores = arena_alloc_array(
		arena, (size_t)pool_threads(model->pool) * QUERY_BLOCK * keys, sizeof(float));
	if (params->attentions)
		workspace->attentions =
			arena_alloc_array(arena, config->n_heads * rows * rows, sizeof(float));
	workspace->scratch_bytes = scratch_bytes(model, params->max_streams, block);
	workspace->scratch = arena_alloc(arena, workspace->scratch_bytes);
}

int workspace_init(struct workspace *workspace, const struct acoustic_model *model,
		   const struct workspace_params *params)
{
	*workspace = (struct workspace){
		.model = model,
		.max_rows = params->max_rows,
		.max_keys = (params->max_keys + PANEL - 1) / PANEL * PANEL,
		.max_streams = params->max_streams,
	};
	layout(workspace, params);
	int ret = arena_init(&workspace->arena, workspace->arena.used);
	if (ret < 0)
		return ret;
	layout(workspace, params);
	return 0;
}

void workspace_finish(struct workspace *workspace)
{
	arena_finish(&workspace->arena);
}

void workspace_products(struct workspace *workspace, const struct product *products, size_t n)
{
	const struct acoustic_model *model = workspace->model;

	products_run(model->kernels, model->pool, products, n, workspace->scratch,
		     workspace->scratch_bytes);
}

void workspace_dense(struct workspace *workspace, const struct dense *dense)
{
	struct rows rows = {.x = dense->x, .stride = dense->x_stride, .count = dense->rows};

	workspace_products(workspace,
			   &(struct product){
				   .w = dense->linear->w,
				   .segments = &rows,
				   .n_segments = 1,
				   .y = dense->y,
				   .y_stride = dense->y_stride,
				   .bias = dense->linear->bias,
				   .act = dense->act,
				   .residual = dense->residual,
				   .residual_stride = dense->residual_stride,
			   },
			   1);
}

enum { NORM_ROWS = 8 };

struct norm_job {
	const struct kernels *kernels;
	const struct norm *norm;
	const float *x;
	float *y;
	size_t x_stride, y_stride, rows, n;
};

static void norm_task(void *ctx, size_t task, unsigned worker)
{
	const struct norm_job *job = ctx;
	size_t first = task * NORM_ROWS;
	size_t last = min_size(first + NORM_ROWS, job->rows);

	(void)worker;
	for (size_t r = first; r < last; r++)
		job->kernels->layer_norm(job->x + r * job->x_stride, job->n, job->norm->gamma,
					 job->norm->beta, job->norm->eps,
					 job->y + r * job->y_stride);
}

void workspace_norm(struct workspace *workspace, const struct norm *norm, const float *x,
		    size_t x_stride, size_t rows, size_t n, float *y, size_t y_stride)
{
	struct norm_job job = {
		.kernels = workspace->model->kernels,
		.norm = norm,
		.x = x,
		.y = y,
		.x_stride = x_stride,
		.y_stride = y_stride,
		.rows = rows,
		.n = n,
	};

	pool_run(workspace->model->pool, (rows + NORM_ROWS - 1) / NORM_ROWS, norm_task, &job);
}
