/*
 * pytorch_model.bin in both of torch.save's formats: a zip archive with the
 * pickle in data.pkl and one entry per storage, and the older stream of five
 * pickles followed by the storages. Strides, storage offsets and tensors that
 * share a storage are kept as they are.
 */
#ifndef HEARD_WEIGHTS_TORCH_BIN_H
#define HEARD_WEIGHTS_TORCH_BIN_H

#include "core/base/mapping.h"
#include "core/weights/tensor_list.h"

/* Appends the tensors of the state dictionary in its order, data borrowed from
 * the mapping. Logs once and returns -EINVAL, -EFBIG, -ENOTSUP or -ENOMEM; what
 * was appended before stays in the list. */
int torch_bin_read(const struct mapping *file, struct tensor_list *list);

#endif
