#include "core/decode/lm_grams.h"

#include "core/base/checked.h"
#include "core/decode/lm_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What KenLM gives <unk> where the file does not list it. */
#define UNLISTED_UNKNOWN -100.0F

void lm_grams_finish(struct lm_grams *grams)
{
	free(grams->strings);
	free(grams->words);
	free(grams->slots);
	for (unsigned k = 0; k < LM_MAX_ORDER; k++) {
		free(grams->tables[k].rows);
		free(grams->tables[k].first);
	}
	*grams = (struct lm_grams){0};
}

/* Makes room for n items more. Doubling costs little: large blocks are
 * remapped, not copied, and pages that were never written cost nothing. */
static int reserve(void **items, size_t size, size_t used, size_t n, size_t *capacity)
{
	size_t wanted, bytes;
	void *grown;

	if (!checked_add(used, n, &wanted))
		return -EFBIG;
	if (wanted <= *capacity)
		return 0;
	wanted = wanted < 2 * *capacity ? 2 * *capacity : wanted;
	wanted = wanted < 64 ? 64 : wanted;
	if (!checked_mul(wanted, size, &bytes))
		return -EFBIG;
	grown = realloc(*items, bytes);
	if (grown == NULL)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

static size_t hash(const char *word, size_t bytes)
{
	uint64_t h = bytes;

	for (size_t i = 0; i < bytes; i++)
		h = (h ^ (unsigned char)word[i]) * 0x100000001b3U;
	return (size_t)((h ^ h >> 29) * 0x9e3779b97f4a7c15U >> 16);
}

/* The slot of the word, or the empty one where it belongs. */
static uint32_t *find_slot(const struct lm_grams *grams, const char *word, size_t bytes)
{
	size_t i = hash(word, bytes);

	for (;; i++) {
		uint32_t *slot = &grams->slots[i & (grams->n_slots - 1)];

		if (*slot == LM_NONE)
			return slot;
		const struct lm_unigram *found = &grams->words[*slot];
		if (found->bytes == bytes &&
		    memcmp(grams->strings + found->offset, word, bytes) == 0)
			return slot;
	}
}

static void fill_slots(struct lm_grams *grams)
{
	memset(grams->slots, 0xff, grams->n_slots * sizeof(*grams->slots));
	for (size_t i = 0; i < grams->n_words; i++)
		*find_slot(grams, grams->strings + grams->words[i].offset, grams->words[i].bytes) =
			(uint32_t)i;
}

/* Keeps the table at most half full. */
static int grow_slots(struct lm_grams *grams)
{
	size_t n = grams->n_slots ? 2 * grams->n_slots : 1024;
	uint32_t *slots;

	if (2 * (grams->n_words + 1) <= grams->n_slots)
		return 0;
	slots = malloc(n * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	free(grams->slots);
	grams->slots = slots;
	grams->n_slots = n;
	fill_slots(grams);
	return 0;
}

uint32_t lm_grams_find(const struct lm_grams *grams, const char *word, size_t bytes)
{
	return grams->n_slots > 0 ? *find_slot(grams, word, bytes) : LM_NONE;
}

/* Minus zero until something turns out to continue the n-gram. */
static float normal_backoff(float backoff)
{
	return backoff == 0 ? -0.0F : backoff;
}

int lm_grams_add_word(struct lm_grams *grams, const char *word, size_t bytes, float probability,
		      float backoff)
{
	void *strings = grams->strings, *words = grams->words;
	uint32_t *slot;
	int rc = reserve(&strings, 1, grams->string_bytes, bytes, &grams->string_capacity);

	grams->strings = strings;
	if (rc == 0)
		rc = reserve(&words, sizeof(*grams->words), grams->n_words, 1,
			     &grams->word_capacity);
	grams->words = words;
	if (rc == 0)
		rc = grow_slots(grams);
	if (rc < 0)
		return rc;
	slot = find_slot(grams, word, bytes);
	if (*slot != LM_NONE)
		return -EEXIST;
	if (grams->n_words + 1 >= LM_NONE || grams->string_bytes + bytes >= LM_NONE)
		return -EFBIG;
	memcpy(grams->strings + grams->string_bytes, word, bytes);
	grams->words[grams->n_words] = (struct lm_unigram){.offset = (uint32_t)grams->string_bytes,
							   .bytes = (uint32_t)bytes,
							   .probability = probability,
							   .backoff = normal_backoff(backoff)};
	grams->string_bytes += bytes;
	*slot = (uint32_t)grams->n_words++;
	return 0;
}

static int compare_words(const void *a, const void *b, void *strings)
{
	const struct lm_unigram *left = a, *right = b;
	uint32_t shorter = left->bytes < right->bytes ? left->bytes : right->bytes;
	int order =
		memcmp((char *)strings + left->offset, (char *)strings + right->offset, shorter);

	return order != 0 ? order : (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

static uint32_t find_text(const struct lm_grams *grams, const char *word)
{
	return lm_grams_find(grams, word, strlen(word));
}

int lm_grams_end_words(struct lm_grams *grams)
{
	const char *unknown = "<unk>";

	/* KenLM takes both. */
	if (find_text(grams, unknown) == LM_NONE && find_text(grams, "<UNK>") != LM_NONE)
		unknown = "<UNK>";
	if (find_text(grams, unknown) == LM_NONE) {
		int rc = lm_grams_add_word(grams, unknown, strlen(unknown), UNLISTED_UNKNOWN, 0);
		if (rc < 0)
			return rc;
	}
	qsort_r(grams->words, grams->n_words, sizeof(*grams->words), compare_words, grams->strings);
	fill_slots(grams);
	grams->unknown = find_text(grams, unknown);
	grams->begin = find_text(grams, "<s>");
	grams->end = find_text(grams, "</s>");
	return 0;
}

int lm_grams_add(struct lm_grams *grams, unsigned order, const uint32_t *words, float probability,
		 float backoff)
{
	struct lm_table *table = &grams->tables[order - 1];
	size_t width = order + 2;
	void *rows = table->rows;
	uint32_t *row;
	int rc = reserve(&rows, width * sizeof(uint32_t), table->n, 1, &table->capacity);

	table->rows = rows;
	if (rc < 0)
		return rc;
	if (table->n + 1 >= LM_NONE)
		return -EFBIG;
	backoff = normal_backoff(backoff);
	row = table->rows + table->n * width;
	for (unsigned i = 0; i < order; i++)
		row[i] = words[order - 1 - i];
	memcpy(row + order, &probability, sizeof(probability));
	memcpy(row + order + 1, &backoff, sizeof(backoff));
	table->order = order;
	table->n++;
	return 0;
}
