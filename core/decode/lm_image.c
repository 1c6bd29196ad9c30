/*
 * Layout and check of a packed language model. Everything that a look-up
 * relies on is checked once, when a file is opened: look-ups check nothing.
 */
#include "core/decode/lm_image.h"

#include "core/base/checked.h"
#include "core/base/log.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Four lanes of multiply and rotate, so that memory and not the multiplier
 * sets the pace. It finds accidents, not intent. */
static uint64_t checksum(const unsigned char *data, size_t n)
{
	const uint64_t prime = 0x9e3779b97f4a7c15U;
	uint64_t lanes[4] = {1, 2, 3, 4}, sum = n;

	while (n > 0) {
		uint64_t words[4] = {0};
		size_t taken = n < sizeof(words) ? n : sizeof(words);

		memcpy(words, data, taken);
		for (int i = 0; i < 4; i++) {
			lanes[i] = (lanes[i] ^ words[i]) * prime;
			lanes[i] ^= lanes[i] >> 29;
		}
		data += taken;
		n -= taken;
	}
	for (int i = 0; i < 4; i++) {
		sum = (sum ^ lanes[i]) * prime;
		sum ^= sum >> 32;
	}
	return sum;
}

uint64_t lm_header_checksum(const struct lm_header *header)
{
	return checksum((const unsigned char *)header, offsetof(struct lm_header, header_checksum));
}

static size_t body_start(void)
{
	return (sizeof(struct lm_header) + LM_ALIGNMENT - 1) / LM_ALIGNMENT * LM_ALIGNMENT;
}

uint64_t lm_body_checksum(const struct lm_layout *layout, const unsigned char *base)
{
	return checksum(base + body_start(), layout->bytes - body_start());
}

/* Takes count * size bytes at *end. */
static bool take(unsigned char *base, size_t *end, size_t count, size_t size, void **out)
{
	size_t bytes;

	if (!checked_mul(count, size, &bytes) || !checked_add(*end, LM_ALIGNMENT - 1, end))
		return false;
	*end -= *end % LM_ALIGNMENT;
	*out = (void *)((uintptr_t)base + *end); /* base may be NULL, to measure */
	return checked_add(*end, bytes, end);
}

bool lm_layout(const struct lm_header *header, unsigned char *base, struct lm_layout *out)
{
	unsigned order = header->order;
	size_t end = body_start(), words = header->counts[0], strings;
	void *at;

	*out = (struct lm_layout){0};
	for (unsigned k = 0; k < order; k++) {
		size_t n = header->counts[k];

		if (k > 0) {
			if (!take(base, &end, n, sizeof(uint32_t), &at))
				return false;
			out->keys[k] = at;
		}
		if (k > 0 && k + 1 == order) {
			if (!take(base, &end, n, sizeof(float), &at))
				return false;
			out->probabilities = at;
		} else {
			if (!take(base, &end, n + 1, sizeof(struct lm_entry), &at))
				return false;
			out->entries[k] = at;
		}
	}
	if (!take(base, &end, words + 1, sizeof(uint32_t), &at))
		return false;
	out->string_index = at;
	if (header->string_bytes > SIZE_MAX)
		return false;
	strings = (size_t)header->string_bytes;
	if (!take(base, &end, strings, 1, &at))
		return false;
	out->strings = at;
	out->bytes = end;
	return true;
}

static bool is_id(uint32_t id, const struct lm_header *header, bool may_miss)
{
	return id < header->counts[0] || (may_miss && id == LM_NONE);
}

/* NULL, or what is wrong with the header. */
static const char *check_header(const struct lm_header *header, size_t size)
{
	if (memcmp(header->magic, LM_MAGIC, sizeof(header->magic)) != 0)
		return "not a packed language model of this version";
	if (header->byte_order != LM_BYTE_ORDER)
		return "packed on a machine of another byte order";
	if (header->header_checksum != lm_header_checksum(header))
		return "the header is damaged (checksum)";
	if (header->order < 1 || header->order > LM_MAX_ORDER)
		return "the order is out of range";
	for (unsigned k = 0; k < LM_MAX_ORDER; k++) {
		if (header->counts[k] == LM_NONE || (k >= header->order && header->counts[k] != 0))
			return "the number of n-grams is out of range";
	}
	if (!is_id(header->unknown, header, false) || !is_id(header->begin, header, true) ||
	    !is_id(header->end, header, true))
		return "the id of a special word is out of range";
	if (header->string_bytes > size || header->string_bytes >= LM_NONE)
		return "the size of the words is out of range";
	return NULL;
}

