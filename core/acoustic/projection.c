#include "core/acoustic/projection.h"

void projection_run(struct workspace *workspace, size_t rows, float *y, size_t y_stride)
{
	const struct acoustic_model *model = workspace->model;
	size_t stride = workspace->features_stride;

	if (model->config.projection_layer_norm)
		workspace_norm(workspace, &model->projection_norm, workspace->features, stride,
			       rows, model->projection.in, workspace->features, stride);
	for (size_t row = 0; row < rows; row += BLOCK_ROWS) {
		size_t count = rows - row < BLOCK_ROWS ? rows - row : BLOCK_ROWS;
		workspace_dense(workspace, &(struct dense){
						   .linear = &model->projection,
						   .x = workspace->features + row * stride,
						   .x_stride = stride,
						   .y = y + row * y_stride,
						   .y_stride = y_stride,
						   .rows = count,
					   });
	}
}
