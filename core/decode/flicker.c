/*
 * Words are compared by their number in the utterance. Only the unstable words
 * of the last partial are kept: what was stable cannot be revised by
 * definition. Text beyond the buffers is not counted.
 */
#include "core/decode/flicker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 16384 };

/* The next word at or after text, NULL at the end. */
static const char *next_word(const char *text, size_t *length)
{
	text += strspn(text, " ");
	*length = strcspn(text, " ");
	return *length ? text : NULL;
}

/* Where word `number` begins; the end of the text where there are fewer. */
static const char *find_word(const char *text, unsigned number)
{
	size_t length;

	for (; number > 0; number--) {
		const char *word = next_word(text, &length);

		if (!word)
			break;
		text = word + length;
	}
	return text;
}

static unsigned count_words(const char *text)
{
	unsigned n = 0;
	size_t length;

	while ((text = next_word(text, &length))) {
		text += length;
		n++;
	}
	return n;
}

/* Is the old word still what it was, or, at the end of what was shown, the
 * beginning of it? */
static bool kept(const char *old, size_t old_length, bool last, const char *word, size_t length)
{
	if (last ? length < old_length : length != old_length)
		return false;
	return memcmp(old, word, old_length) == 0;
}

static void count_revised(struct flicker *flicker, const char *text)
{
	const char *old = flicker->last;
	size_t old_length, length;

	text = find_word(text, flicker->base);
	while ((old = next_word(old, &old_length))) {
		const char *word = next_word(text, &length);
		bool last = old[old_length] == '\0';

		if (!word || !kept(old, old_length, last, word, length))
			flicker->revised++;
		old += old_length;
		text = word ? word + length : text + strlen(text);
	}
}

/* Words of the new unstable part that did not stand there before. */
static void count_shown(struct flicker *flicker, const char *unstable, unsigned base)
{
	size_t length, old_length;
	const char *old = base >= flicker->base ? find_word(flicker->last, base - flicker->base)
						: flicker->last + strlen(flicker->last);

	while ((unstable = next_word(unstable, &length))) {
		const char *word = next_word(old, &old_length);
		bool last = word && word[old_length] == '\0';

		if (!word || !kept(word, old_length, last, unstable, length))
			flicker->shown++;
		old = word ? word + old_length : old + strlen(old);
		unstable += length;
	}
}

void flicker_partial(struct flicker *flicker, const char *stable, const char *unstable)
{
	char text[TEXT_BYTES];
	unsigned base = count_words(stable);
	size_t n = strlen(stable);

	/* A word cut by the border of stable and unstable is not stable yet. */
	if (n > 0 && stable[n - 1] != ' ' && unstable[0] != ' ' && unstable[0] != '\0')
		base--;
	snprintf(text, sizeof(text), "%s%s", stable, unstable);
	count_revised(flicker, text);

	const char *tail = find_word(text, base);
	count_shown(flicker, tail, base);
	n = strnlen(tail, sizeof(flicker->last) - 1);
	memcpy(flicker->last, tail, n);
	flicker->last[n] = '\0';
	flicker->base = base;
}

void flicker_final(struct flicker *flicker, const char *text)
{
	count_revised(flicker, text);
	flicker->last[0] = '\0';
	flicker->base = 0;
}
