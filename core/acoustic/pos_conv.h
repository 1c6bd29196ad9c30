/*
 * The positional convolution: grouped, centred, kernel frames wide.
 *
 *     hidden[t] = features[t] + act(bias + sum_j w[:, :, j] features[t - left + j])
 *
 * Each group is a matrix product over a group-major copy of the window, whose
 * input rows overlap by all but one frame. To the left of a window the real
 * features are used as far as the kernel reaches; before the stream's start and
 * from the window's end on there are zeros. This is one of the places where the
 * future counts: a window's last frames see less of it than offline.
 */
#ifndef HEARD_ACOUSTIC_POS_CONV_H
#define HEARD_ACOUSTIC_POS_CONV_H

#include "core/acoustic/window.h"
#include "core/acoustic/workspace.h"

/* Writes the convolution's output (after its activation) to workspace->hidden. */
void pos_conv_run(struct workspace *workspace, const struct window *windows, size_t n_windows);

/* workspace->hidden += features. */
void pos_conv_add_features(struct workspace *workspace, const struct window *windows,
			   size_t n_windows);

#endif
