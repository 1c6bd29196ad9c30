/* Words by their bytes: look-up, cursors over the sorted words, known words. */
#include "core/base/log.h"
#include "core/decode/lm_image.h"
#include "core/decode/lm_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8 };

/* The first bytes as a number, most significant first, zeroes behind the end:
 * words whose prefixes differ sort as these do. */
static uint64_t prefix_of(const char *text, size_t n)
{
	uint64_t prefix = 0;

	for (size_t i = 0; i < PREFIX_BYTES; i++)
		prefix = prefix << 8 | (i < n ? (unsigned char)text[i] : 0);
	return prefix;
}

int lm_index_words(struct lm *lm)
{
	uint32_t words = lm->header.counts[0], id = 0;

	lm->prefixes = malloc((size_t)words * sizeof(*lm->prefixes));
	if (lm->prefixes == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < words; i++) {
		size_t bytes;
		const char *word = lm_string(&lm->at, i, &bytes);

		lm->prefixes[i] = prefix_of(word, bytes);
		/* An empty word begins with no letter. */
		for (; bytes > 0 && id <= (unsigned char)word[0]; id++)
			lm->letters[id] = i;
	}
	for (; id < sizeof(lm->letters) / sizeof(lm->letters[0]); id++)
		lm->letters[id] = words;
	return 0;
}

/* <0, 0, >0 as the word with this id is before, equal to or behind text. */
static int compare_word(const struct lm *lm, uint32_t id, const char *text, size_t n)
{
	size_t bytes;
	const char *word = lm_string(&lm->at, id, &bytes);
	int order = memcmp(word, text, bytes < n ? bytes : n);

	return order != 0 ? order : (bytes > n) - (bytes < n);
}

