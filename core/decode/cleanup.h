/*
 * clean_up_tokenization_spaces of the reference tokenizers, byte by byte: ten
 * text replacements done one after the other (" ." to ".", " n't" to "n't" and
 * so on). Each is a small automaton that holds back the bytes which may still
 * become its pattern and passes everything else on to the next. What comes out
 * at the end can no longer change, whatever follows: that is what makes stable
 * text possible.
 *
 * A plain value without pointers: copy it to try a continuation.
 */
#ifndef HEARD_DECODE_CLEANUP_H
#define HEARD_DECODE_CLEANUP_H

#include <stddef.h>

enum {
	CLEANUP_PASSES = 10,
	CLEANUP_MAX_HELD = 3 * CLEANUP_PASSES, /* bytes held back at most */
};

/* Zeroed: the start of a text. */
struct cleanup {
	unsigned char held[CLEANUP_PASSES]; /* bytes of its pattern that each pass has seen */
};

/* Takes one byte and writes what is settled by it to out, at most
 * CLEANUP_MAX_HELD + 1 bytes; returns how many. */
size_t cleanup_byte(struct cleanup *cleanup, char byte, char *out);

/* The text ends here: writes what was held back, at most CLEANUP_MAX_HELD bytes. */
size_t cleanup_end(struct cleanup *cleanup, char *out);

#endif
