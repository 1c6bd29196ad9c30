#include "core/acoustic/transformer.h"

#include "core/acoustic/attention.h"

#include <string.h>

static size_t count_rows(const struct window *windows, size_t n_windows)
{
	const struct window *last = &windows[n_windows - 1];

	return last->row + last->count;
}

static size_t block_end(size_t first, size_t rows)
{
	return rows - first < BLOCK_ROWS ? rows : first + BLOCK_ROWS;
}

static void norm_hidden(struct workspace *workspace, const struct norm *norm, size_t rows)
{
	workspace_norm(workspace, norm, workspace->hidden, workspace->stride, rows,
		       workspace->model->config.hidden_size, workspace->hidden, workspace->stride);
}

void transformer_begin(struct workspace *workspace, size_t rows)
{
	if (!workspace->model->config.stable_layer_norm)
		norm_hidden(workspace, &workspace->model->encoder_norm, rows);
}

void transformer_end(struct workspace *workspace, size_t rows)
{
	if (workspace->model->config.stable_layer_norm)
		norm_hidden(workspace, &workspace->model->encoder_norm, rows);
}

/* Rows [first, end): queries to their place, keys and values into the caches. */
static void project_block(struct workspace *workspace, size_t index, const struct window *windows,
			  size_t n_windows, size_t first, size_t end)
{
	const struct acoustic_model *model = workspace->model;
	const struct encoder_layer *layer = &model->layers[index];
	size_t stride = workspace->stride, count = end - first;
	struct rows input = {
		.x = workspace->hidden + first * stride,
		.stride = stride,
		.count = count,
	};

	if (model->config.stable_layer_norm) {
		workspace_norm(workspace, &layer->attention_norm, input.x, stride, count,
			       model->config.hidden_size, workspace->normed, stride);
		input.x = workspace->normed;
	}
	const struct {
		const struct linear *linear;
		float *y;
	} outputs[] = {
		{&layer->query, workspace->queries + first * stride},
		{&layer->key, workspace->keys},
		{&layer->value, workspace->values},
	};
	struct product products[3];
	for (size_t i = 0; i < 3; i++)
		products[i] = (struct product){
			.w = outputs[i].linear->w,
			.segments = &input,
			.n_segments = 1,
			.y = outputs[i].y,
			.y_stride = stride,
			.bias = outputs[i].linear->bias,
		};
	workspace_products(workspace, products, 3);
	attention_store(workspace, index, windows, n_windows, first, count);
}

/* h += linear(x): the products' residual is their own output's place. */
static void add_linear(struct workspace *workspace, const struct linear *linear, const float *x,
		       size_t x_stride, size_t first, size_t count)
{
	float *hidden = workspace->hidden + first * workspace->stride;

	workspace_dense(workspace, &(struct dense){
					   .linear = linear,
					   .x = x,
					   .x_stride = x_stride,
					   .y = hidden,
					   .y_stride = workspace->stride,
					   .rows = count,
					   .residual = hidden,
					   .residual_stride = workspace->stride,
				   });
}

/* h += down(act(up(x))) for rows [first, first + count). */
static void feed_forward(struct workspace *workspace, const struct linear *up,
			 const struct linear *down, enum activation act, const float *x,
			 size_t first, size_t count)
{
	workspace_dense(workspace, &(struct dense){
					   .linear = up,
					   .x = x,
					   .x_stride = workspace->stride,
					   .y = workspace->inner,
					   .y_stride = workspace->inner_stride,
					   .rows = count,
					   .act = act,
				   });
	add_linear(workspace, down, workspace->inner, workspace->inner_stride, first, count);
}

/* Rows [first, end) once their attention is in workspace->queries. */
static void finish_block(struct workspace *workspace, const struct encoder_layer *layer,
			 size_t first, size_t end)
{
	const struct model_config *config = &workspace->model->config;
	size_t stride = workspace->stride, hidden = config->hidden_size, count = end - first;
	float *rows = workspace->hidden + first * stride;

	add_linear(workspace, &layer->output, workspace->queries + first * stride, stride, first,
		   count);
	if (config->stable_layer_norm) {
		workspace_norm(workspace, &layer->final_norm, rows, stride, count, hidden,
			       workspace->normed, stride);
		feed_forward(workspace, &layer->up, &layer->down, config->hidden_activation,
			     workspace->normed, first, count);
	} else {
		workspace_norm(workspace, &layer->attention_norm, rows, stride, count, hidden, rows,
			       stride);
		feed_forward(workspace, &layer->up, &layer->down, config->hidden_activation, rows,
			     first, count);
		workspace_norm(workspace, &layer->final_norm, rows, stride, count, hidden, rows,
			       stride);
	}
}

/* End of the run of windows of the same language that begins at `first`. */
static size_t run_of_language(const struct window *windows, size_t n_windows, size_t first)
{
	size_t last = first + 1;

	while (last < n_windows && windows[last].head == windows[first].head)
		last++;
	return last;
}

static void adapt(struct workspace *workspace, const struct adapter_layer *adapter, size_t first,
		  size_t end)
{
	size_t stride = workspace->stride;

	for (size_t row = first; row < end; row = block_end(row, end)) {
		size_t count = block_end(row, end) - row;
		workspace_norm(workspace, &adapter->norm, workspace->hidden + row * stride, stride,
			       count, workspace->model->config.hidden_size, workspace->normed,
			       stride);
		feed_forward(workspace, &adapter->down, &adapter->up, ACTIVATION_RELU,
			     workspace->normed, row, count);
	}
}

void transformer_layer(struct workspace *workspace, size_t index, const struct window *windows,
		       size_t n_windows)
{
	const struct acoustic_model *model = workspace->model;
	size_t rows = count_rows(windows, n_windows);

	for (size_t first = 0; first < rows; first = block_end(first, rows))
		project_block(workspace, index, windows, n_windows, first, block_end(first, rows));
	attention_run(workspace, index, windows, n_windows);
	for (size_t first = 0; first < rows; first = block_end(first, rows))
		finish_block(workspace, &model->layers[index], first, block_end(first, rows));

	/* Adapters are the only weights of a layer that streams do not share. */
	for (size_t w = 0; w < n_windows;) {
		size_t next = run_of_language(windows, n_windows, w);
		const struct head *head = &model->heads[windows[w].head];
		if (head->adapters)
			adapt(workspace, &head->adapters[index], windows[w].row,
			      count_rows(windows, next));
		w = next;
	}
}

void transformer_head(struct workspace *workspace, const struct head *head, size_t first_row,
		      size_t rows, float *out)
{
	size_t hidden = workspace->model->config.hidden_size;
	size_t end = first_row + rows;
	bool ctc = workspace->model->config.head == HEAD_CTC;

	for (size_t row = first_row; row < end; row = block_end(row, end)) {
		const float *x = workspace->hidden + row * workspace->stride;
		size_t count = block_end(row, end) - row;
		size_t width = ctc ? head->ctc.out : hidden;
		float *y = out + (row - first_row) * width;
		if (ctc) {
			workspace_dense(workspace, &(struct dense){
							   .linear = &head->ctc,
							   .x = x,
							   .x_stride = workspace->stride,
							   .y = y,
							   .y_stride = width,
							   .rows = count,
						   });
			continue;
		}
		for (size_t r = 0; r < count; r++)
			memcpy(y + r * width, x + r * workspace->stride, width * sizeof(float));
	}
}
