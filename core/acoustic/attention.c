#include "core/acoustic/attention.h"

#include "core/acoustic/kv_cache.h"
#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"

#include <math.h>
#include <string.h>

static struct kv_cache *cache_of(const struct window *window, size_t layer)
{
	return window->caches + layer * window->cache_step;
}

struct store_job {
	const struct workspace *workspace;
	const struct window *windows;
	size_t n_windows, layer, first, count;
};

static void store_task(void *ctx, size_t head, unsigned worker)
{
	const struct store_job *job = ctx;
	const struct workspace *workspace = job->workspace;
	size_t end = job->first + job->count;

	(void)worker;
	for (size_t w = 0; w < job->n_windows; w++) {
		const struct window *window = &job->windows[w];
		struct kv_cache *cache = cache_of(window, job->layer);
		size_t from = window->row > job->first ? window->row : job->first;
		size_t to = window->row + window->count < end ? window->row + window->count : end;
		if (from >= to)
			continue;
		size_t offset = (from - job->first) * workspace->stride + head * cache->head_dim;
		kv_cache_store(cache, head, window->frame + from - window->row, to - from,
			       workspace->keys + offset, workspace->values + offset,
			       workspace->stride);
	}
}

void attention_store(struct workspace *workspace, size_t layer, const struct window *windows,
		     size_t n_windows, size_t first, size_t count)
{
	struct store_job job = {
		.workspace = workspace,
		.windows = windows,
		.n_windows = n_windows,
		.layer = layer,
		.first = first,
		.count = count,
	};

	pool_run(workspace->model->pool, workspace->model->config.n_heads, store_task, &job);
}

struct attend_job {
	struct workspace *workspace;
	const struct window *windows;
	size_t n_windows, layer;
};

/* Attention of queries [first, first + rows) of a window in one head. */
static void attend(struct workspace *workspace, const struct window *window, size_t layer,
		   size_t head, size_t first, size_t rows, float *scores)
{
	const struct acoustic_model *model = workspace->model;
	const struct kernels *kernels = model->kernels;
	const struct kv_cache *cache = cache_of(window, layer);
	size_t dim = cache->head_dim, end = window->frame + window->count;
	size_t visible = window->frame < window->left ? 0 : window->frame - window->left;
	struct kv_view view = kv_cache_view(cache, head, visible, end);
	size_t n = view.n_slots;
	float *queries =
		workspace->queries + (window->row + first) * workspace->stride + head * dim;
	float scale = 1.0f / sqrtf((float)dim);

	kernels->tile(queries, workspace->stride, rows, view.keys, view.key_panel_stride, dim,
		      scores, n, n, 0);
	for (size_t r = 0; r < rows; r++) {
		float *row = scores + r * n;
		for (size_t m = 0; m < view.n_masked; m++) {
			for (size_t i = 0; i < view.masked[m].count; i++)
				row[view.masked[m].first + i] = -INFINITY;
		}
		kernels->softmax(row, n, scale);
		if (workspace->attentions)
			memcpy(workspace->attentions +
				       (head * window->count + first + r) * window->count,
			       row, window->count * sizeof(float));
	}
	/* The scores are all that is needed of these queries from here on, so
	 * the output takes their place. */
	kernels->tile(scores, n, rows, view.values, view.value_panel_stride, n, queries,
		      workspace->stride, dim, 0);
}

static void attend_task(void *ctx, size_t task, unsigned worker)
{
	const struct attend_job *job = ctx;
	struct workspace *workspace = job->workspace;
	size_t n_heads = workspace->model->config.n_heads;
	size_t head = task % n_heads, block = task / n_heads;
	float *scores = workspace->scores + (size_t)worker * QUERY_BLOCK * workspace->max_keys;

	for (size_t w = 0; w < job->n_windows; w++) {
		const struct window *window = &job->windows[w];
		size_t blocks = (window->count + QUERY_BLOCK - 1) / QUERY_BLOCK;
		if (block >= blocks) {
			block -= blocks;
			continue;
		}
		size_t first = block * QUERY_BLOCK, rows = window->count - first;
		attend(workspace, window, job->layer, head, first,
		       rows < QUERY_BLOCK ? rows : QUERY_BLOCK, scores);
		return;
	}
}

void attention_run(struct workspace *workspace, size_t layer, const struct window *windows,
		   size_t n_windows)
{
	struct attend_job job = {
		.workspace = workspace,
		.windows = windows,
		.n_windows = n_windows,
		.layer = layer,
	};
	size_t blocks = 0;

	for (size_t w = 0; w < n_windows; w++)
		blocks += (windows[w].count + QUERY_BLOCK - 1) / QUERY_BLOCK;
	pool_run(workspace->model->pool, blocks * workspace->model->config.n_heads, attend_task,
		 &job);
}
