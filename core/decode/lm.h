/*
 * Back-off n-gram language model of words, or of characters written as words.
 *
 * Scores are those of the ARPA file, log10, with the back-off rule it defines
 * (Katz 1987; ARPA format as in SRILM's ngram-format(5)):
 *
 *	p(w | h) = p(h w)                    where the file lists h w
 *	         = backoff(h) + p(w | h')    else; h' is h without its first word,
 *	                                     backoff is 0 where h is not listed
 *
 * A struct lm is const once open and shared by all decoders and threads. What a
 * hypothesis remembers are plain values (struct lm_state, struct lm_cursor):
 * copied by assignment, nothing to free. Nothing but lm_open, lm_know and
 * lm_close allocates, logs or takes a lock.
 *
 *	struct lm_state now, next;
 *	float sum = 0;
 *
 *	lm_begin(lm, true, &now);
 *	for each word {
 *		sum += lm_score(lm, &now, lm_find(lm, word, n), &next);
 *		now = next;
 *	}
 *	sum += lm_end(lm, &now);
 */
#ifndef HEARD_DECODE_LM_H
#define HEARD_DECODE_LM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LM_MAX_ORDER = 5 };

struct lm;

/* What of the past still matters: the longest end of it that the model lists
 * and that can change a later score. Equal states score every continuation
 * alike. Zeroed: no context (not even the start of a sentence). */
struct lm_state {
	uint32_t length;                  /* words below, 0..order - 1 */
	uint32_t words[LM_MAX_ORDER - 1]; /* the last word first; 0 behind length */
	float backoffs[LM_MAX_ORDER - 1]; /* of the contexts words[0..i]; 0 behind length */
};

/* Opens what `heard-model lm-pack` has written, or an ARPA text, plain or
 * gzip, which is packed in memory first (seconds for a large one). Every offset
 * and size of a packed file is checked against a checksum and the file's size,
 * and its pages are read. Logs the file (and line) once; -ENOENT, -EINVAL (not
 * such a file, or broken), -ENOTSUP (a KenLM binary, more than LM_MAX_ORDER
 * orders, gzip without zlib), -EFBIG, -ENOMEM or another negative errno. */
int lm_open(const char *path, struct lm **out);
/* NULL is allowed. */
void lm_close(struct lm *lm);

unsigned lm_order(const struct lm *lm); /* 1..LM_MAX_ORDER */
size_t lm_size(const struct lm *lm);    /* words; ids are 0..size - 1, sorted by their bytes */
/* The word, not terminated; valid as long as lm. */
const char *lm_word(const struct lm *lm, uint32_t id, size_t *bytes);

/* The id of a word of n bytes, lm_unknown where the model does not list it. */
uint32_t lm_find(const struct lm *lm, const char *word, size_t n);
/* The id of <unk>: always a valid id to score; log10 -100 without <unk> in the
 * file, as KenLM has it. The unknown word is "out of vocabulary" (OOV). */
uint32_t lm_unknown(const struct lm *lm);

/* State before the first word: after <s> (where the file has it), or nothing. */
void lm_begin(const struct lm *lm, bool sentence, struct lm_state *state);
/* log10 p(word | from) of an id < lm_size, and the state behind it; to may be
 * from. */
float lm_score(const struct lm *lm, const struct lm_state *from, uint32_t word,
	       struct lm_state *to);
/* log10 p(</s> | from); 0 where the file has no </s>. */
float lm_end(const struct lm *lm, const struct lm_state *from);

bool lm_state_equal(const struct lm_state *a, const struct lm_state *b);

/* ---- partial words ----
 * A cursor is the set of words that begin with the bytes pushed so far: a range
 * of the sorted words. Zeroed is not a valid cursor: lm_cursor_begin. */
struct lm_cursor {
	uint32_t first, last; /* ids [first, last); empty: no word begins like this */
	uint32_t bytes;       /* pushed */
	uint32_t characters;  /* of them (UTF-8) */
};

void lm_cursor_begin(const struct lm *lm, struct lm_cursor *cursor);
/* Appends whole characters. False once no word of the model begins so; pushing
 * goes on to count. */
bool lm_cursor_push(const struct lm *lm, struct lm_cursor *cursor, const char *text, size_t n);
/* The word that is exactly what was pushed, or lm_unknown. */
uint32_t lm_cursor_word(const struct lm *lm, const struct lm_cursor *cursor);

/* ---- known words (pyctcdecode's unigrams) ----
 * All words of the model are known except <s>, </s> and <unk>, until lm_know
 * names a part of them. */

/* Before lm is shared: only the words of the text file `path`, one a line, are
 * known from now on; those that the model does not list are left out, as
 * pyctcdecode does. Logs; 0 or a negative errno, then nothing has changed. */
int lm_know(struct lm *lm, const char *path);
bool lm_known(const struct lm *lm, uint32_t word);
/* A known word begins with what was pushed, or is it. */
bool lm_cursor_known(const struct lm *lm, const struct lm_cursor *cursor);

#endif
