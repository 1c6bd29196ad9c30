/*
 * The two containers.
 *
 * Archive: NAME/data.pkl, NAME/data/KEY for each storage, NAME/byteorder in
 * newer files.
 *
 * Older format, one after the other: the pickled magic number, the pickled
 * protocol version, a pickled dictionary about the machine, the pickled state
 * dictionary, a pickled list of storage keys, and for each of those keys eight
 * bytes with the number of elements and the elements.
 */
#include "core/weights/torch_storage.h"

#include "core/base/checked.h"
#include "core/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LEGACY_PROTOCOL = 1001, COUNT_BYTES = 8, KEY_MAX_BYTES = 255 };

static bool text_equals(const struct pickle_value *value, const char *text)
{
	return value->kind == PICKLE_TEXT && value->text.length == strlen(text) &&
	       memcmp(value->text.data, text, value->text.length) == 0;
}

static int check_dictionary(const struct mapping *file, const struct pickle_value *root)
{
	if (root->kind != PICKLE_DICT) {
		log_error("%s: the pickle holds no dictionary of tensors", file->path);
		return -EINVAL;
	}
	for (size_t i = 0; i < root->list.n; i += 2) {
		const struct pickle_value *name = root->list.items[i];
		if (name->kind != PICKLE_TEXT) {
			log_error("%s: the dictionary has a key that is no text", file->path);
			return -EINVAL;
		}
		if (root->list.items[i + 1]->kind != PICKLE_TENSOR) {
			log_error("%s: '%.*s' is not a tensor", file->path,
				  name->text.length < 256 ? (int)name->text.length : 256,
				  name->text.data);
			return -EINVAL;
		}
	}
	return 0;
}

static int open_archive(struct torch_storages *storages, const struct pickle_value **root)
{
	static const char suffix[] = "/data.pkl";
	const size_t suffix_length = sizeof(suffix) - 1;
	const struct mapping *file = storages->file;
	const struct zip_entry *found = NULL;
	const unsigned char *data;
	size_t size;

	int rc = zip_open(file, &storages->zip);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < storages->zip.n; i++) {
		const struct zip_entry *entry = &storages->zip.entries[i];
		if (entry->name_length < suffix_length ||
		    memcmp(entry->name + entry->name_length - suffix_length, suffix,
			   suffix_length) != 0)
			continue;
		if (found) {
			log_error("%s: the archive has more than one data.pkl", file->path);
			return -EINVAL;
		}
		found = entry;
	}
	if (found == NULL) {
		log_error("%s: the archive has no data.pkl", file->path);
		return -EINVAL;
	}
	storages->prefix = found->name;
	storages->prefix_length = found->name_length - suffix_length + 1;

	rc = zip_find(&storages->zip, found->name, found->name_length, &data, &size);
	if (rc < 0)
		return rc;
	if (size > PICKLE_MAX_BYTES) {
		log_error("%s: a pickle of %zu bytes, at most %d are read", file->path, size,
			  PICKLE_MAX_BYTES);
		return -EFBIG;
	}
	rc = pickle_run(data, size, file->path, &storages->pickle, root, NULL);
	return rc < 0 ? rc : check_dictionary(file, *root);
}

static int refuse(const struct torch_storages *storages, const struct pickle_value *storage,
		  const struct pickle_value *name, const char *what)
{
	const struct pickle_value *key = storage->storage.key;

	log_error("%s: tensor '%.*s': its storage '%.*s' of %lld elements %s", storages->file->path,
		  name->text.length < 256 ? (int)name->text.length : 256, name->text.data,
		  key->text.length < 64 ? (int)key->text.length : 64, key->text.data,
		  (long long)storage->storage.elements, what);
	return -EINVAL;
}

/* Bytes of the archive's entry PREFIX + rest. -ENOENT silently. */
static int find_entry(const struct torch_storages *storages, const char *directory,
		      const char *name, size_t name_length, const unsigned char **data,
		      size_t *size)
{
	size_t directory_length = strlen(directory);
	size_t length = storages->prefix_length + directory_length + name_length;
	char *path = malloc(length);

	if (path == NULL)
		return -ENOMEM;
	memcpy(path, storages->prefix, storages->prefix_length);
	memcpy(path + storages->prefix_length, directory, directory_length);
	memcpy(path + storages->prefix_length + directory_length, name, name_length);
	int rc = zip_find(&storages->zip, path, length, data, size);
	free(path);
	return rc;
}

