/*
 * UTF-8 at the border: checking and decoding, as RFC 3629 has it (no overlong
 * forms, no surrogates, nothing above U+10FFFF).
 */
#ifndef HEARD_BASE_UTF8_H
#define HEARD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at text[0], n bytes available. Returns its length in
 * bytes (1 to 4) and stores the code point, or 0 where the bytes are not
 * UTF-8 or n is 0. */
size_t utf8_decode(const char *text, size_t n, uint32_t *code);

/* Stores 1 to 4 bytes, no terminator, and returns their number; 0 for a
 * surrogate or a number above U+10FFFF. */
size_t utf8_encode(uint32_t code, char out[4]);

/* Bytes of the longest valid prefix; n where all of it is valid. */
size_t utf8_valid_prefix(const char *text, size_t n);

static inline bool utf8_valid(const char *text, size_t n)
{
	return utf8_valid_prefix(text, n) == n;
}

#endif
