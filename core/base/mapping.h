/*
 * A whole file mapped read-only: what the readers of models parse. Pages
 * are read from disk when touched, so opening a file of gigabytes costs what
 * its header costs.
 */
#ifndef HEARD_BASE_MAPPING_H
#define HEARD_BASE_MAPPING_H

#include <stddef.h>

struct mapping {
	const unsigned char *data; /* owned mapping */
	size_t size;               /* bytes, never 0 once open */
	char *path;                /* owned, for messages and for struct tensor */
};

/* Maps `path`. Returns 0, -ENOENT silently where there is no such file (the
 * caller knows whether it must exist), else logs once and returns -EINVAL (no
 * regular file, or an empty one), -ENOMEM or the errno of open or mmap. The
 * struct is zeroed on failure. */
int mapping_open(struct mapping *mapping, const char *path);

/* Headers lie scattered over the file: while they are parsed, read-ahead would
 * read most of it. `mapping_open` leaves it off; this turns it on again, for
 * the sequential reading of whole tensors. */
void mapping_expect_reading(const struct mapping *mapping);

/* Drops all its pages from memory; they are read again when touched. */
void mapping_release(const struct mapping *mapping);

/* Accepts a zeroed struct. */
void mapping_close(struct mapping *mapping);

/* DIR/NAME as an owned string, NULL without memory. */
char *mapping_path(const char *dir, const char *name);

#endif