static int check_byte_order(const struct torch_storages *storages)
{
	static const char name[] = "byteorder", little[] = "little";
	const unsigned char *data;
	size_t size;

	int rc = find_entry(storages, "", name, sizeof(name) - 1, &data, &size);
	if (rc == -ENOENT) /* files before torch 2.1 */
		return 0;
	if (rc == 0 && (size != sizeof(little) - 1 || memcmp(data, little, size) != 0)) {
		log_error("%s: the byte order is not little endian", storages->file->path);
		return -ENOTSUP;
	}
	return rc;
}

/* Runs the pickle at *offset and moves behind it. */
static int run_next(const struct mapping *file, size_t *offset, struct pickle **pickle,
		    const struct pickle_value **root)
{
	size_t consumed;
	int rc = pickle_run(file->data + *offset, file->size - *offset, file->path, pickle, root,
			    &consumed);

	if (rc == 0)
		*offset += consumed;
	return rc;
}

static bool is_magic(const struct pickle_value *value)
{
	static const unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
					      0x20, 0x6a, 0xa8, 0x50, 0x19};

	return value->kind == PICKLE_LONG && value->text.length == sizeof(magic) &&
	       memcmp(value->text.data, magic, sizeof(magic)) == 0;
}

static bool is_protocol(const struct pickle_value *value)
{
	return value->kind == PICKLE_INTEGER && value->integer == LEGACY_PROTOCOL;
}

static bool is_little_endian(const struct pickle_value *value)
{
	for (size_t i = 0; value->kind == PICKLE_DICT && i < value->list.n; i += 2) {
		if (text_equals(value->list.items[i], "little_endian"))
			return value->list.items[i + 1]->kind == PICKLE_FLAG &&
			       value->list.items[i + 1]->integer;
	}
	return false;
}

/* The three pickles in front of the state dictionary. */
static int read_preamble(const struct mapping *file, size_t *offset)
{
	static const struct {
		bool (*check)(const struct pickle_value *value);
		const char *what;
	} preamble[] = {
		{is_magic, "does not begin like a file of torch.save"},
		{is_protocol, "has an unknown version of the old torch.save format"},
		{is_little_endian, "was not written on a little-endian machine"},
	};

	for (size_t i = 0; i < sizeof(preamble) / sizeof(preamble[0]); i++) {
		struct pickle *pickle;
		const struct pickle_value *root;
		int rc = run_next(file, offset, &pickle, &root);
		if (rc < 0)
			return rc;
		bool fits = preamble[i].check(root);
		pickle_destroy(pickle);
		if (!fits) {
			log_error("%s: %s", file->path, preamble[i].what);
			return -EINVAL;
		}
	}
	return 0;
}

static int compare_texts(const struct pickle_value *a, const struct pickle_value *b)
{
	size_t common = a->text.length < b->text.length ? a->text.length : b->text.length;
	int order = common ? memcmp(a->text.data, b->text.data, common) : 0;

	if (order != 0)
		return order;
	return a->text.length < b->text.length ? -1 : a->text.length > b->text.length;
}

static int compare_storages(const void *a, const void *b)
{
	const struct torch_storage *x = a, *y = b;

	return compare_texts(x->storage->storage.key, y->storage->storage.key);
}

