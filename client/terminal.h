/*
 * What a terminal makes of text: how wide characters are, where lines break.
 */
#ifndef HEARD_CLIENT_TERMINAL_H
#define HEARD_CLIENT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Chooses the character set of the environment, or UTF-8 where that has none;
 * call once, before anything else here. */
void terminal_init(void);

/* A terminal that understands cursor movement. */
bool terminal_is_capable(int fd);

/* Cells; 80 x 24 where it does not say. */
void terminal_size(int fd, size_t *columns, size_t *lines);

/* Cells that n bytes of UTF-8 take. */
size_t terminal_width(const char *text, size_t n);

/* Copies text, control characters replaced by spaces and broken UTF-8 by
 * question marks, so that no text can steer the terminal. At most size - 1 bytes
 * (out may be text), whole characters; returns their number. */
size_t terminal_clean(const char *text, char *out, size_t size);

/* One row of wrapped text: bytes [start, end) of it, without the space at which
 * it was broken. */
struct terminal_row {
	size_t start, end;
	size_t width; /* cells */
};

/* Breaks text of n bytes into rows of at most `columns` cells (at least 2), at
 * spaces where possible. Fills in up to max rows and returns how many there
 * are, at least 1. */
size_t terminal_wrap(const char *text, size_t n, size_t columns, struct terminal_row *rows,
		     size_t max);

#endif
