#include "core/base/checked.h"
#include "core/decode/collapse.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct sizes {
	size_t chars;
	size_t bytes; /* of their texts */
};

/* Calls collapse_frame for each frame that takes part; or only counts what that would make. */
static void decode_frames(const struct vocab *vocab, const int *ids, const float *probabilities,
			  size_t n, const struct decode_options *options, struct collapse *collapse,
			  const struct collapse_buffers *buffers, struct sizes *sizes)
{
	int group = -1;

	for (size_t i = 0; i < n; i++) {
		const struct vocab_entry *entry = vocab_entry(vocab, ids[i]);

		if (options->skip_special_tokens && (entry->special || entry->blank))
			continue;
		if (collapse != NULL) {
			collapse_frame(collapse, buffers, (int)i, ids[i],
				       probabilities != NULL ? probabilities[i] : 1.0F,
				       !options->no_group);
		} else if (!entry->blank && (options->no_group || entry->group != group)) {
			sizes->chars++;
			sizes->bytes += entry->printed_size;
		}
		group = entry->group;
	}
}

/* The characters' texts belong to the vocabulary so far; the transcript may outlive it. */
static void own_chars(struct transcript *transcript, char *end)
{
	for (size_t i = 0; i < transcript->n_chars; i++) {
		assert(transcript->chars[i].text);
		size_t size = strlen(transcript->chars[i].text) + 1;

		memcpy(end, transcript->chars[i].text, size);
		transcript->chars[i].text = end;
		end += size;
	}
}

int vocab_decode(const struct vocab *vocab, const int *ids, const float *probabilities, size_t n,
		 const struct decode_options *options, struct transcript *out)
{
	static const struct decode_options plain = {.clean_up = -1};
	struct collapse_buffers buffers = {.vocab = vocab};
	struct text_style style = vocab->style;
	struct collapse collapse;
	struct sizes sizes = {0};
	size_t length, strings;

	memset(out, 0, sizeof(*out));
	if (options == NULL)
		options = &plain;
	if (n > INT_MAX)
		return -ENOMEM;
	if (options->clean_up >= 0)
		style.clean = options->clean_up != 0;
	decode_frames(vocab, ids, probabilities, n, options, NULL, NULL, &sizes);
	/* Each text twice, in a word and as a character, each time with a zero. */
	if (!checked_add(sizes.bytes, sizes.chars, &strings) ||
	    !checked_mul(strings, 2, &strings) || !checked_add(strings, 1, &strings))
		return -ENOMEM;
	out->chars = calloc(sizes.chars + 1, sizeof(*out->chars));
	out->words = calloc(sizes.chars + 1, sizeof(*out->words));
	out->strings = malloc(strings);
	out->text = malloc(text_capacity(sizes.bytes));
	buffers.raw = malloc(sizes.bytes + 1);
	if (out->chars == NULL || out->words == NULL || out->strings == NULL || out->text == NULL ||
	    buffers.raw == NULL) {
		free(buffers.raw);
		transcript_finish(out);
		return -ENOMEM;
	}
	buffers.chars = out->chars;
	buffers.words = out->words;
	buffers.strings = out->strings;
	collapse_start(&collapse);
	decode_frames(vocab, ids, probabilities, n, options, &collapse, &buffers, NULL);
	length = text_read(&collapse.text, &style, buffers.raw, true, out->text);
	out->text[length] = '\0';
	out->n_chars = collapse.n_chars;
	out->n_words = collapse.n_words;
	own_chars(out, out->strings + sizes.bytes + sizes.chars + 1);
	free(buffers.raw);
	return 0;
}