static struct torch_storage *find_sorted(const struct torch_storages *storages,
					 const struct pickle_value *key)
{
	size_t low = 0, high = storages->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_texts(storages->sorted[middle].storage->storage.key, key);
		if (order == 0)
			return &storages->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The distinct storages that the tensors of the dictionary lie in. */
static int collect_storages(struct torch_storages *storages, const struct pickle_value *root)
{
	size_t n = root->list.n / 2, distinct = 0;

	storages->sorted = calloc(n ? n : 1, sizeof(*storages->sorted));
	if (storages->sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		storages->sorted[i].storage = root->list.items[2 * i + 1]->tensor.storage;
	storages->n = n;
	qsort(storages->sorted, storages->n, sizeof(*storages->sorted), compare_storages);
	for (size_t i = 0; i < storages->n; i++) {
		if (distinct == 0 ||
		    compare_storages(&storages->sorted[distinct - 1], &storages->sorted[i]) != 0)
			storages->sorted[distinct++] = storages->sorted[i];
	}
	storages->n = distinct;
	return 0;
}

/* Walks over the storages behind the list of their keys. */
static int locate_storages(struct torch_storages *storages, const struct pickle_value *keys,
			   size_t offset)
{
	const struct mapping *file = storages->file;

	if (keys->kind != PICKLE_LIST) {
		log_error("%s: the storage keys are not a list", file->path);
		return -EINVAL;
	}
	for (size_t i = 0; i < keys->list.n; i++) {
		const struct pickle_value *key = keys->list.items[i];
		struct torch_storage *found =
			key->kind == PICKLE_TEXT ? find_sorted(storages, key) : NULL;
		uint64_t elements;
		size_t bytes;
		/* Without a tensor that says its type its length is unknown. */
		if (found == NULL || found->data) {
			log_error("%s: storage key %zu belongs to no tensor or comes twice",
				  file->path, i);
			return -EINVAL;
		}
		int shown = key->text.length < 64 ? (int)key->text.length : 64;
		if (file->size - offset < COUNT_BYTES) {
			log_error("%s: storage '%.*s' is missing; is the file truncated?",
				  file->path, shown, key->text.data);
			return -EINVAL;
		}
		memcpy(&elements, file->data + offset, COUNT_BYTES);
		offset += COUNT_BYTES;
		if (elements != (uint64_t)found->storage->storage.elements || elements > SIZE_MAX ||
		    !checked_mul((size_t)elements, dtype_size(found->storage->storage.dtype),
				 &bytes) ||
		    bytes > file->size - offset) {
			log_error("%s: storage '%.*s' of %llu elements (the pickle says %lld) does "
				  "not fit; is the file truncated?",
				  file->path, shown, key->text.data, (unsigned long long)elements,
				  (long long)found->storage->storage.elements);
			return -EINVAL;
		}
		found->data = file->data + offset;
		offset += bytes;
	}
	return 0;
}

static int open_legacy(struct torch_storages *storages, const struct pickle_value **root)
{
	const struct mapping *file = storages->file;
	struct pickle *keys_pickle = NULL;
	const struct pickle_value *keys;
	size_t offset = 0;

	int rc = read_preamble(file, &offset);
	if (rc == 0)
		rc = run_next(file, &offset, &storages->pickle, root);
	if (rc == 0)
		rc = check_dictionary(file, *root);
	if (rc == 0)
		rc = collect_storages(storages, *root);
	if (rc == 0)
		rc = run_next(file, &offset, &keys_pickle, &keys);
	if (rc == 0)
		rc = locate_storages(storages, keys, offset);
	pickle_destroy(keys_pickle);
	return rc;
}

int torch_storages_open(const struct mapping *file, struct torch_storages *storages,
			const struct pickle_value **root)
{
	*storages = (struct torch_storages){.file = file};
	bool archive = file->size >= 2 && memcmp(file->data, "PK", 2) == 0;
	bool pickle = file->data[0] == 0x80;
	int rc = -EINVAL;

	if (archive) {
		rc = open_archive(storages, root);
		if (rc == 0)
			rc = check_byte_order(storages);
	} else if (pickle) {
		rc = open_legacy(storages, root);
	} else {
		log_error("%s: neither a zip archive nor a pickle", file->path);
	}
	if (rc < 0)
		torch_storages_close(storages);
	return rc;
}

/* The bytes of an archive's storage; logs what zip_find does not. */
static int find_archived(const struct torch_storages *storages, const struct pickle_value *storage,
			 const struct pickle_value *name, const unsigned char **data)
{
	const struct pickle_value *key = storage->storage.key;
	int64_t claimed = storage->storage.elements;
	size_t bytes, needed;
	int rc = -ENOENT;

	if (key->text.length <= KEY_MAX_BYTES)
		rc = find_entry(storages, "data/", key->text.data, key->text.length, data, &bytes);
	if (rc == -ENOENT)
		return refuse(storages, storage, name, "is missing");
	if (rc < 0)
		return rc;
	if (claimed < 0 || (uint64_t)claimed > SIZE_MAX ||
	    !checked_mul((size_t)claimed, dtype_size(storage->storage.dtype), &needed) ||
	    needed != bytes)
		return refuse(storages, storage, name, "has another size in the archive");
	return 0;
}

int torch_storages_find(const struct torch_storages *storages, const struct pickle_value *storage,
			const struct pickle_value *name, const unsigned char **data,
			size_t *elements)
{
	*data = NULL;
	if (storages->zip.file) {
		int rc = find_archived(storages, storage, name, data);
		if (rc < 0)
			return rc;
	} else {
		const struct torch_storage *found = find_sorted(storages, storage->storage.key);
		if (found == NULL || found->data == NULL)
			return refuse(storages, storage, name, "is missing");
		/* One key with two types or sizes would be read past its end. */
		if (found->storage->storage.elements != storage->storage.elements ||
		    found->storage->storage.dtype != storage->storage.dtype)
			return refuse(storages, storage, name, "is described in two ways");
		*data = found->data;
	}
	*elements = (size_t)storage->storage.elements;
	return 0;
}

void torch_storages_close(struct torch_storages *storages)
{
	pickle_destroy(storages->pickle);
	zip_finish(&storages->zip);
	free(storages->sorted);
	*storages = (struct torch_storages){0};
}
