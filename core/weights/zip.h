/*
 * Zip archives as torch.save writes them: entries stored without compression
 * (zip64 included), so that their bytes can be used where they lie. Archives
 * with compressed or encrypted entries are refused by the entry's name. The
 * checksums are not verified: that would read the whole file.
 */
#ifndef HEARD_WEIGHTS_ZIP_H
#define HEARD_WEIGHTS_ZIP_H

#include "core/base/mapping.h"

struct zip_entry {
	const char *name; /* borrowed from the mapping, not terminated */
	size_t name_length;
	size_t header_offset; /* of the local header */
	size_t size;
};

struct zip {
	const struct mapping *file; /* borrowed */
	struct zip_entry *entries;  /* owned, sorted by name, no two alike */
	size_t n;
};

/* Reads the central directory. Logs once and returns -EINVAL, -ENOTSUP
 * (compressed, encrypted) or -ENOMEM; *zip is then zeroed. */
int zip_open(const struct mapping *file, struct zip *zip);

/* Borrowed bytes of the entry of this name. -ENOENT silently where there is
 * none; a damaged local header is logged, -EINVAL. */
int zip_find(const struct zip *zip, const char *name, size_t name_length,
	     const unsigned char **data, size_t *size);

/* Accepts a zeroed struct. */
void zip_finish(struct zip *zip);

#endif
