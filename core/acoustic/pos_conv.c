#include "core/acoustic/pos_conv.h"

#include "core/kernels/kernels.h"
#include "core/kernels/pool.h"

#include <string.h>

/* A run of rows of one window. */
struct piece {
	const struct window *window;
	size_t first, count; /* rows within the window */
	float *gathered;     /* [groups][count + kernel - 1][width] */
};

struct gather_job {
	const struct pos_conv *pos;
	const struct kernels *kernels;
	const struct piece *pieces;
	size_t n_pieces;
};

/* Copies one group's channels of every piece; batch norm, where there is one,
 * comes before the zeros. */
static void gather_task(void *ctx, size_t group, unsigned worker)
{
	const struct gather_job *job = ctx;
	const struct pos_conv *pos = job->pos;
	size_t width = pos->width;

	(void)worker;
	for (size_t p = 0; p < job->n_pieces; p++) {
		const struct piece *piece = &job->pieces[p];
		const struct window *window = piece->window;
		size_t span = piece->count + pos->kernel - 1;
		float *out = piece->gathered + group * span * width;

		for (size_t i = 0; i < span; i++, out += width) {
			/* Row of the window plus `left`, to stay unsigned. */
			size_t shifted = piece->first + i;
			if (shifted + window->before < pos->left ||
			    shifted >= pos->left + window->count) {
				memset(out, 0, width * sizeof(float));
				continue;
			}
			const float *in = window->features +
					  ((ptrdiff_t)shifted - (ptrdiff_t)pos->left) *
						  (ptrdiff_t)window->features_stride +
					  group * width;
			if (pos->scale)
				job->kernels->scale_shift(in, pos->scale + group * width,
							  pos->shift + group * width, width, out);
			else
				memcpy(out, in, width * sizeof(float));
		}
	}
}

static void run_pieces(struct workspace *workspace, const struct piece *pieces, size_t n_pieces)
{
	const struct acoustic_model *model = workspace->model;
	const struct pos_conv *pos = &model->pos;
	struct gather_job gather = {
		.pos = pos,
		.kernels = model->kernels,
		.pieces = pieces,
		.n_pieces = n_pieces,
	};
	size_t row = pieces[0].window->row + pieces[0].first;

	pool_run(model->pool, pos->n_groups, gather_task, &gather);
	for (size_t g = 0; g < pos->n_groups; g++) {
		struct rows *segments = workspace->pos_segments + g * workspace->max_streams;
		for (size_t p = 0; p < n_pieces; p++) {
			size_t span = pieces[p].count + pos->kernel - 1;
			segments[p] = (struct rows){
				.x = pieces[p].gathered + g * span * pos->width,
				.stride = pos->width,
				.count = pieces[p].count,
			};
		}
		workspace->pos_products[g] = (struct product){
			.w = pos->groups[g],
			.segments = segments,
			.n_segments = n_pieces,
			.y = workspace->hidden + row * workspace->stride + g * pos->width,
			.y_stride = workspace->stride,
			.bias = pos->bias + g * pos->width,
			.act = model->config.conv_activation,
		};
	}
	workspace_products(workspace, workspace->pos_products, pos->n_groups);
}

void pos_conv_run(struct workspace *workspace, const struct window *windows, size_t n_windows)
{
	const struct pos_conv *pos = &workspace->model->pos;
	size_t hidden = workspace->model->config.hidden_size;
	struct piece pieces[MAX_STEP_STREAMS];
	size_t n_pieces = 0, budget = BLOCK_ROWS;
	float *gathered = workspace->gathered;

	for (size_t w = 0; w < n_windows; w++) {
		for (size_t first = 0; first < windows[w].count;) {
			size_t count = windows[w].count - first;
			if (count > budget)
				count = budget;
			pieces[n_pieces++] = (struct piece){
				.window = &windows[w],
				.first = first,
				.count = count,
				.gathered = gathered,
			};
			gathered += (count + pos->kernel - 1) * hidden;
			first += count;
			budget -= count;
			if (budget == 0) {
				run_pieces(workspace, pieces, n_pieces);
				n_pieces = 0;
				budget = BLOCK_ROWS;
				gathered = workspace->gathered;
			}
		}
	}
	if (n_pieces > 0)
		run_pieces(workspace, pieces, n_pieces);
}

void pos_conv_add_features(struct workspace *workspace, const struct window *windows,
			   size_t n_windows)
{
	const struct acoustic_model *model = workspace->model;

	/* A pass over memory that is in cache: not worth waking the pool. */
	for (size_t w = 0; w < n_windows; w++) {
		for (size_t r = 0; r < windows[w].count; r++)
			model->kernels->add(workspace->hidden +
						    (windows[w].row + r) * workspace->stride,
					    windows[w].features + r * windows[w].features_stride,
					    model->config.hidden_size);
	}
}
