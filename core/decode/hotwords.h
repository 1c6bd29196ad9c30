/*
 * Hotwords: phrases that a session expects, each with a bonus for a hypothesis
 * that holds it.
 *
 * The phrases are one Aho-Corasick automaton (Aho and Corasick, "Efficient
 * string matching", 1975) over the text of the hypothesis, byte by byte, with a
 * space at both of its ends, so that "cat" is not found in "cats" nor in "a
 * cat's". A vocabulary without spaces has no such ends. Texts, not tokens: any
 * way to spell a phrase with tokens of several letters counts alike.
 *
 * Score of a text, natural logarithm:
 *
 *	sum of the weights of all occurrences of all phrases (overlaps included)
 *	+ pending: the largest weight * (bytes matched / bytes of the phrase) of
 *	  the phrases that may still be under way at its end
 *
 * Pending leads the search to a phrase before it is complete. It is taken back
 * by the byte that contradicts it, and at the end of the text. (pyctcdecode's
 * hotword scorer does the same for single words, with a weight of 10.)
 *
 * Const after compile: any thread. States are plain numbers.
 */
#ifndef HEARD_DECODE_HOTWORDS_H
#define HEARD_DECODE_HOTWORDS_H

#include "core/decode/vocab.h"

#include <stddef.h>
#include <stdint.h>

struct hotwords;

/* What a list may be; beyond it is refused. */
enum {
	HOTWORDS_MAX_PHRASES = 20000,
	HOTWORDS_MAX_BYTES = 256,      /* of one phrase */
	HOTWORDS_MAX_STATES = 1000000, /* bytes of all phrases, common beginnings once */
	HOTWORDS_MAX_FILE = 4 << 20,   /* bytes of a list as text */
};
#define HOTWORDS_WEIGHT     10.0F  /* without a weight */
#define HOTWORDS_MAX_WEIGHT 100.0F /* either sign; negative ones make a phrase less likely */

struct hotword {
	const char *phrase; /* words with white space between them, UTF-8 */
	float weight;
};

/* Why a list was refused. */
struct hotwords_error {
	size_t phrase; /* index; in a text: the line, from 1; 0 there: no line */
	char message[200];
};

/* Phrases are written in the vocabulary's letters: a word as it stands, else in
 * upper, else in lower case. An empty list is right. 0, or *error filled in and
 * -EINVAL (a phrase is empty, too long, no UTF-8 or has a word that the vocabulary
 * cannot spell, which is named; or a weight is out of range), -E2BIG or -ENOMEM. */
int hotwords_compile(const struct vocab *vocab, const struct hotword *list, size_t n,
		     struct hotwords **out, struct hotwords_error *error);
/* The same of a text: a phrase a line, its weight behind " :" at the end of the line where
 * it has one ("turn it up :4.5"), empty lines and those that begin with # left out. */
int hotwords_compile_text(const struct vocab *vocab, const char *text, size_t size,
			  struct hotwords **out, struct hotwords_error *error);
/* The same of a file. Also another negative errno where it cannot be read. */
int hotwords_read(const struct vocab *vocab, const char *path, struct hotwords **out,
		  struct hotwords_error *error);
/* Counts references, of which compile gave one; any thread. hold returns its argument, both take
 * NULL. */
struct hotwords *hotwords_hold(struct hotwords *hotwords);
void hotwords_release(struct hotwords *hotwords);

size_t hotwords_states(const struct hotwords *hotwords);

/* Before the first byte. */
uint32_t hotwords_begin(const struct hotwords *hotwords);
/* The state behind n more bytes of text (spaces between words); adds the weights
 * of what they complete to *sum. */
uint32_t hotwords_push(const struct hotwords *hotwords, uint32_t state, const char *text, size_t n,
		       double *sum);
/* What is under way. */
float hotwords_pending(const struct hotwords *hotwords, uint32_t state);
/* The weights that the end of the text completes. */
float hotwords_end(const struct hotwords *hotwords, uint32_t state);

#endif
