/*
 * Text to ids, step by step as the reference does it:
 *
 * 1. do_lower_case: everything but special tokens to lower case (upper case
 *    comes back in 4, so that the text matches an upper-case vocabulary);
 * 2. tokens of several characters, special and added ones are cut out of the
 *    text, leftmost first, the longest of several;
 * 3. white space beside a token of several characters that the vocabulary
 *    itself has is dropped (a quirk: the word delimiter is lost there);
 * 4. in what lies between, upper case where do_lower_case, spaces become the
 *    delimiter's characters, and each character is looked up.
 */
#include "core/decode/unicode.h"
#include "core/decode/vocab_table.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct encoder {
	const struct vocab *vocab;
	int *ids; /* owned until handed out */
	size_t n, capacity;
	size_t unknown;
	int error;
};

static void encoder_id(struct encoder *encoder, int id)
{
	if (encoder->error != 0)
		return;
	if (encoder->n == encoder->capacity) {
		size_t capacity = encoder->capacity * 2 + 64;
		int *ids = realloc(encoder->ids, capacity * sizeof(*ids));

		if (ids == NULL) {
			encoder->error = -ENOMEM;
			return;
		}
		encoder->ids = ids;
		encoder->capacity = capacity;
	}
	encoder->ids[encoder->n++] = id;
}

/* Without an unknown token the character has no id at all. */
static void encoder_char(struct encoder *encoder, const char *text, size_t n)
{
	int id = vocab_find(encoder->vocab, text, n);

	if (id >= 0) {
		encoder_id(encoder, id);
		return;
	}
	encoder->unknown++;
	if (encoder->vocab->unknown >= 0)
		encoder_id(encoder, encoder->vocab->unknown);
}

static void encoder_chars(struct encoder *encoder, const char *text, size_t n)
{
	size_t position = 0;

	while (position < n) {
		size_t start = position;

		unicode_next(text, n, &position);
		encoder_char(encoder, text + start, position - start);
	}
}

/* Step 4 for one piece of text. */
static void encoder_piece(struct encoder *encoder, const char *text, size_t n)
{
	const struct vocab *vocab = encoder->vocab;
	size_t position = 0;

	while (position < n) {
		uint32_t c = unicode_next(text, n, &position), upper[UNICODE_MAX_EXPANSION] = {c};
		int count = vocab->style.lower ? unicode_upper(c, upper) : 1;
		char bytes[4];

		if (c == ' ') {
			encoder_chars(encoder, vocab->delimiter_text,
				      strlen(vocab->delimiter_text));
			continue;
		}
		for (int i = 0; i < count; i++)
			encoder_char(encoder, bytes, unicode_put(bytes, upper[i]));
	}
}

static bool several_characters(const char *text)
{
	size_t size = strlen(text), position = 0;

	if (size == 0)
		return false;
	unicode_next(text, size, &position);
	return position < size;
}

/* The longest token that is cut out whole and starts at text; 0: none. */
static size_t cut_token(const struct vocab *vocab, const char *text, size_t n, bool special,
			int *id)
{
	for (size_t length = n < vocab->longest_token ? n : vocab->longest_token; length > 0;
	     length--) {
		const struct vocab_entry *entry;

		*id = vocab_find(vocab, text, length);
		if (*id < 0)
			continue;
		entry = &vocab->entries[*id];
		if (entry->special ||
		    (!special && (entry->added || several_characters(entry->text))))
			return length;
	}
	return 0;
}

/* Step 1. Returns an owned string. */
static char *lower_but_special(const struct vocab *vocab, const char *text, size_t size)
{
	char *lowered = malloc(text_capacity(size)), *end = lowered;
	size_t position = 0;

	if (lowered == NULL)
		return NULL;
	while (position < size) {
		uint32_t lower[UNICODE_MAX_EXPANSION];
		int id, n;
		size_t token = cut_token(vocab, text + position, size - position, true, &id);

		if (token > 0) {
			memcpy(end, text + position, token);
			end += token;
			position += token;
			continue;
		}
		n = unicode_lower(unicode_next(text, size, &position), lower);
		for (int i = 0; i < n; i++)
			end += unicode_put(end, lower[i]);
	}
	*end = '\0';
	return lowered;
}

static bool strips(const struct vocab_entry *entry)
{
	return !entry->added && several_characters(entry->text);
}

static size_t strip_left(const char *text, size_t n)
{
	size_t start = 0, position = 0;

	while (position < n && unicode_is_space(unicode_next(text, n, &position)))
		start = position;
	return start;
}

static size_t strip_right(const char *text, size_t n)
{
	size_t end = 0, position = 0;

	while (position < n) {
		if (!unicode_is_space(unicode_next(text, n, &position)))
			end = position;
	}
	return end;
}

static void encoder_text(struct encoder *encoder, const char *text, size_t size)
{
	const struct vocab *vocab = encoder->vocab;
	size_t piece = 0, position = 0; /* the piece before the next token starts at `piece` */

	while (position < size) {
		int id;
		size_t token = cut_token(vocab, text + position, size - position, false, &id);
		size_t n = position - piece;

		if (token == 0) {
			unicode_next(text, size, &position);
			continue;
		}
		if (strips(&vocab->entries[id]))
			n = strip_right(text + piece, n);
		encoder_piece(encoder, text + piece, n);
		encoder_id(encoder, id);
		position += token;
		if (strips(&vocab->entries[id]))
			position += strip_left(text + position, size - position);
		piece = position;
	}
	encoder_piece(encoder, text + piece, size - piece);
}

int vocab_encode(const struct vocab *vocab, const char *text, int **ids, size_t *unknown)
{
	struct encoder encoder = {.vocab = vocab};
	char *lowered = NULL;

	*ids = NULL;
	if (vocab->style.lower) {
		lowered = lower_but_special(vocab, text, strlen(text));
		if (lowered == NULL)
			return -ENOMEM;
		text = lowered;
	}
	encoder_id(&encoder, 0); /* so that an empty text still has an array to free */
	encoder.n = 0;
	encoder_text(&encoder, text, strlen(text));
	free(lowered);
	if (encoder.error != 0 || encoder.n > INT_MAX) {
		free(encoder.ids);
		return -ENOMEM;
	}
	*ids = encoder.ids;
	if (unknown != NULL)
		*unknown = encoder.unknown;
	return (int)encoder.n;
}
