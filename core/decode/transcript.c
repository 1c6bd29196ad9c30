#include "core/decode/transcript.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void transcript_finish(struct transcript *transcript)
{
	free(transcript->text);
	free(transcript->chars);
	free(transcript->words);
	free(transcript->strings);
	memset(transcript, 0, sizeof(*transcript));
}

/* Copies the text of spans behind `strings` and moves them by `frame`. */
static char *spans_append(struct span *spans, size_t *n, const struct span *from, size_t n_from,
			  int frame, char *strings)
{
	for (size_t i = 0; i < n_from; i++) {
		size_t size = strlen(from[i].text) + 1;
		struct span *span = &spans[(*n)++];

		memcpy(strings, from[i].text, size);
		*span = from[i];
		span->text = strings;
		span->start_frame += frame;
		span->end_frame += frame;
		strings += size;
	}
	return strings;
}

static size_t spans_bytes(const struct span *spans, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(spans[i].text) + 1;
	return bytes;
}

int transcript_join(const struct transcript *parts, const int *frames, size_t n,
		    struct transcript *out)
{
	size_t text = 1, strings = 1, chars = 1, words = 1;
	char *end, *string;

	for (size_t i = 0; i < n; i++) {
		const struct transcript *part = &parts[i];

		text += strlen(part->text) + 1;
		strings += spans_bytes(part->chars, part->n_chars) +
			   spans_bytes(part->words, part->n_words);
		chars += part->n_chars;
		words += part->n_words;
	}
	memset(out, 0, sizeof(*out));
	out->text = malloc(text);
	out->strings = malloc(strings);
	out->chars = calloc(chars, sizeof(*out->chars));
	out->words = calloc(words, sizeof(*out->words));
	if (out->text == NULL || out->strings == NULL || out->chars == NULL || out->words == NULL) {
		transcript_finish(out);
		return -ENOMEM;
	}
	end = out->text;
	string = out->strings;
	for (size_t i = 0; i < n; i++) {
		const struct transcript *part = &parts[i];
		size_t length = strlen(part->text);

		if (length > 0 && end > out->text)
			*end++ = ' ';
		memcpy(end, part->text, length);
		end += length;
		string = spans_append(out->chars, &out->n_chars, part->chars, part->n_chars,
				      frames[i], string);
		string = spans_append(out->words, &out->n_words, part->words, part->n_words,
				      frames[i], string);
	}
	*end = '\0';
	return 0;
}

int transcript_copy(const struct transcript *transcript, struct transcript *out)
{
	const int start = 0;

	return transcript_join(transcript, &start, 1, out);
}
