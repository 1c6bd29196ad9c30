/*
 * Where the storages of a file by torch.save lie: the container around the
 * pickle of the state dictionary. Used by torch_bin.c alone.
 */
#ifndef HEARD_WEIGHTS_TORCH_STORAGE_H
#define HEARD_WEIGHTS_TORCH_STORAGE_H

#include "core/base/mapping.h"
#include "core/weights/pickle.h"
#include "core/weights/zip.h"

/* A storage of the older format. */
struct torch_storage {
	const struct pickle_value *storage;
	const unsigned char *data; /* NULL until its place in the file is known */
};

struct torch_storages {
	const struct mapping *file; /* borrowed */
	struct pickle *pickle;      /* owned: the state dictionary */
	/* zip archive */
	struct zip zip;
	const char *prefix; /* borrowed: the directory inside the archive with the '/' */
	size_t prefix_length;
	/* older format, where there is no zip.file */
	struct torch_storage *sorted; /* owned, by key */
	size_t n;
};

/* Finds the pickle, runs it and locates the storages. On success *root is a
 * dictionary of tensors by name, valid until torch_storages_close. Logs once and returns a negative
 * errno. */
int torch_storages_open(const struct mapping *file, struct torch_storages *storages,
			const struct pickle_value **root);

/* The bytes of a storage that the pickle refers to and its number of elements,
 * which the file holds in full. `name` is the tensor, for the message. Returns
 * 0 or, logged, -EINVAL. */
int torch_storages_find(const struct torch_storages *storages, const struct pickle_value *storage,
			const struct pickle_value *name, const unsigned char **data,
			size_t *elements);

/* Accepts a zeroed struct. */
void torch_storages_close(struct torch_storages *storages);

#endif
