#include "core/decode/lm.h"

#include "core/base/log.h"
#include "core/decode/lm_image.h"
#include "core/decode/lm_pack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Children up to this number are searched one after the other: the keys of one
 * cache line. */
enum { FEW_KEYS = 16 };

static bool is_packed(const struct mapping *file)
{
	return file->size >= sizeof(LM_MAGIC) - 1 &&
	       memcmp(file->data, LM_MAGIC, sizeof(LM_MAGIC) - 1) == 0;
}

static int open_packed(struct lm *lm)
{
	mapping_expect_reading(&lm->file); /* all of it is checked */
	return lm_adopt(lm, (unsigned char *)(uintptr_t)lm->file.data, lm->file.size,
			lm->file.path);
}

static int open_arpa(struct lm *lm, const char *path)
{
	struct lm_packed packed;
	int error = lm_pack(path, &packed);

	if (error)
		return error;
	lm->memory = packed.memory;
	return lm_adopt(lm, packed.data, packed.size, path);
}

int lm_open(const char *path, struct lm **out)
{
	struct lm *lm = calloc(1, sizeof(*lm));
	int error;

	*out = NULL;
	if (lm == NULL)
		return -ENOMEM;
	error = mapping_open(&lm->file, path);
	if (error == -ENOENT)
		log_error("%s: no such language model", path);
	if (!error && is_packed(&lm->file)) {
		error = open_packed(lm);
	} else if (!error) {
		mapping_close(&lm->file);
		error = open_arpa(lm, path);
	}
	if (error) {
		lm_close(lm);
		return error;
	}
	*out = lm;
	return 0;
}

void lm_close(struct lm *lm)
{
	if (lm == NULL)
		return;
	mapping_close(&lm->file);
	arena_finish(&lm->memory);
	free(lm->known_before);
	free(lm->prefixes);
	free(lm);
}

unsigned lm_order(const struct lm *lm)
{
	return lm->header.order;
}

size_t lm_size(const struct lm *lm)
{
	return lm->header.counts[0];
}

const char *lm_word(const struct lm *lm, uint32_t id, size_t *bytes)
{
	assert(id < lm->header.counts[0]);
	return lm_string(&lm->at, id, bytes);
}

uint32_t lm_unknown(const struct lm *lm)
{
	return lm->header.unknown;
}

/* The position of the key among the ascending keys[first..last), or LM_NONE. */
static uint32_t find_key(const uint32_t *keys, uint32_t first, uint32_t last, uint32_t key)
{
	while (last - first > FEW_KEYS) {
		uint32_t middle = first + (last - first) / 2;

		if (keys[middle] <= key)
			first = middle;
		else
			last = middle;
	}
	while (first < last && keys[first] < key)
		first++;
	return first < last && keys[first] == key ? first : LM_NONE;
}

/* A back-off that is not minus zero: the n-gram is a context that counts. */
static bool is_context(float backoff)
{
	uint32_t bits;

	memcpy(&bits, &backoff, sizeof(bits));
	return bits != 0x80000000U;
}

static void state_append(struct lm_state *state, unsigned i, uint32_t word, float backoff)
{
	state->words[i] = word;
	state->backoffs[i] = backoff;
	if (is_context(backoff))
		state->length = i + 1;
}

/* Zeroes behind the length, so that equal states are equal bytes. */
static void state_trim(struct lm_state *state)
{
	for (unsigned i = state->length; i < LM_MAX_ORDER - 1; i++) {
		state->words[i] = 0;
		state->backoffs[i] = 0;
	}
}

float lm_score(const struct lm *lm, const struct lm_state *from, uint32_t word, struct lm_state *to)
{
	const unsigned order = lm->header.order;
	const struct lm_entry *entry = &lm->at.entries[0][word];
	struct lm_state next = {0};
	float score = entry->probability;
	unsigned used = 0; /* words of the history */

	assert(word < lm->header.counts[0]);
	if (order > 1)
		state_append(&next, 0, word, entry->backoff);
	for (; used < from->length; used++) {
		unsigned k = used + 1; /* order k + 1 */
		uint32_t i =
			find_key(lm->at.keys[k], entry[0].child, entry[1].child, from->words[used]);
		if (i == LM_NONE)
			break;
		if (k + 1 == order) {
			score = lm->at.probabilities[i];
			used++;
			break;
		}
		entry = &lm->at.entries[k][i];
		score = entry->probability;
		state_append(&next, k, from->words[used], entry->backoff);
	}
	for (; used < from->length; used++)
		score += from->backoffs[used];
	state_trim(&next);
	*to = next;
	return score;
}

void lm_begin(const struct lm *lm, bool sentence, struct lm_state *state)
{
	*state = (struct lm_state){0};
	if (sentence && lm->header.begin != LM_NONE)
		lm_score(lm, &(struct lm_state){0}, lm->header.begin, state);
}

float lm_end(const struct lm *lm, const struct lm_state *from)
{
	struct lm_state ignored;

	return lm->header.end == LM_NONE ? 0 : lm_score(lm, from, lm->header.end, &ignored);
}

bool lm_state_equal(const struct lm_state *a, const struct lm_state *b)
{
	/* The words decide: the back-offs follow from them. */
	return a->length == b->length &&
	       memcmp(a->words, b->words, a->length * sizeof(a->words[0])) == 0;
}
