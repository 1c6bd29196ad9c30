/*
 * The reading order is that of the format (APPNOTE 6.3): end record at the end
 * of the file, from there the central directory, from an entry of that the
 * local header in front of the data. Only the central directory's sizes count;
 * the local header is consulted for where the data begins.
 */
#include "core/weights/zip.h"

#include "core/base/checked.h"
#include "core/base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	END_SIGNATURE = 0x06054b50,
	END64_SIGNATURE = 0x06064b50,
	LOCATOR64_SIGNATURE = 0x07064b50,
	CENTRAL_SIGNATURE = 0x02014b50,
	LOCAL_SIGNATURE = 0x04034b50,
	END_BYTES = 22,
	END64_BYTES = 56,
	LOCATOR64_BYTES = 20,
	CENTRAL_BYTES = 46,
	LOCAL_BYTES = 30,
	COMMENT_MAX = 0xffff,
	ZIP64_EXTRA_ID = 1,
	FLAG_ENCRYPTED = 1,
	METHOD_STORED = 0,
	MAX_ENTRIES = 1 << 20,
};

struct directory {
	size_t offset, size, n;
};

static uint16_t get16(const unsigned char *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const unsigned char *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static uint64_t get64(const unsigned char *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

/* The end record is followed by nothing but its own comment. */
static bool find_end(const struct mapping *file, size_t *offset)
{
	if (file->size < END_BYTES)
		return false;
	size_t last = file->size - END_BYTES;
	size_t first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;
	for (size_t at = last + 1; at-- > first;) {
		const unsigned char *end = file->data + at;
		if (get32(end) == END_SIGNATURE && get16(end + 20) == last - at) {
			*offset = at;
			return true;
		}
	}
	return false;
}

static int find_directory(const struct mapping *file, struct directory *directory)
{
	size_t end_offset;

	if (!find_end(file, &end_offset)) {
		log_error("%s: no end of a zip archive; is the file truncated?", file->path);
		return -EINVAL;
	}
	const unsigned char *end = file->data + end_offset;
	uint64_t n = get16(end + 10), size = get32(end + 12), offset = get32(end + 16);

	if (end_offset >= LOCATOR64_BYTES && get32(end - LOCATOR64_BYTES) == LOCATOR64_SIGNATURE) {
		uint64_t at = get64(end - LOCATOR64_BYTES + 8);
		if (file->size < END64_BYTES || at > file->size - END64_BYTES ||
		    get32(file->data + at) != END64_SIGNATURE) {
			log_error("%s: the zip64 end record is not where it should be", file->path);
			return -EINVAL;
		}
		n = get64(file->data + at + 32);
		size = get64(file->data + at + 40);
		offset = get64(file->data + at + 48);
	}
	if (offset > file->size || size > file->size - offset || n > size / CENTRAL_BYTES ||
	    n > MAX_ENTRIES) {
		log_error("%s: the zip directory (%llu entries, %llu bytes at %llu) does not fit "
			  "the file",
			  file->path, (unsigned long long)n, (unsigned long long)size,
			  (unsigned long long)offset);
		return -EINVAL;
	}
	*directory = (struct directory){(size_t)offset, (size_t)size, (size_t)n};
	return 0;
}

/* Takes the 64-bit values of those fields that are all ones, in the order the
 * format gives. Returns false where they are missing. */
static bool apply_zip64(const unsigned char *extra, size_t length, uint64_t *size,
			uint64_t *compressed, uint64_t *offset)
{
	uint64_t *fields[] = {size, compressed, offset};
	bool wanted = *size == UINT32_MAX || *compressed == UINT32_MAX || *offset == UINT32_MAX;

	while (wanted && length >= 4) {
		size_t id = get16(extra), bytes = get16(extra + 2);
		if (bytes > length - 4)
			return false;
		if (id != ZIP64_EXTRA_ID) {
			extra += 4 + bytes;
			length -= 4 + bytes;
			continue;
		}
		extra += 4;
		for (size_t i = 0; i < 3; i++) {
			if (*fields[i] != UINT32_MAX)
				continue;
			if (bytes < 8)
				return false;
			*fields[i] = get64(extra);
			extra += 8;
			bytes -= 8;
		}
		return true;
	}
	return !wanted;
}

/* Reads the record at `at` of the directory and moves on to the next one. */
static int read_entry(const struct mapping *file, const struct directory *directory, size_t *at,
		      struct zip_entry *entry)
{
	const unsigned char *record = file->data + directory->offset + *at;
	size_t left = directory->size - *at;

	if (left < CENTRAL_BYTES || get32(record) != CENTRAL_SIGNATURE) {
		log_error("%s: the zip directory is damaged at byte %zu", file->path,
			  directory->offset + *at);
		return -EINVAL;
	}
	size_t name_length = get16(record + 28), extra_length = get16(record + 30);
	size_t total = CENTRAL_BYTES + name_length + extra_length + get16(record + 32);
	if (total > left) {
		log_error("%s: the zip directory is damaged at byte %zu", file->path,
			  directory->offset + *at);
		return -EINVAL;
	}
	const char *name = (const char *)record + CENTRAL_BYTES;
	int shown = name_length < 256 ? (int)name_length : 256;
	uint64_t compressed = get32(record + 20), size = get32(record + 24);
	uint64_t offset = get32(record + 42);

	if (get16(record + 8) & FLAG_ENCRYPTED) {
		log_error("%s: entry '%.*s' is encrypted", file->path, shown, name);
		return -ENOTSUP;
	}
	if (get16(record + 10) != METHOD_STORED) {
		log_error("%s: entry '%.*s' is compressed (method %d); only stored entries are "
			  "read",
			  file->path, shown, name, get16(record + 10));
		return -ENOTSUP;
	}
	if (!apply_zip64(record + CENTRAL_BYTES + name_length, extra_length, &size, &compressed,
			 &offset) ||
	    size != compressed || offset > file->size || size > file->size) {
		log_error("%s: entry '%.*s': size or offset do not fit the file", file->path, shown,
			  name);
		return -EINVAL;
	}
	*entry = (struct zip_entry){name, name_length, (size_t)offset, (size_t)size};
	*at += total;
	return 0;
}

static int compare_name(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t common = a_length < b_length ? a_length : b_length;
	int order = common ? memcmp(a, b, common) : 0;

	if (order != 0)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

static int compare_entries(const void *a, const void *b)
{
	const struct zip_entry *x = a, *y = b;

	return compare_name(x->name, x->name_length, y->name, y->name_length);
}

int zip_open(const struct mapping *file, struct zip *zip)
{
	struct directory directory;
	size_t at = 0;

	*zip = (struct zip){.file = file};
	int rc = find_directory(file, &directory);
	if (rc < 0)
		goto fail;
	zip->entries = malloc((directory.n ? directory.n : 1) * sizeof(*zip->entries));
	if (zip->entries == NULL) {
		rc = -ENOMEM;
		goto fail;
	}
	for (; zip->n < directory.n; zip->n++) {
		rc = read_entry(file, &directory, &at, &zip->entries[zip->n]);
		if (rc < 0)
			goto fail;
	}
	qsort(zip->entries, zip->n, sizeof(*zip->entries), compare_entries);
	for (size_t i = 1; i < zip->n; i++) {
		const struct zip_entry *entry = &zip->entries[i];
		if (compare_entries(entry - 1, entry) == 0) {
			int shown = entry->name_length < 256 ? (int)entry->name_length : 256;
			log_error("%s: entry '%.*s' appears twice", file->path, shown, entry->name);
			rc = -EINVAL;
			goto fail;
		}
	}
	return 0;
fail:
	zip_finish(zip);
	return rc;
}

/* The data lies behind the local header, whose variable part need not be as
 * long as the central one's: torch pads it to align the data. */
static int locate(const struct zip *zip, const struct zip_entry *entry, const unsigned char **data)
{
	const struct mapping *file = zip->file;
	const unsigned char *local = file->data + entry->header_offset;
	size_t left = file->size - entry->header_offset;

	if (left >= LOCAL_BYTES && get32(local) == LOCAL_SIGNATURE &&
	    get16(local + 8) == METHOD_STORED && get16(local + 26) == entry->name_length) {
		size_t begin = LOCAL_BYTES + entry->name_length + get16(local + 28);
		if (checked_range(begin, entry->size, left) &&
		    memcmp(local + LOCAL_BYTES, entry->name, entry->name_length) == 0) {
			*data = local + begin;
			return 0;
		}
	}
	int shown = entry->name_length < 256 ? (int)entry->name_length : 256;
	log_error("%s: entry '%.*s': the local header at byte %zu is damaged", file->path, shown,
		  entry->name, entry->header_offset);
	return -EINVAL;
}

int zip_find(const struct zip *zip, const char *name, size_t name_length,
	     const unsigned char **data, size_t *size)
{
	size_t low = 0, high = zip->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct zip_entry *entry = &zip->entries[middle];
		int order = compare_name(entry->name, entry->name_length, name, name_length);
		if (order == 0) {
			*size = entry->size;
			return locate(zip, entry, data);
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -ENOENT;
}

void zip_finish(struct zip *zip)
{
	free(zip->entries);
	*zip = (struct zip){0};
}
