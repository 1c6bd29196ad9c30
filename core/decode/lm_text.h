/*
 * Lines of a text file, plain or gzip (by its first bytes, whatever its name).
 * Memory does not grow with the file. Level of the caller: one thread.
 */
#ifndef HEARD_DECODE_LM_TEXT_H
#define HEARD_DECODE_LM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lm_gzip;

enum {
	LM_TEXT_LINE = 1 << 16,   /* the longest line, bytes */
	LM_TEXT_BUFFER = 1 << 18, /* read at once */
};

struct lm_text {
	const char *path;            /* borrowed, for messages */
	size_t line;                 /* number of the last line given, from 1 */
	int fd;                      /* owned; -1: `memory` */
	const unsigned char *memory; /* borrowed, what is left of it */
	size_t memory_size;
	struct lm_gzip *gzip; /* owned; NULL: plain */
	unsigned char *raw;   /* owned, [LM_TEXT_BUFFER]: gzip's input */
	size_t raw_start, raw_end;
	char *buffer; /* owned, [LM_TEXT_BUFFER + 1] */
	size_t start, end;
	bool ended;
};

/* Each logs the file (and line) once. 0, -EINVAL (no regular file), -ENOTSUP
 * (gzip without zlib), -ENOMEM or the errno of open or read. */
int lm_text_open(struct lm_text *text, const char *path);
/* The same of a file in memory, borrowed until close. */
int lm_text_open_memory(struct lm_text *text, const void *data, size_t size, const char *name);
void lm_text_close(struct lm_text *text);

/* The next line without its end ("\n" or "\r\n"), terminated with a zero,
 * writable, valid until the next call. 1, 0 at the end, or a negative errno:
 * -EINVAL for a line that is too long, holds a zero byte, or a damaged gzip. */
int lm_text_line(struct lm_text *text, char **line, size_t *n);

#endif
