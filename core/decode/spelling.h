/*
 * Whether and in which case a vocabulary can write a word that a user typed.
 */
#ifndef HEARD_DECODE_SPELLING_H
#define HEARD_DECODE_SPELLING_H

#include "core/decode/vocab.h"

#include <stdbool.h>
#include <stddef.h>

/* The mark in front of a word's first piece, U+2581 (SentencePiece). */
#define SPELLING_PIECE_MARK "\xe2\x96\x81"

/* How a vocabulary keeps words apart. */
enum spelling_words {
	SPELLING_NONE,      /* not at all */
	SPELLING_DELIMITER, /* by a token of its own */
	SPELLING_MARKED,    /* by SPELLING_PIECE_MARK in front */
};

enum spelling_words spelling_words(const struct vocab *vocab);

/* In which case a word may be meant. */
enum spelling_case { SPELLING_AS_IT_STANDS, SPELLING_UPPER, SPELLING_LOWER, SPELLING_CASES };

/* The cases [SPELLING_CASES] in the order to try: as it stands, upper, lower;
 * upper case first where the tokenizer prints lower case. */
const enum spelling_case *spelling_order(const struct vocab *vocab);

/* Writes the word of n bytes in that case to form and returns its bytes; 0
 * where it does not fit. */
size_t spelling_form(const char *word, size_t n, enum spelling_case which, char *form,
		     size_t capacity);

/* The token can be part of a word. */
bool spelling_token(const struct vocab *vocab, int id);

/* Writes the word of n bytes as the vocabulary, which keeps words apart like
 * this, spells it (in the first case that tokens can make up) to out, without
 * a mark, and returns its bytes; 0 where there is none or it does not fit in
 * `capacity`. */
size_t spelling_of(const struct vocab *vocab, enum spelling_words words, const char *word, size_t n,
		   char *out, size_t capacity);

#endif
