/*
 * The safetensors format: eight bytes of header length (little endian), a JSON
 * header {name: {dtype, shape, data_offsets}}, raw data. The data need not be
 * aligned and the tensors may come in any order, but they cover it exactly:
 * what overlaps, leaves a hole or lies outside is refused.
 */
#ifndef HEARD_WEIGHTS_SAFETENSORS_H
#define HEARD_WEIGHTS_SAFETENSORS_H

#include "core/base/mapping.h"
#include "core/weights/tensor_list.h"

/* Appends the file's tensors, data borrowed from the mapping, in the order of
 * their data. Logs once and returns -EINVAL, -EFBIG, -ENOTSUP (a dtype outside
 * the list) or -ENOMEM; what was appended before stays in the list. */
int safetensors_read(const struct mapping *file, struct tensor_list *list);

#endif
