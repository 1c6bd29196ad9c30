/*
 * Writes the files torch.save would write, and those it never would: bytes,
 * pickles opcode by opcode, archives entry by entry.
 */
#ifndef HEARD_TESTS_WEIGHTS_TORCH_WRITER_H
#define HEARD_TESTS_WEIGHTS_TORCH_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	unsigned char data[1 << 16];
	size_t n;
};

void bytes_add(struct bytes *bytes, const void *data, size_t n);
void bytes_add_number(struct bytes *bytes, uint64_t number, size_t n); /* little endian */

/* Opcodes as text, without the terminator: "\x80\x02}." */
void pickle_ops(struct bytes *bytes, const char *ops);
void pickle_text(struct bytes *bytes, const char *text);
void pickle_int(struct bytes *bytes, int32_t value);
void pickle_global(struct bytes *bytes, const char *module, const char *name);

/* The persistent id of a storage, BINPERSID included. */
void pickle_storage(struct bytes *bytes, const char *type, const char *key, int32_t elements);

/* A whole tensor: _rebuild_tensor_v2(storage, offset, dims, strides, ...). */
void pickle_tensor(struct bytes *bytes, const char *type, const char *key, int32_t elements,
		   int32_t offset, size_t n_dims, const int32_t *dims, const int32_t *strides);

/* One vector over a whole storage, as an item of a dictionary. */
void pickle_item(struct bytes *bytes, const char *name, const char *type, const char *key,
		 int32_t elements);

/* Three pickles in front of the older format. */
void legacy_preamble(struct bytes *bytes);

struct archive {
	struct bytes bytes;
	struct bytes directory;
	size_t n;
	/* What the next entries say of themselves. */
	uint16_t method, flags;
	uint32_t size_lie; /* added to the size in the directory */
};

void archive_add(struct archive *archive, const char *name, const void *data, size_t n);
/* Appends directory and end record, with the zip64 ones on request. */
void archive_end(struct archive *archive, int zip64);

#endif
