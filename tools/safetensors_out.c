#include "tools/safetensors_out.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "tools/json_out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "safetensors data is little endian and written as it lies in memory");

struct entry {
	char *name; /* owned */
	enum dtype dtype;
	size_t n_dims;
	size_t dims[TENSOR_MAX_DIMS];
	size_t begin; /* byte offset in the data */
	size_t bytes;
};

struct safetensors_out {
	char *path;      /* owned: the final name */
	char *part_path; /* owned: the name until then; NULL where `path` is no regular file */
	int fd;          /* owned; -1 before begin */
	size_t n_entries;
	struct entry *entries; /* owned */
	size_t data_bytes;
	size_t data_start; /* offset of the data in the file */
};

/* The name that an interrupted program must not leave behind; the program
 * writes one file at a time. */
static const char *volatile unfinished;

static void remove_unfinished(int signal_number)
{
	const char *path = unfinished;

	if (path)
		unlink(path);
	/* The handler is gone by now (SA_RESETHAND): this ends the program. */
	raise(signal_number);
}

static void watch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = remove_unfinished, .sa_flags = (int)SA_RESETHAND};
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What nohup ignores stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
}

int safetensors_out_create(const char *path, struct safetensors_out **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->fd = -1;
	(*out)->path = strdup(path);
	if (!(*out)->path) {
		safetensors_out_destroy(*out);
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int fail(const struct safetensors_out *out, int error)
{
	log_error("%s: %s", out->path, strerror(error));
	return -error;
}

int safetensors_out_add(struct safetensors_out *out, const char *name, enum dtype dtype,
			size_t n_dims, const size_t *dims)
{
	struct entry entry = {.dtype = dtype, .n_dims = n_dims, .begin = out->data_bytes};
	size_t end;

	assert(out->fd < 0 && n_dims <= TENSOR_MAX_DIMS);
	entry.bytes = dtype_size(dtype);
	for (size_t i = 0; i < n_dims; i++) {
		entry.dims[i] = dims[i];
		if (!checked_mul(entry.bytes, dims[i], &entry.bytes))
			return fail(out, EOVERFLOW);
	}
	if (!checked_add(out->data_bytes, entry.bytes, &end))
		return fail(out, EOVERFLOW);

	struct entry *grown = realloc(out->entries, (out->n_entries + 1) * sizeof(*grown));
	if (!grown)
		return fail(out, ENOMEM);
	out->entries = grown;
	entry.name = strdup(name);
	if (!entry.name)
		return fail(out, ENOMEM);
	grown[out->n_entries] = entry;
	out->data_bytes = end;
	return (int)out->n_entries++;
}

/* The header as text in owned memory. */
static int make_header(const struct safetensors_out *out, char **text, size_t *size)
{
	FILE *f = open_memstream(text, size);
	if (!f)
		return -errno;

	struct json_out json = {.file = f};
	json_begin_object(&json, NULL);
	for (size_t i = 0; i < out->n_entries; i++) {
		const struct entry *entry = &out->entries[i];
		json_begin_object(&json, entry->name);
		json_string(&json, "dtype", dtype_name(entry->dtype));
		json_begin_array(&json, "shape");
		for (size_t d = 0; d < entry->n_dims; d++)
			json_integer(&json, NULL, (long long)entry->dims[d]);
		json_end_array(&json);
		json_begin_array(&json, "data_offsets");
		json_integer(&json, NULL, (long long)entry->begin);
		json_integer(&json, NULL, (long long)(entry->begin + entry->bytes));
		json_end_array(&json);
		json_end_object(&json);
	}
	json_end_object(&json);
	while (ftell(f) % 8 != 0)
		putc(' ', f);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

static int write_at(const struct safetensors_out *out, const void *data, size_t bytes, size_t at)
{
	const unsigned char *p = data;

	while (bytes > 0) {
		ssize_t n = pwrite(out->fd, p, bytes, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(out, n < 0 ? errno : EIO);
		p += n;
		at += (size_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* A device or link is written through: renaming would replace it. */
static int open_output(struct safetensors_out *out)
{
	struct stat status;
	bool direct = lstat(out->path, &status) == 0 && !S_ISREG(status.st_mode);

	if (!direct && asprintf(&out->part_path, "%s.part", out->path) < 0) {
		out->part_path = NULL;
		return fail(out, ENOMEM);
	}
	const char *path = direct ? out->path : out->part_path;
	out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out->fd < 0) {
		int error = errno;
		free(out->part_path);
		out->part_path = NULL;
		return fail(out, error);
	}
	unfinished = out->part_path;
	watch_signals();
	return 0;
}

int safetensors_out_begin(struct safetensors_out *out)
{
	char *text = NULL;
	size_t size = 0;

	int error = make_header(out, &text, &size);
	if (error) {
		free(text);
		return fail(out, -error);
	}
	error = open_output(out);
	unsigned char length[8];
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (unsigned char)((uint64_t)size >> 8 * i);
	if (!error)
		error = write_at(out, length, sizeof(length), 0);
	if (!error)
		error = write_at(out, text, size, sizeof(length));
	out->data_start = sizeof(length) + size;
	free(text);
	if (!error && out->part_path &&
	    ftruncate(out->fd, (off_t)(out->data_start + out->data_bytes)) != 0)
		return fail(out, errno);
	return error;
}

int safetensors_out_write(struct safetensors_out *out, int tensor, size_t first, const void *data,
			  size_t count)
{
	const struct entry *entry = &out->entries[tensor];
	size_t size = dtype_size(entry->dtype);

	assert(checked_range(first * size, count * size, entry->bytes));
	return write_at(out, data, count * size, out->data_start + entry->begin + first * size);
}

int safetensors_out_finish(struct safetensors_out *out)
{
	int closed = close(out->fd);

	out->fd = -1;
	if (closed != 0)
		return fail(out, errno);
	if (!out->part_path)
		return 0;
	unfinished = NULL;
	if (rename(out->part_path, out->path) != 0)
		return fail(out, errno);
	free(out->part_path);
	out->part_path = NULL;
	return 0;
}

void safetensors_out_destroy(struct safetensors_out *out)
{
	if (!out)
		return;
	if (out->fd >= 0)
		close(out->fd);
	unfinished = NULL;
	if (out->part_path)
		unlink(out->part_path);
	for (size_t i = 0; i < out->n_entries; i++)
		free(out->entries[i].name);
	free(out->entries);
	free(out->part_path);
	free(out->path);
	free(out);
}
