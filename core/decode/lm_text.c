#include "core/decode/lm_text.h"

#include "core/base/log.h"
#include "core/decode/lm_gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to `size` bytes of the file as it lies on the disk; 0 at its end. */
static int read_raw(struct lm_text *text, unsigned char *out, size_t size, size_t *n)
{
	*n = 0;
	if (text->fd < 0) {
		*n = size < text->memory_size ? size : text->memory_size;
		if (*n > 0)
			memcpy(out, text->memory, *n);
		text->memory += *n;
		text->memory_size -= *n;
		return 0;
	}
	ssize_t got;
	do
		got = read(text->fd, out, size);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		int error = errno;

		log_error("%s: cannot read: %s", text->path, strerror(error));
		return -error;
	}
	*n = (size_t)got;
	return 0;
}

/* The same of its text; *n 0 at the end. */
static int read_inflated(struct lm_text *text, unsigned char *out, size_t size, size_t *n)
{
	for (;;) {
		size_t used = text->raw_end - text->raw_start;

		*n = size;
		if (lm_gzip_read(text->gzip, text->raw + text->raw_start, &used, out, n) < 0) {
			log_error("%s: damaged gzip behind line %zu", text->path, text->line);
			return -EINVAL;
		}
		text->raw_start += used;
		if (*n > 0)
			return 0;
		text->raw_start = 0;
		int rc = read_raw(text, text->raw, LM_TEXT_BUFFER, &text->raw_end);
		if (rc < 0)
			return rc;
		if (text->raw_end == 0 && !lm_gzip_complete(text->gzip)) {
			log_error("%s: the gzip is cut off behind line %zu", text->path,
				  text->line);
			return -EINVAL;
		}
		if (text->raw_end == 0)
			return 0;
	}
}

/* Moves what is left to the front of the buffer and reads on behind it. */
static int fill(struct lm_text *text)
{
	unsigned char *out = (unsigned char *)text->buffer;
	size_t n;
	int rc;

	memmove(out, out + text->start, text->end - text->start);
	text->end -= text->start;
	text->start = 0;
	if (text->gzip)
		rc = read_inflated(text, out + text->end, LM_TEXT_BUFFER - text->end, &n);
	else
		rc = read_raw(text, out + text->end, LM_TEXT_BUFFER - text->end, &n);
	if (rc < 0)
		return rc;
	text->end += n;
	text->ended = n == 0;
	return 0;
}

static bool is_gzip(const struct lm_text *text)
{
	return text->end >= 2 && (unsigned char)text->buffer[0] == 0x1f &&
	       (unsigned char)text->buffer[1] == 0x8b;
}

/* Turns what was read for a look at its first bytes into gzip's input. */
static int begin_gzip(struct lm_text *text)
{
	int rc = lm_gzip_create(&text->gzip);

	if (rc == -ENOTSUP)
		log_error("%s: compressed with gzip, and this build has no zlib: gunzip it",
			  text->path);
	if (rc < 0)
		return rc;
	text->raw = malloc(LM_TEXT_BUFFER);
	if (text->raw == NULL)
		return -ENOMEM;
	memcpy(text->raw, text->buffer, text->end);
	text->raw_end = text->end;
	text->end = 0;
	return 0;
}

static int begin(struct lm_text *text)
{
	int rc;

	text->buffer = malloc(LM_TEXT_BUFFER + 1);
	if (text->buffer == NULL)
		rc = -ENOMEM;
	else
		rc = fill(text);
	if (rc == 0 && is_gzip(text))
		rc = begin_gzip(text);
	if (rc < 0)
		lm_text_close(text);
	return rc;
}

int lm_text_open(struct lm_text *text, const char *path)
{
	struct stat info;

	*text = (struct lm_text){.path = path};
	/* A FIFO of that name would block in open without O_NONBLOCK. */
	text->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (text->fd < 0 || fstat(text->fd, &info) < 0) {
		int error = errno;

		log_error("%s: cannot open: %s", path, strerror(error));
		lm_text_close(text);
		return -error;
	}
	if (!S_ISREG(info.st_mode)) {
		log_error("%s: not a regular file", path);
		lm_text_close(text);
		return -EINVAL;
	}
	return begin(text);
}

int lm_text_open_memory(struct lm_text *text, const void *data, size_t size, const char *name)
{
	*text = (struct lm_text){.path = name, .fd = -1, .memory = data, .memory_size = size};
	return begin(text);
}

void lm_text_close(struct lm_text *text)
{
	if (text->fd >= 0)
		close(text->fd);
	lm_gzip_destroy(text->gzip);
	free(text->raw);
	free(text->buffer);
	*text = (struct lm_text){.fd = -1};
}

int lm_text_line(struct lm_text *text, char **line, size_t *n)
{
	char *end;

	while ((end = memchr(text->buffer + text->start, '\n', text->end - text->start)) == NULL &&
	       !text->ended && text->end - text->start <= LM_TEXT_LINE) {
		int rc = fill(text);

		if (rc < 0)
			return rc;
	}
	if (end == NULL && text->start == text->end)
		return 0;
	text->line++;
	if (end == NULL)
		end = text->buffer + text->end;
	*line = text->buffer + text->start;
	*n = (size_t)(end - *line);
	if (*n > LM_TEXT_LINE) {
		log_error("%s:%zu: longer than %d bytes: not a text of lines", text->path,
			  text->line, LM_TEXT_LINE);
		return -EINVAL;
	}
	text->start += *n + (end < text->buffer + text->end);
	if (memchr(*line, '\0', *n)) {
		log_error("%s:%zu: a zero byte in the text", text->path, text->line);
		return -EINVAL;
	}
	if (*n > 0 && (*line)[*n - 1] == '\r')
		--*n;
	(*line)[*n] = '\0'; /* buffer has one byte more than is ever filled */
	return 1;
}
