/* Words by their bytes: look-up, cursors over the sorted words, known words. */
#include "core/base/log.h"
#include "core/decode/lm_image.h"
#include "core/decode/lm_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* The first word of [first, last), all of which agree in `depth` bytes, whose
 * next byte is at least `letter`. */
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

static void push_byte(const struct lm *lm, struct lm_cursor *cursor, unsigned char letter)
{
	if (cursor->bytes == 0) {
		cursor->first = lm->letters[letter];
		cursor->last = lm->letters[letter + 1U];
	} else if (cursor->first < cursor->last) {
		cursor->first = find_letter(lm, cursor->first, cursor->last, cursor->bytes, letter);
		cursor->last =
			find_letter(lm, cursor->first, cursor->last, cursor->bytes, letter + 1U);
	}
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
