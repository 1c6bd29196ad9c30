/* Inside of struct vocab, for the files of this folder. */
#ifndef HEARD_DECODE_VOCAB_TABLE_H
#define HEARD_DECODE_VOCAB_TABLE_H

#include "core/decode/text.h"
#include "core/decode/vocab.h"

#include <stdatomic.h>

struct vocab_entry {
	const char *text;    /* the token; borrowed from vocab.strings */
	const char *printed; /* what stands for it in the text: the delimiter replaced */
	size_t printed_size;
	int group; /* tokens of equal text have equal groups: repeats merge by it */
	bool blank;
	bool space; /* separates words */
	bool special;
	bool known; /* no hole: the token can be found by its text */
	bool added; /* matched in text as it stands, white space around it kept */
};

struct vocab {
	atomic_uint references;
	size_t size;
	struct vocab_entry *entries; /* owned, [size] */
	struct vocab_entry outside;  /* what any other id prints */
	char *strings;               /* owned */
	char *delimiter_text;        /* in strings */
	int *sorted;                 /* owned: ids of known tokens by text, [n_sorted] */
	size_t n_sorted;
	size_t longest_printed; /* bytes */
	size_t longest_token;   /* bytes */
	int blank, delimiter, unknown;
	struct text_style style;
	bool calibrated; /* the two below are in force */
	float confidence_scale, confidence_shift;
};

static inline const struct vocab_entry *vocab_entry(const struct vocab *vocab, int id)
{
	return id >= 0 && (size_t)id < vocab->size ? &vocab->entries[id] : &vocab->outside;
}

/* The confidence of a word whose characters have this mean. */
float vocab_confidence(const struct vocab *vocab, double mean);

/* The id of the token that is these n bytes; -1 where there is none. */
int vocab_find(const struct vocab *vocab, const char *text, size_t n);

#endif
