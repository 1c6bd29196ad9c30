/*
 * The packed language model in memory, for the files of this folder.
 *
 * N-grams form a trie whose paths are read backwards: the predicted word, then
 * the word before it, and so on. So p(w | h) is found by going down from w as
 * far as the history is listed, and what was passed on the way are the contexts
 * of the next word with their back-offs: one walk a word, no second look-up
 * (the arrangement of KenLM's trie, Heafield 2011).
 *
 *	order 1		entries of all words, by id
 *	order k < n	keys: the oldest word of each k-gram, ascending among
 *			the children of one node; entries beside them
 *	order n		keys, probabilities
 *
 * The children of entry i are [entries[i].child, entries[i + 1].child) of the
 * next order. Every n-gram's context and ending are listed too: packing adds
 * what a pruned file has left out, with the score that backing off gives it.
 *
 * In a file all of it is one image: the header, then the arrays in the order
 * below, each at a multiple of LM_ALIGNMENT, little-endian, positions computed
 * from the counts alone. Numbers are the ARPA file's, rounded to float.
 */
#ifndef HEARD_DECODE_LM_IMAGE_H
#define HEARD_DECODE_LM_IMAGE_H

#include "core/base/arena.h"
#include "core/base/mapping.h"
#include "core/decode/lm.h"

#define LM_MAGIC "heardLM1"

enum {
	LM_ALIGNMENT = 64,
	LM_BYTE_ORDER = 0x01020304,
};

/* An id that is no word, and one more than the largest count. */
#define LM_NONE UINT32_MAX

/* No log10 of a file is larger or smaller. */
#define LM_MAX_SCORE 1e6F

struct lm_header {
	char magic[8];
	uint32_t byte_order;
	uint32_t order;
	uint32_t counts[LM_MAX_ORDER]; /* n-grams of each order; the first: words */
	uint32_t unknown, begin, end;  /* ids of <unk>, <s>, </s>; the latter may be LM_NONE */
	uint64_t string_bytes;
	uint64_t body_checksum;   /* of everything behind the header's LM_ALIGNMENT */
	uint64_t header_checksum; /* of the fields above */
};

/* A back-off of minus zero says that nothing continues this n-gram and that
 * forgetting it changes no score. */
struct lm_entry {
	float probability; /* log10 */
	float backoff;     /* log10 */
	uint32_t child;    /* of the next order */
};

/* Where the arrays lie; pointers into the image. */
struct lm_layout {
	struct lm_entry
		*entries[LM_MAX_ORDER]; /* [counts[k] + 1] of order k + 1 < n, and of order 1 */
	uint32_t *keys[LM_MAX_ORDER];   /* [counts[k]]; none of order 1 */
	float *probabilities;           /* of order n > 1, [counts[n - 1]] */
	uint32_t *string_index;         /* [words + 1]: offsets into strings */
	char *strings;                  /* the words by their bytes, one behind the other */
	size_t bytes;                   /* of the whole image */
};

struct lm {
	struct lm_header header;
	struct lm_layout at;
	struct mapping file;    /* owned; zeroed where packed in memory */
	struct arena memory;    /* owned; likewise */
	uint32_t letters[257];  /* first word whose first byte is the index or above */
	uint64_t *prefixes;     /* owned, [words]: the first 8 bytes, as numbers that sort alike */
	uint32_t *known_before; /* owned, [words + 1]: known words of lower ids; NULL: all */
};

/* Computes the layout of an image at base, from order, counts and string_bytes
 * alone. False where its size overflows. */
bool lm_layout(const struct lm_header *header, unsigned char *base, struct lm_layout *out);

uint64_t lm_header_checksum(const struct lm_header *header);
uint64_t lm_body_checksum(const struct lm_layout *layout, const unsigned char *base);

/* Checks an image completely and fills header and layout of *lm, which then
 * borrow from it, and the index of its words. Logs with `name`; 0, -EINVAL or
 * -ENOMEM. */
int lm_adopt(struct lm *lm, unsigned char *base, size_t size, const char *name);

/* Fills letters and prefixes. 0 or -ENOMEM. */
int lm_index_words(struct lm *lm);

/* A string of the layout: its bytes, not terminated. */
static inline const char *lm_string(const struct lm_layout *at, uint32_t id, size_t *bytes)
{
	*bytes = at->string_index[id + 1] - at->string_index[id];
	return at->strings + at->string_index[id];
}

#endif
