/*
 * Writes a safetensors file: 8 bytes of header length, the JSON header padded
 * with spaces so that the data starts 8-byte aligned, then the tensors' data,
 * little endian, one after the other.
 *
 * Names, types and shapes are declared first; the data can then come in any
 * order and in pieces, so nothing is held in memory. The file appears under
 * its name only when it is whole; a program that is interrupted before leaves
 * nothing behind. One file at a time.
 */
#ifndef HEARD_TOOLS_SAFETENSORS_OUT_H
#define HEARD_TOOLS_SAFETENSORS_OUT_H

#include "core/weights/tensor.h"

#include <stddef.h>

struct safetensors_out;

/* `path` is copied. 0 or -ENOMEM. */
int safetensors_out_create(const char *path, struct safetensors_out **out);

/* Declares a tensor (`name` is copied) and returns its number or a negative
 * errno, logged. */
int safetensors_out_add(struct safetensors_out *out, const char *name, enum dtype dtype,
			size_t n_dims, const size_t *dims);

/* Creates the file with the header. Nothing can be declared after it. Logs and
 * returns a negative errno on failure, likewise below. */
int safetensors_out_begin(struct safetensors_out *out);

/* Writes `count` elements from element `first` of a tensor. */
int safetensors_out_write(struct safetensors_out *out, int tensor, size_t first, const void *data,
			  size_t count);

/* Gives the file its name. */
int safetensors_out_finish(struct safetensors_out *out);

/* Removes an unfinished file. NULL is allowed. */
void safetensors_out_destroy(struct safetensors_out *out);

#endif
