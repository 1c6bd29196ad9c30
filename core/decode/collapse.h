/*
 * From frames to characters and words: merges repeats, drops blanks, joins the
 * tokens to raw text, and keeps for every character and word its frames and
 * its confidence. Shared by vocab_decode (a whole sequence), ctc_greedy
 * (frame by frame) and ctc_beam (token by token), so all give the same by
 * construction.
 *
 * The state is a plain value: a copy of it, given back with collapse_restore,
 * undoes everything that was fed since, in constant time.
 *
 * Confidence of a character: mean probability of the frames that were merged
 * into it (blanks before and after do not count). Of a word: mean of its
 * characters, corrected as vocab_set_confidence says.
 */
#ifndef HEARD_DECODE_COLLAPSE_H
#define HEARD_DECODE_COLLAPSE_H

#include "core/decode/vocab_table.h"

/* Buffers of the caller; each big enough for all frames that will be fed. */
struct collapse_buffers {
	const struct vocab *vocab; /* borrowed */
	struct span *chars;        /* one a frame; text borrowed from vocab */
	struct span *words;        /* one a frame; text in strings */
	char *strings;             /* longest_printed + 1 a frame, and 1 */
	char *raw;                 /* longest_printed a frame */
};

/* Start with collapse_start. */
struct collapse {
	int group; /* of the last frame; -1 before the first */
	size_t n_chars, n_words;
	size_t string; /* bytes of strings in use; a growing word's zero not counted */
	bool in_word;
	double run_sum; /* probabilities of the last character's frames */
	size_t run_frames;
	double word_sum; /* confidences of the growing word's characters but the last */
	size_t word_chars;
	int token_end; /* end frame of the last character that is no space; 0: none */
	struct span last_char, last_word; /* as in the buffers */
	struct text_state text;
};

void collapse_start(struct collapse *collapse);

/* Frame `frame` (growing from call to call) chose token `id`. Without merge
 * equal neighbours stay apart. */
void collapse_frame(struct collapse *collapse, const struct collapse_buffers *buffers, int frame,
		    int id, float probability, bool merge);

/* A token that is no blank has the frames [start, end) and this confidence. */
void collapse_token(struct collapse *collapse, const struct collapse_buffers *buffers, int start,
		    int end, int id, float confidence);

/* Makes the buffers fit `collapse` again after a copy of it was fed. */
void collapse_restore(const struct collapse *collapse, const struct collapse_buffers *buffers);

#endif
