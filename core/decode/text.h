/*
 * From the joined tokens to the text that the tokenizer prints: white space
 * stripped at both ends, lower case, clean-up of spaces, in this order as the
 * reference does it, and incrementally: a state is fed more raw text and
 * gives more output, each byte of which is final.
 *
 *	raw:     "  HELLO WORLD  "
 *	            ^read     ^solid     (beyond solid only white space: held back)
 *	output:  "hello wor"
 *
 * The state is a plain value; buffers belong to the caller and must not move.
 * A copy of a state can be finished or fed a continuation without touching
 * the original, as long as the original's raw text stays as it is.
 */
#ifndef HEARD_DECODE_TEXT_H
#define HEARD_DECODE_TEXT_H

#include "core/decode/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct text_style {
	bool lower; /* do_lower_case */
	bool clean; /* clean_up_tokenization_spaces */
};

/* Zeroed: nothing yet. */
struct text_state {
	size_t raw;   /* bytes of raw text so far */
	size_t solid; /* end of its last character that is no white space */
	size_t read;  /* everything before it went into the output or into `cleanup` */
	bool cased;   /* what a capital sigma at `read` would see on its left */
	struct cleanup cleanup;
};

/* Bytes of output that n bytes of raw text can make, terminating zero included. */
size_t text_capacity(size_t n);

/* Notes that `n` bytes were appended to `raw` (whole characters). */
void text_append(struct text_state *state, const char *raw, size_t n);

/* Writes the output that is settled to out and returns its length; no
 * terminating zero. At the end of the text (end true) everything is settled. */
size_t text_read(struct text_state *state, const struct text_style *style, const char *raw,
		 bool end, char *out);

#endif
