#include "core/decode/spelling.h"

#include "core/decode/unicode.h"
#include "core/decode/vocab_table.h"

#include <string.h>

enum { MAX_WORD = 1024 }; /* bytes, mark included */

enum letter_case { AS_IT_STANDS, UPPER, LOWER };

static bool spells(const struct vocab *vocab, int id)
{
	const struct vocab_entry *entry = vocab_entry(vocab, id);

	return entry->known && !entry->blank && !entry->space && !entry->special &&
	       id != vocab->unknown;
}

enum spelling_words spelling_words(const struct vocab *vocab)
{
	const size_t mark = strlen(SPELLING_PIECE_MARK);
	bool space = false, marked = false;

	for (size_t i = 0; i < vocab->size; i++) {
		const struct vocab_entry *entry = &vocab->entries[i];

		space = space || (entry->known && entry->space);
		marked = marked || (spells(vocab, (int)i) &&
				    strncmp(entry->text, SPELLING_PIECE_MARK, mark) == 0);
	}
	return marked ? SPELLING_MARKED : space ? SPELLING_DELIMITER : SPELLING_NONE;
}

static size_t form_of(const char *word, size_t size, enum letter_case which, char *form,
		      size_t capacity)
{
	size_t position = 0, n = 0;

	while (position < size) {
		uint32_t c = unicode_next(word, size, &position);
		uint32_t folded[UNICODE_MAX_EXPANSION] = {c};
		int count = 1;

		if (which == UPPER)
			count = unicode_upper(c, folded);
		else if (which == LOWER)
			count = unicode_lower(c, folded);
		for (int i = 0; i < count; i++) {
			if (n + 4 > capacity)
				return 0;
			n += unicode_put(form + n, folded[i]);
		}
	}
	return n;
}

/* Tokens make up the n bytes of text. */
static bool covered(const struct vocab *vocab, const char *text, size_t n)
{
	bool reached[MAX_WORD + 1] = {true};

	for (size_t from = 0; from < n; from++) {
		size_t longest = n - from < vocab->longest_token ? n - from : vocab->longest_token;

		if (!reached[from])
			continue;
		for (size_t length = 1; length <= longest; length++) {
			int id = vocab_find(vocab, text + from, length);

			if (id >= 0 && spells(vocab, id))
				reached[from + length] = true;
		}
	}
	return n > 0 && reached[n];
}

size_t spelling_of(const struct vocab *vocab, enum spelling_words words, const char *word, size_t n,
		   char *out, size_t capacity)
{
	static const enum letter_case orders[2][3] = {{AS_IT_STANDS, UPPER, LOWER},
						      {UPPER, AS_IT_STANDS, LOWER}};
	const enum letter_case *order = orders[vocab->style.lower ? 1 : 0];
	const size_t mark = words == SPELLING_MARKED ? strlen(SPELLING_PIECE_MARK) : 0;
	char form[MAX_WORD];

	memcpy(form, SPELLING_PIECE_MARK, mark);
	for (size_t i = 0; i < 3; i++) {
		size_t size = form_of(word, n, order[i], form + mark, sizeof(form) - mark);

		if (size == 0 || size > capacity || !covered(vocab, form, mark + size))
			continue;
		memcpy(out, form + mark, size);
		return size;
	}
	return 0;
}
