/*
 * The transformer over the rows of a workspace: hidden in, hidden out.
 *
 *     pre-norm (stable):   h += attention(norm(h));  h += ffn(final_norm(h));  h += adapter(h)
 *     post-norm:           h = norm(h + attention(h));  h = final_norm(h + ffn(h))
 */
#ifndef HEARD_ACOUSTIC_TRANSFORMER_H
#define HEARD_ACOUSTIC_TRANSFORMER_H

#include "core/acoustic/window.h"
#include "core/acoustic/workspace.h"

/* Before layer 0: the encoder's norm where it comes first (post-norm). */
void transformer_begin(struct workspace *workspace, size_t rows);

void transformer_layer(struct workspace *workspace, size_t layer, const struct window *windows,
		       size_t n_windows);

/* After the last layer: the encoder's norm where it comes last (pre-norm). */
void transformer_end(struct workspace *workspace, size_t rows);

/* The CTC head of a language over `rows` rows of hidden: to `out`, contiguous
 * rows of the head's size. Without a CTC head the hidden rows themselves. */
void transformer_head(struct workspace *workspace, const struct head *head, size_t first_row,
		      size_t rows, float *out);

#endif
