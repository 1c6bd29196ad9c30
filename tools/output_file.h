/*
 * A file that appears under its name only when it is whole: it is written as
 * NAME.part, and a program that is interrupted before leaves nothing behind. A
 * device or a link is written through instead, renaming would replace it.
 *
 * One file at a time. Errors are logged with the file's name and returned as a
 * negative errno.
 */
#ifndef HEARD_TOOLS_OUTPUT_FILE_H
#define HEARD_TOOLS_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct output_file {
	char *path;      /* owned: the final name */
	char *part_path; /* owned: the name until then; NULL where `path` is no regular file */
	int fd;          /* owned; -1: not open */
};

/* *file need not be initialized; `path` is copied. */
int output_file_open(struct output_file *file, const char *path);
/* Writes at an offset. */
int output_file_write(const struct output_file *file, const void *data, size_t bytes, size_t at);
/* Gives a regular file its final size, where the places can be written in any order. */
int output_file_resize(const struct output_file *file, size_t bytes);
/* Gives the file its name. */
int output_file_finish(struct output_file *file);
/* Removes an unfinished file; frees the rest. Accepts {.fd = -1}. */
void output_file_close(struct output_file *file);

#endif
