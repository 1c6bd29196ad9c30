/* A growing list of tensors with names of their own: what the readers of the
 * weight formats fill and struct weights keeps. */
#ifndef HEARD_WEIGHTS_TENSOR_LIST_H
#define HEARD_WEIGHTS_TENSOR_LIST_H

#include "core/weights/tensor.h"

enum { TENSOR_NAME_MAX = 1024 }; /* bytes; longer ones are refused */

struct tensor_list {
	struct tensor *items; /* owned, each name owned too */
	size_t n, capacity;
};

/* Appends *tensor under a copy of the `length` bytes at `name`; tensor->name is
 * ignored, tensor->file is for the message. Returns 0, -ENOMEM, or -EINVAL with
 * a log line where the name is too long, not UTF-8 or holds a NUL. */
int tensor_list_add(struct tensor_list *list, const struct tensor *tensor, const char *name,
		    size_t length);

/* Accepts a zeroed struct. */
void tensor_list_finish(struct tensor_list *list);

#endif
