#include "tests/weights/torch_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void bytes_add(struct bytes *bytes, const void *data, size_t n)
{
	assert_true(n <= sizeof(bytes->data) - bytes->n);
	if (n)
		memcpy(bytes->data + bytes->n, data, n);
	bytes->n += n;
}

void bytes_add_number(struct bytes *bytes, uint64_t number, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = i < 8 ? (unsigned char)(number >> 8 * i) : 0;
		bytes_add(bytes, &byte, 1);
	}
}

void pickle_ops(struct bytes *bytes, const char *ops)
{
	bytes_add(bytes, ops, strlen(ops));
}

void pickle_text(struct bytes *bytes, const char *text)
{
	pickle_ops(bytes, "X");
	bytes_add_number(bytes, strlen(text), 4);
	pickle_ops(bytes, text);
}

void pickle_int(struct bytes *bytes, int32_t value)
{
	pickle_ops(bytes, "J");
	bytes_add_number(bytes, (uint32_t)value, 4);
}

void pickle_global(struct bytes *bytes, const char *module, const char *name)
{
	pickle_ops(bytes, "c");
	pickle_ops(bytes, module);
	pickle_ops(bytes, "\n");
	pickle_ops(bytes, name);
	pickle_ops(bytes, "\n");
}

void pickle_storage(struct bytes *bytes, const char *type, const char *key, int32_t elements)
{
	pickle_ops(bytes, "(");
	pickle_text(bytes, "storage");
	pickle_global(bytes, "torch", type);
	pickle_text(bytes, key);
	pickle_text(bytes, "cpu");
	pickle_int(bytes, elements);
	pickle_ops(bytes, "tQ");
}

void pickle_tensor(struct bytes *bytes, const char *type, const char *key, int32_t elements,
		   int32_t offset, size_t n_dims, const int32_t *dims, const int32_t *strides)
{
	pickle_global(bytes, "torch._utils", "_rebuild_tensor_v2");
	pickle_ops(bytes, "(");
	pickle_storage(bytes, type, key, elements);
	pickle_int(bytes, offset);
	pickle_ops(bytes, "(");
	for (size_t i = 0; i < n_dims; i++)
		pickle_int(bytes, dims[i]);
	pickle_ops(bytes, "t(");
	for (size_t i = 0; i < n_dims; i++)
		pickle_int(bytes, strides[i]);
	pickle_ops(bytes, "t\x89");
	pickle_global(bytes, "collections", "OrderedDict");
	pickle_ops(bytes, ")RtR");
}

void pickle_item(struct bytes *bytes, const char *name, const char *type, const char *key,
		 int32_t elements)
{
	const int32_t one = 1;

	pickle_text(bytes, name);
	pickle_tensor(bytes, type, key, elements, 0, 1, &elements, &one);
}

void legacy_preamble(struct bytes *bytes)
{
	pickle_ops(bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
	pickle_ops(bytes, "\x80\x02M\xe9\x03.\x80\x02}");
	pickle_text(bytes, "little_endian");
	pickle_ops(bytes, "\x88s.");
}

void archive_add(struct archive *archive, const char *name, const void *data, size_t n)
{
	size_t offset = archive->bytes.n, length = strlen(name);
	struct bytes *local = &archive->bytes, *central = &archive->directory;

	bytes_add_number(local, 0x04034b50, 4);
	bytes_add_number(local, 20, 2);
	bytes_add_number(local, archive->flags, 2);
	bytes_add_number(local, archive->method, 2);
	bytes_add_number(local, 0, 8); /* time, checksum */
	bytes_add_number(local, n, 4);
	bytes_add_number(local, n, 4);
	bytes_add_number(local, length, 2);
	bytes_add_number(local, 5, 2);
	bytes_add(local, name, length);
	bytes_add(local, "FB\1\0x", 5); /* padding, as torch aligns its data */
	bytes_add(local, data, n);

	bytes_add_number(central, 0x02014b50, 4);
	bytes_add_number(central, 20, 2);
	bytes_add_number(central, 20, 2);
	bytes_add_number(central, archive->flags, 2);
	bytes_add_number(central, archive->method, 2);
	bytes_add_number(central, 0, 8);
	bytes_add_number(central, n + archive->size_lie, 4);
	bytes_add_number(central, n + archive->size_lie, 4);
	bytes_add_number(central, length, 2);
	bytes_add_number(central, 0, 12); /* extra, comment, disk, attributes */
	bytes_add_number(central, offset, 4);
	bytes_add(central, name, length);
	archive->n++;
}

void archive_end(struct archive *archive, int zip64)
{
	struct bytes *out = &archive->bytes;
	size_t at = out->n;

	bytes_add(out, archive->directory.data, archive->directory.n);
	if (zip64) {
		size_t end64 = out->n;
		bytes_add_number(out, 0x06064b50, 4);
		bytes_add_number(out, 44, 8);
		bytes_add_number(out, 0, 12); /* versions, disks */
		bytes_add_number(out, archive->n, 8);
		bytes_add_number(out, archive->n, 8);
		bytes_add_number(out, archive->directory.n, 8);
		bytes_add_number(out, at, 8);
		bytes_add_number(out, 0x07064b50, 4);
		bytes_add_number(out, 0, 4);
		bytes_add_number(out, end64, 8);
		bytes_add_number(out, 1, 4);
	}
	bytes_add_number(out, 0x06054b50, 4);
	bytes_add_number(out, 0, 4);
	bytes_add_number(out, zip64 ? 0xffff : archive->n, 2);
	bytes_add_number(out, zip64 ? 0xffff : archive->n, 2);
	bytes_add_number(out, zip64 ? 0xffffffff : archive->directory.n, 4);
	bytes_add_number(out, zip64 ? 0xffffffff : at, 4);
	bytes_add_number(out, 0, 2);
}
