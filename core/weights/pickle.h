/*
 * A restricted unpickler for what torch.save writes of a state dictionary. It
 * is an interpreter of some forty opcodes that can build plain containers and
 * descriptions of tensors, and nothing else: no name of a pickle is ever
 * looked up or called. An opcode or global outside the list is refused by name.
 *
 * Nothing here recurses, so that cyclic and deeply nested input only costs what
 * its bytes cost; bytes and objects are limited.
 */
#ifndef HEARD_WEIGHTS_PICKLE_H
#define HEARD_WEIGHTS_PICKLE_H

#include "core/weights/tensor.h"

#include <stdint.h>

/* The pickle of hubert-xlarge takes some 200 kB. */
enum { PICKLE_MAX_BYTES = 8 << 20, PICKLE_MAX_OBJECT_BYTES = 256 << 20 };

enum pickle_kind {
	PICKLE_NONE,
	PICKLE_FLAG,
	PICKLE_INTEGER,
	PICKLE_LONG, /* more than 64 bits, as bytes */
	PICKLE_TEXT,
	PICKLE_TUPLE,
	PICKLE_LIST,
	PICKLE_DICT, /* keys and values in turn */
	PICKLE_GLOBAL,
	PICKLE_STORAGE,
	PICKLE_TENSOR,
};

/* What the listed globals stand for. */
enum pickle_global {
	PICKLE_ORDERED_DICT,
	PICKLE_REBUILD_TENSOR,
	PICKLE_REBUILD_TENSOR_V2,
	PICKLE_REBUILD_PARAMETER,
	PICKLE_STORAGE_TYPE, /* with a dtype */
};

struct pickle_value {
	enum pickle_kind kind;
	union {
		int64_t integer; /* and flags */
		struct {
			const char *data; /* borrowed from the pickle, not terminated */
			size_t length;
		} text; /* and longs */
		struct {
			struct pickle_value **items;
			size_t n, capacity;
		} list; /* tuples, lists, dictionaries */
		struct {
			enum pickle_global which;
			enum dtype dtype;
		} global;
		struct {
			const struct pickle_value *key; /* text */
			int64_t elements;
			enum dtype dtype;
		} storage;
		struct {
			const struct pickle_value *storage;
			/* The arguments of _rebuild_tensor: integers and tuples
			 * that are not checked further. */
			const struct pickle_value *offset, *size, *stride;
		} tensor;
	};
};

struct pickle; /* owns every value that came out of it */

/* Runs one pickle at the start of the bytes. On success *root is valid as long
 * as *out and the bytes, *consumed (may be NULL) is its length. `file` is for
 * messages. Logs once and returns -EINVAL, -EFBIG, -ENOTSUP (an opcode or a
 * global outside the list) or -ENOMEM. */
int pickle_run(const unsigned char *data, size_t size, const char *file, struct pickle **out,
	       const struct pickle_value **root, size_t *consumed);

/* Frees all values. NULL is allowed. */
void pickle_destroy(struct pickle *pickle);

#endif
