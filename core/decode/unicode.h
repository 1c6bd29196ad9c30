/*
 * UTF-8 and the properties of characters that Python's str.strip, lower and
 * upper use. Locale-free. Bytes that are no UTF-8 pass through one by one as
 * code points from UNICODE_BYTE on, so that nothing is ever lost.
 */
#ifndef HEARD_DECODE_UNICODE_H
#define HEARD_DECODE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UNICODE_BYTE = 0x110000,   /* + the byte */
	UNICODE_SIGMA = 0x3a3,     /* the one letter whose lower case depends on its context */
	UNICODE_MAX_EXPANSION = 3, /* code points that one code point may fold to */
};

/* The code point at *position, which must be below size; advances *position. */
uint32_t unicode_next(const char *text, size_t size, size_t *position);
/* Writes what unicode_next read, 1 to 4 bytes, and returns how many. */
size_t unicode_put(char out[4], uint32_t c);

bool unicode_is_space(uint32_t c);
/* Cased and not case-ignorable; case-ignorable: Unicode's Final_Sigma condition. */
bool unicode_is_cased(uint32_t c);
bool unicode_is_ignorable(uint32_t c);

/* Full case mapping of one code point out of context; returns their number. */
int unicode_lower(uint32_t c, uint32_t out[UNICODE_MAX_EXPANSION]);
int unicode_upper(uint32_t c, uint32_t out[UNICODE_MAX_EXPANSION]);

#endif