/* Sums of a few stay numbers. */
static bool good_score(float score)
{
	return fabsf(score) <= 8 * LM_MAX_SCORE;
}

static const char *check_words(const struct lm_header *header, const struct lm_layout *at)
{
	const uint32_t *index = at->string_index;
	size_t before = 0, bytes;

	if (index[0] != 0 || index[header->counts[0]] != header->string_bytes)
		return "the words do not fill their place";
	for (uint32_t i = 0; i < header->counts[0]; i++) {
		if (index[i] > index[i + 1] || index[i + 1] > header->string_bytes)
			return "the offset of a word is out of range";
		bytes = index[i + 1] - index[i];
		if (i > 0) {
			const char *word = at->strings + index[i];
			int order = memcmp(word - before, word, before < bytes ? before : bytes);

			if (order > 0 || (order == 0 && before >= bytes))
				return "the words are not sorted";
		}
		before = bytes;
	}
	return NULL;
}

/* Entries of order k + 1, which have n_children n-grams one order above. */
static const char *check_entries(const struct lm_entry *entries, size_t n, size_t n_children)
{
	if (entries[0].child != 0 || entries[n].child != n_children)
		return "n-grams are left over";
	for (size_t i = 0; i < n; i++) {
		if (entries[i].child > entries[i + 1].child)
			return "the place of an n-gram is out of range";
		if (!good_score(entries[i].probability) || !good_score(entries[i].backoff))
			return "a score is out of range";
	}
	return NULL;
}

/* Keys of one order ascend among the children of each node below. */
static const char *check_keys(const uint32_t *keys, const struct lm_entry *parents,
			      size_t n_parents, uint32_t words)
{
	for (size_t p = 0; p < n_parents; p++) {
		for (uint32_t i = parents[p].child; i < parents[p + 1].child; i++) {
			if (keys[i] >= words)
				return "a word of an n-gram is out of range";
			if (i > parents[p].child && keys[i] <= keys[i - 1])
				return "n-grams are not sorted";
		}
	}
	return NULL;
}

static const char *check_body(const struct lm_header *header, const struct lm_layout *at,
			      const unsigned char *base)
{
	const char *problem;

	if (header->body_checksum != lm_body_checksum(at, base))
		return "the file is damaged (checksum)";
	problem = check_words(header, at);
	for (unsigned k = 0; k < header->order && !problem; k++) {
		size_t children = k + 1 < header->order ? header->counts[k + 1] : 0;

		if (at->entries[k])
			problem = check_entries(at->entries[k], header->counts[k], children);
		if (k > 0 && !problem)
			problem = check_keys(at->keys[k], at->entries[k - 1], header->counts[k - 1],
					     header->counts[0]);
	}
	for (size_t i = 0; at->probabilities && i < header->counts[header->order - 1]; i++) {
		if (!good_score(at->probabilities[i]))
			return "a score is out of range";
	}
	return problem;
}

int lm_adopt(struct lm *lm, unsigned char *base, size_t size, const char *name)
{
	const char *problem = "cut off in its header";

	if (size >= body_start()) {
		memcpy(&lm->header, base, sizeof(lm->header));
		problem = check_header(&lm->header, size);
		if (!problem && (!lm_layout(&lm->header, base, &lm->at) || lm->at.bytes != size))
			problem = "the size of the file is not what its header says";
		if (!problem)
			problem = check_body(&lm->header, &lm->at, base);
	}
	if (problem) {
		log_error("%s: %s", name, problem);
		return -EINVAL;
	}
	return lm_index_words(lm);
}
