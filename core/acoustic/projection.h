/* Feature projection: layer norm (optional) and a linear layer to hidden_size. */
#ifndef HEARD_ACOUSTIC_PROJECTION_H
#define HEARD_ACOUSTIC_PROJECTION_H

#include "core/acoustic/workspace.h"

/* Rows [0, rows) of workspace->features, normalised in place, to y. */
void projection_run(struct workspace *workspace, size_t rows, float *y, size_t y_stride);

#endif
