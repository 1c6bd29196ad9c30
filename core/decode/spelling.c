#include "core/decode/spelling.h"

#include "core/decode/unicode.h"
#include "core/decode/vocab_table.h"

#include <string.h>

enum { MAX_WORD = 1024 }; /* bytes, mark included */

bool spelling_token(const struct vocab *vocab, int id)
{
	const struct vocab_entry *entry = vocab_entry(vocab, id);

	return id >= 0 && entry->known && !entry->blank && !entry->space && !entry->special &&
	       id != vocab->unknown;
}

enum spelling_words spelling_words(const struct vocab *vocab)
{
	const size_t mark = strlen(SPELLING_PIECE_MARK);
	bool space = false, marked = false;

	for (size_t i = 0; i < vocab->size; i++) {
		const struct vocab_entry *entry = &vocab->entries[i];

		space = space || (entry->known && entry->space);
		marked = marked || (spelling_token(vocab, (int)i) &&
				    strncmp(entry->text, SPELLING_PIECE_MARK, mark) == 0);
	}
	return marked ? SPELLING_MARKED : space ? SPELLING_DELIMITER : SPELLING_NONE;
}

const enum spelling_case *spelling_order(const struct vocab *vocab)
{
	/* The tokenizer itself looks for upper case where it prints lower case. */
	static const enum spelling_case orders[2][SPELLING_CASES] = {
		{SPELLING_AS_IT_STANDS, SPELLING_UPPER, SPELLING_LOWER},
		{SPELLING_UPPER, SPELLING_AS_IT_STANDS, SPELLING_LOWER}};

	return orders[vocab->style.lower ? 1 : 0];
}

size_t spelling_form(const char *word, size_t n, enum spelling_case which, char *form,
		     size_t capacity)
{
	size_t position = 0, written = 0;

	while (position < n) {
		uint32_t c = unicode_next(word, n, &position);
		uint32_t folded[UNICODE_MAX_EXPANSION] = {c};
		int count = 1;

		if (which == SPELLING_UPPER)
			count = unicode_upper(c, folded);
		else if (which == SPELLING_LOWER)
			count = unicode_lower(c, folded);
		for (int i = 0; i < count; i++) {
			if (written + 4 > capacity)
				return 0;
			written += unicode_put(form + written, folded[i]);
		}
	}
	return written;
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

			if (spelling_token(vocab, id))
				reached[from + length] = true;
		}
	}
	return n > 0 && reached[n];
}

size_t spelling_of(const struct vocab *vocab, enum spelling_words words, const char *word, size_t n,
		   char *out, size_t capacity)
{
	const enum spelling_case *order = spelling_order(vocab);
	const size_t mark = words == SPELLING_MARKED ? strlen(SPELLING_PIECE_MARK) : 0;
	char form[MAX_WORD];

	memcpy(form, SPELLING_PIECE_MARK, mark);
	for (size_t i = 0; i < SPELLING_CASES; i++) {
		size_t size = spelling_form(word, n, order[i], form + mark, sizeof(form) - mark);

		if (size == 0 || size > capacity || !covered(vocab, form, mark + size))
			continue;
		memcpy(out, form + mark, size);
		return size;
	}
	return 0;
}