uint32_t lm_find(const struct lm *lm, const char *word, size_t n)
{
	unsigned letter = n > 0 ? (unsigned char)word[0] : 0;
	uint32_t first = n > 0 ? lm->letters[letter] : 0;
	uint32_t last = n > 0 ? lm->letters[letter + 1] : lm->letters[0];

	while (first < last) {
		uint32_t middle = first + (last - first) / 2;
		int order = compare_word(lm, middle, word, n);

		if (order == 0)
			return middle;
		if (order < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return lm->header.unknown;
}

void lm_cursor_begin(const struct lm *lm, struct lm_cursor *cursor)
{
	*cursor = (struct lm_cursor){.last = lm->header.counts[0]};
}

/* The first of the ascending numbers [first, last) that is not below `value`.
 * Looked for from the front in growing steps: the answer is mostly near. */
static uint32_t find_prefix(const uint64_t *prefixes, uint32_t first, uint32_t last, uint64_t value)
{
	uint32_t step = 1;

	while (step < last - first && prefixes[first + step - 1] < value) {
		first += step;
		step *= 2;
	}
	if (step < last - first)
		last = first + step;
	while (first < last) {
		uint32_t middle = first + (last - first) / 2;

		if (prefixes[middle] < value)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

/* The same of words that agree in `depth` bytes, by their next byte. */
static uint32_t find_letter(const struct lm *lm, uint32_t first, uint32_t last, uint32_t depth,
			    unsigned letter)
{
	while (first < last) {
		uint32_t middle = first + (last - first) / 2;
		size_t bytes;
		const char *word = lm_string(&lm->at, middle, &bytes);

		if (bytes <= depth || (unsigned char)word[depth] < letter)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

/* Keeps of the cursor's words those that go on with the letter. */
static void narrow(const struct lm *lm, struct lm_cursor *cursor, unsigned char letter)
{
	const uint32_t depth = cursor->bytes;

	if (depth == 0) {
		cursor->first = lm->letters[letter];
		cursor->last = lm->letters[letter + 1U];
	} else if (depth < PREFIX_BYTES && letter > 0) {
		/* What all of them begin with, then the letter. */
		unsigned shift = 8 * (PREFIX_BYTES - 1 - depth);
		uint64_t shared = lm->prefixes[cursor->first] >> (shift + 8) << (shift + 8);
		uint64_t low = shared | (uint64_t)letter << shift;
		uint64_t high = low + ((uint64_t)1 << shift);

		cursor->first = find_prefix(lm->prefixes, cursor->first, cursor->last, low);
		if (high > low) /* no overflow: some number is behind them */
			cursor->last = find_prefix(lm->prefixes, cursor->first, cursor->last, high);
	} else {
		cursor->first = find_letter(lm, cursor->first, cursor->last, depth, letter);
		cursor->last = find_letter(lm, cursor->first, cursor->last, depth, letter + 1U);
	}
}

static void push_byte(const struct lm *lm, struct lm_cursor *cursor, unsigned char letter)
{
	if (cursor->first < cursor->last)
		narrow(lm, cursor, letter);
	if (cursor->first == cursor->last)
		cursor->first = cursor->last = 0; /* equal cursors are equal values */
	cursor->bytes++;
	cursor->characters += (letter & 0xc0) != 0x80;
}

bool lm_cursor_push(const struct lm *lm, struct lm_cursor *cursor, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		push_byte(lm, cursor, (unsigned char)text[i]);
	return cursor->first < cursor->last;
}

uint32_t lm_cursor_word(const struct lm *lm, const struct lm_cursor *cursor)
{
	size_t bytes;

	/* A word that ends here is the first of all that begin with it. */
	if (cursor->first < cursor->last) {
		lm_string(&lm->at, cursor->first, &bytes);
		if (bytes == cursor->bytes)
			return cursor->first;
	}
	return lm->header.unknown;
}

/* Words in [first, last) that a text cannot contain. */
static uint32_t count_special(const struct lm *lm, uint32_t first, uint32_t last)
{
	const uint32_t ids[] = {lm->header.unknown, lm->header.begin, lm->header.end};
	uint32_t n = 0;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		n += ids[i] >= first && ids[i] < last;
	return n;
}

static bool any_known(const struct lm *lm, uint32_t first, uint32_t last)
{
	if (lm->known_before)
		return lm->known_before[last] > lm->known_before[first];
	return last - first > count_special(lm, first, last);
}

bool lm_known(const struct lm *lm, uint32_t word)
{
	return any_known(lm, word, word + 1);
}

bool lm_cursor_known(const struct lm *lm, const struct lm_cursor *cursor)
{
	return any_known(lm, cursor->first, cursor->last);
}

/* Marks the listed words in known[id]; returns their number or a negative errno. */
static long read_list(const struct lm *lm, const char *path, uint32_t *known)
{
	struct lm_text text;
	char *line;
	size_t n;
	long listed = 0;
	int rc = lm_text_open(&text, path);

	if (rc < 0)
		return rc;
	while ((rc = lm_text_line(&text, &line, &n)) > 0) {
		uint32_t id = lm_find(lm, line, n);

		listed++;
		if (count_special(lm, id, id + 1) == 0)
			known[id] = 1;
	}
	lm_text_close(&text);
	return rc < 0 ? rc : listed;
}

int lm_know(struct lm *lm, const char *path)
{
	uint32_t words = lm->header.counts[0], total = 0;
	uint32_t *known = calloc((size_t)words + 1, sizeof(*known));
	long listed;

	if (known == NULL)
		return -ENOMEM;
	listed = read_list(lm, path, known);
	if (listed < 0) {
		free(known);
		return (int)listed;
	}
	for (uint32_t i = 0; i <= words; i++) {
		uint32_t one = known[i];

		known[i] = total;
		total += one;
	}
	/* pyctcdecode warns below the same share. */
	if ((double)total < 0.1 * (double)listed)
		log_warn("%s: only %u of %ld words are in the language model", path, total, listed);
	free(lm->known_before);
	lm->known_before = known;
	return 0;
}
