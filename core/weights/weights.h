/*
 * The weights of a Hugging Face model directory: `model.safetensors`,
 * `model.safetensors.index.json` and its shards, `pytorch_model.bin` (zip or
 * legacy pickle) or `pytorch_model.bin.index.json`, in this order of preference.
 * All files are mapped read-only; every header, offset, shape and name is
 * checked here, so that readers of a struct tensor check nothing.
 */
#ifndef HEARD_WEIGHTS_WEIGHTS_H
#define HEARD_WEIGHTS_WEIGHTS_H

#include "core/weights/tensor.h"

struct weights;

/* Opens the directory's weights. On success *out is owned by the caller. On
 * failure logs file, tensor and reason once and returns -ENOENT (no weights
 * file), -EINVAL (malformed), -ENOTSUP (a dtype or pickle global outside the
 * list), -ENOMEM or the errno of open/mmap. */
int weights_open(const char *dir, struct weights **out);

/* The same for one safetensors file (an adapter, a fixture). */
int weights_open_file(const char *path, struct weights **out);

/* Unmaps; every tensor of it dies. NULL is allowed. */
void weights_close(struct weights *weights);

size_t weights_count(const struct weights *weights);
const struct tensor *weights_at(const struct weights *weights,
				size_t index); /* order of the files */
const struct tensor *weights_find(const struct weights *weights, const char *name); /* NULL: none */

/* Finds a tensor and checks its shape. Marks it used. Logs file, tensor and
 * both shapes and returns -ENOENT or -EINVAL where it is missing or differs. */
int weights_require(struct weights *weights, const char *name, size_t n_dims, const size_t *dims,
		    const struct tensor **out);

/* Tells the kernel that no page of the files is needed for now: reading a
 * tensor also maps pages of its neighbours, which tensor_release leaves alone. */
void weights_release(const struct weights *weights);

/* After binding: every tensor that was not marked used and is not one of the
 * known training-only tensors (masked_spec_embed, num_batches_tracked, the
 * pre-training heads) is an error, named. Returns 0 or -EINVAL. */
int weights_check_all_used(const struct weights *weights);

#endif
