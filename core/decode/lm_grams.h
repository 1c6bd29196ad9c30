/*
 * The n-grams of an ARPA file while it is packed: one growing table for each
 * order, as word ids read backwards (the predicted word first), and the words.
 */
#ifndef HEARD_DECODE_LM_GRAMS_H
#define HEARD_DECODE_LM_GRAMS_H

#include "core/decode/lm.h"

struct lm_unigram {
	uint32_t offset, bytes; /* of the word in `strings` */
	float probability, backoff;
};

/* Rows of `order` ids, probability and backoff (floats, bit for bit). */
struct lm_table {
	unsigned order;
	uint32_t *rows; /* owned, [n][order + 2] */
	size_t n, capacity;
	/* Once sorted: where the rows begin whose first word is the index or above. */
	uint32_t *first; /* owned, [words + 1] */
};

struct lm_grams {
	unsigned order;
	char *strings; /* owned */
	size_t string_bytes, string_capacity;
	struct lm_unigram *words; /* owned, [n_words]; index = id once sorted */
	size_t n_words, word_capacity;
	uint32_t *slots; /* owned, hash table of indices, [n_slots], a power of two */
	size_t n_slots;
	struct lm_table tables[LM_MAX_ORDER]; /* of orders 2.. at index order - 1 */
	uint32_t unknown, begin, end;         /* once sorted; the latter may be LM_NONE */
};

/* A zeroed struct is empty; finish accepts it. */
void lm_grams_finish(struct lm_grams *grams);

/* Each returns 0 or -ENOMEM; -EEXIST for a word that is there already, -EFBIG
 * for more than 32 bits can count. */
int lm_grams_add_word(struct lm_grams *grams, const char *word, size_t bytes, float probability,
		      float backoff);
/* Adds <unk> where it is missing, sorts the words: ids are valid from now on. */
int lm_grams_end_words(struct lm_grams *grams);
/* The id, or LM_NONE. */
uint32_t lm_grams_find(const struct lm_grams *grams, const char *word, size_t bytes);
/* words in reading order, [order], 2 or more. */
int lm_grams_add(struct lm_grams *grams, unsigned order, const uint32_t *words, float probability,
		 float backoff);

/* Sorts all tables, adds the missing contexts and endings of n-grams, and tells
 * contexts (back-off +0 or other) from n-grams that nothing continues and that
 * have no back-off (minus zero). 0, -ENOMEM, -EFBIG; or -EEXIST for an n-gram
 * listed twice, the table's order in *order and its words in reading order in
 * words. */
int lm_grams_close(struct lm_grams *grams, unsigned *order, uint32_t words[LM_MAX_ORDER]);

static inline const uint32_t *lm_table_row(const struct lm_table *table, size_t i)
{
	return table->rows + i * (table->order + 2);
}

static inline float lm_row_float(const uint32_t *row, unsigned column)
{
	union {
		uint32_t bits;
		float value;
	} cell = {.bits = row[column]};

	return cell.value;
}

#endif
