/*
 * Multi-head attention of the windows' queries over each stream's cache:
 *
 *     out[q] = sum_k softmax_k(queries[q] . keys[k] / sqrt(head_dim)) values[k]
 *
 * over the visible cached frames and all frames of the window itself: no mask
 * inside a window.
 */
#ifndef HEARD_ACOUSTIC_ATTENTION_H
#define HEARD_ACOUSTIC_ATTENTION_H

#include "core/acoustic/window.h"
#include "core/acoustic/workspace.h"

/* Stores rows of workspace->keys and ->values, which hold rows [first, first +
 * count) of the windows, into the caches of layer `layer`. */
void attention_store(struct workspace *workspace, size_t layer, const struct window *windows,
		     size_t n_windows, size_t first, size_t count);

/* Replaces workspace->queries with the attention's output, in place. Fills
 * workspace->attentions ([heads, T, T] of the only window) where there is one. */
void attention_run(struct workspace *workspace, size_t layer, const struct window *windows,
		   size_t n_windows);

#endif
