#include "core/decode/ctc_greedy.h"

#include "core/base/checked.h"
#include "core/decode/collapse.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Two states: `committed` after the committed frames and `tail`, a copy of it
 * that was fed the provisional frames. Both write to the same buffers, the tail
 * behind what the committed state uses; the next call takes that back with
 * collapse_restore.
 *
 * Three texts share a prefix. Settled bytes are appended to all three, so none
 * is ever copied as a whole; `stable` ends there, the others go on with what
 * ending the text now would add. */
struct ctc_greedy {
	size_t tokens, max_frames;
	size_t frames, provisional;
	struct collapse_buffers buffers;
	struct collapse committed, tail;
	int *ids;             /* owned, [max_frames]: choices of the committed frames */
	float *probabilities; /* owned, likewise */
	size_t stable_length, text_capacity;
	char *stable, *whole, *text; /* owned; settled, committed, with provisional */
	struct transcript transcript;
};

int ctc_argmax(const float *logits, size_t tokens, float *probability)
{
	size_t best = 0;
	double sum = 0.0;

	for (size_t i = 1; i < tokens; i++) {
		if (logits[i] > logits[best] || (isnan(logits[best]) && !isnan(logits[i])))
			best = i;
	}
	if (probability != NULL) {
		for (size_t i = 0; i < tokens; i++) {
			float d = logits[i] - logits[best];

			if (d > -40.0F) /* the rest is below what a double sum can see */
				sum += (double)expf(d);
		}
		*probability = sum >= 1.0 ? (float)(1.0 / sum) : 0.0F;
	}
	return (int)best;
}

static int buffers_create(struct ctc_greedy *greedy, const struct vocab *vocab)
{
	struct collapse_buffers *buffers = &greedy->buffers;
	size_t frames = greedy->max_frames + 1, strings, text;

	buffers->vocab = vocab;
	if (frames > INT_MAX || !checked_mul(frames, vocab->longest_printed + 1, &strings) ||
	    strings > SIZE_MAX / 2 - CLEANUP_MAX_HELD)
		return -ENOMEM;
	text = text_capacity(strings);
	greedy->text_capacity = text;
	greedy->ids = calloc(frames, sizeof(*greedy->ids));
	greedy->probabilities = calloc(frames, sizeof(*greedy->probabilities));
	buffers->chars = calloc(frames, sizeof(*buffers->chars));
	buffers->words = calloc(frames, sizeof(*buffers->words));
	buffers->strings = malloc(strings);
	buffers->raw = malloc(strings);
	greedy->stable = malloc(text);
	greedy->whole = malloc(text);
	greedy->text = malloc(text);
	if (greedy->ids == NULL || greedy->probabilities == NULL || buffers->chars == NULL ||
	    buffers->words == NULL || buffers->strings == NULL || buffers->raw == NULL ||
	    greedy->stable == NULL || greedy->whole == NULL || greedy->text == NULL)
		return -ENOMEM;
	return 0;
}

int ctc_greedy_create(const struct vocab *vocab, size_t tokens, size_t max_frames,
		      struct ctc_greedy **out)
{
	struct ctc_greedy *greedy = calloc(1, sizeof(*greedy));

	*out = NULL;
	if (greedy == NULL)
		return -ENOMEM;
	greedy->tokens = tokens;
	greedy->max_frames = max_frames;
	if (max_frames >= INT_MAX || buffers_create(greedy, vocab) < 0) {
		ctc_greedy_destroy(greedy);
		return -ENOMEM;
	}
	ctc_greedy_reset(greedy);
	*out = greedy;
	return 0;
}

void ctc_greedy_destroy(struct ctc_greedy *greedy)
{
	if (greedy == NULL)
		return;
	free(greedy->ids);
	free(greedy->probabilities);
	free(greedy->buffers.chars);
	free(greedy->buffers.words);
	free(greedy->buffers.strings);
	free(greedy->buffers.raw);
	free(greedy->stable);
	free(greedy->whole);
	free(greedy->text);
	free(greedy);
}

/* Writes what ending the text now adds to the settled prefix. */
static void greedy_finish_text(const struct ctc_greedy *greedy, const struct collapse *collapse,
			       char *text)
{
	struct text_state state = collapse->text;
	size_t length = greedy->stable_length;

	length += text_read(&state, &greedy->buffers.vocab->style, greedy->buffers.raw, true,
			    text + length);
	text[length] = '\0';
}

/* Brings the settled prefix of all three texts up to the committed state. */
static void greedy_settle(struct ctc_greedy *greedy)
{
	size_t start = greedy->stable_length;
	size_t n = text_read(&greedy->committed.text, &greedy->buffers.vocab->style,
			     greedy->buffers.raw, false, greedy->stable + start);

	greedy->stable_length += n;
	greedy->stable[greedy->stable_length] = '\0';
	memcpy(greedy->whole + start, greedy->stable + start, n);
	memcpy(greedy->text + start, greedy->stable + start, n);
	greedy_finish_text(greedy, &greedy->committed, greedy->whole);
}

static void greedy_publish(struct ctc_greedy *greedy)
{
	greedy_finish_text(greedy, &greedy->tail, greedy->text);
	greedy->transcript = (struct transcript){
		.text = greedy->text,
		.n_chars = greedy->tail.n_chars,
		.n_words = greedy->tail.n_words,
		.chars = greedy->buffers.chars,
		.words = greedy->buffers.words,
		.strings = greedy->buffers.strings,
	};
}

void ctc_greedy_reset(struct ctc_greedy *greedy)
{
	greedy->frames = 0;
	greedy->provisional = 0;
	greedy->stable_length = 0;
	collapse_start(&greedy->committed);
	greedy->tail = greedy->committed;
	greedy_settle(greedy);
	greedy_publish(greedy);
}

/* Words lie in the buffers of their search. */
static void span_move(struct span *span, const char *strings, const char *from)
{
	if (span->text != NULL)
		span->text = strings + (span->text - from);
}

void ctc_greedy_copy(struct ctc_greedy *greedy, const struct ctc_greedy *from)
{
	struct collapse_buffers *to = &greedy->buffers;
	const struct collapse_buffers *old = &from->buffers;

	greedy->frames = from->frames;
	greedy->provisional = from->provisional;
	greedy->committed = from->committed;
	greedy->tail = from->tail;
	span_move(&greedy->committed.last_word, to->strings, old->strings);
	span_move(&greedy->tail.last_word, to->strings, old->strings);
	memcpy(greedy->ids, from->ids, from->frames * sizeof(*from->ids));
	memcpy(greedy->probabilities, from->probabilities,
	       from->frames * sizeof(*from->probabilities));
	memcpy(to->chars, old->chars, from->tail.n_chars * sizeof(*old->chars));
	memcpy(to->words, old->words, from->tail.n_words * sizeof(*old->words));
	for (size_t i = 0; i < from->tail.n_words; i++)
		span_move(&to->words[i], to->strings, old->strings);
	memcpy(to->strings, old->strings, from->tail.string + 1);
	memcpy(to->raw, old->raw, from->tail.text.raw);
	greedy->stable_length = from->stable_length;
	strcpy(greedy->stable, from->stable);
	strcpy(greedy->whole, from->whole);
	strcpy(greedy->text, from->text);
	greedy_publish(greedy);
}

/* The choice of one frame. A blank's probability goes nowhere. */
static int greedy_choose(const struct ctc_greedy *greedy, const float *row, float *probability)
{
	int id = ctc_argmax(row, greedy->tokens, NULL);

	*probability = 0.0F;
	if (!vocab_entry(greedy->buffers.vocab, id)->blank)
		ctc_argmax(row, greedy->tokens, probability);
	return id;
}

static void greedy_commit_choices(struct ctc_greedy *greedy, size_t frames)
{
	for (size_t f = greedy->frames; f < greedy->frames + frames; f++)
		collapse_frame(&greedy->committed, &greedy->buffers, (int)f, greedy->ids[f],
			       greedy->probabilities[f], true);
	greedy->frames += frames;
	greedy->provisional = 0;
	greedy_settle(greedy);
	greedy->tail = greedy->committed;
	greedy_publish(greedy);
}

int ctc_greedy_commit(struct ctc_greedy *greedy, const float *logits, size_t frames)
{
	if (frames > greedy->max_frames - greedy->frames)
		return -ENOSPC;
	collapse_restore(&greedy->committed, &greedy->buffers);
	for (size_t i = 0; i < frames; i++)
		greedy->ids[greedy->frames + i] =
			greedy_choose(greedy, logits + i * greedy->tokens,
				      &greedy->probabilities[greedy->frames + i]);
	greedy_commit_choices(greedy, frames);
	return 0;
}

void ctc_greedy_truncate(struct ctc_greedy *greedy, size_t frames)
{
	if (frames > greedy->frames)
		frames = greedy->frames;
	ctc_greedy_reset(greedy);
	greedy_commit_choices(greedy, frames);
}

int ctc_greedy_provisional(struct ctc_greedy *greedy, const float *logits, size_t frames)
{
	if (frames > greedy->max_frames - greedy->frames)
		return -ENOSPC;
	collapse_restore(&greedy->committed, &greedy->buffers);
	greedy->tail = greedy->committed;
	for (size_t i = 0; i < frames; i++) {
		float probability;
		int id = greedy_choose(greedy, logits + i * greedy->tokens, &probability);

		collapse_frame(&greedy->tail, &greedy->buffers, (int)(greedy->frames + i), id,
			       probability, true);
	}
	greedy->provisional = frames;
	greedy_publish(greedy);
	return 0;
}

const char *ctc_greedy_stable(const struct ctc_greedy *greedy)
{
	return greedy->stable;
}

const char *ctc_greedy_committed(const struct ctc_greedy *greedy)
{
	return greedy->whole;
}

const char *ctc_greedy_text(const struct ctc_greedy *greedy)
{
	return greedy->text;
}

size_t ctc_greedy_stable_length(const struct ctc_greedy *greedy)
{
	return greedy->stable_length;
}

size_t ctc_greedy_text_capacity(const struct ctc_greedy *greedy)
{
	return greedy->text_capacity;
}

const struct transcript *ctc_greedy_transcript(const struct ctc_greedy *greedy)
{
	return &greedy->transcript;
}

bool ctc_greedy_open_word(const struct ctc_greedy *greedy)
{
	return greedy->tail.in_word;
}

size_t ctc_greedy_finished_words(const struct ctc_greedy *greedy)
{
	return greedy->committed.n_words - (greedy->committed.in_word ? 1 : 0);
}

size_t ctc_greedy_trailing_blank(const struct ctc_greedy *greedy)
{
	return greedy->frames - (size_t)greedy->committed.token_end;
}

size_t ctc_greedy_frames(const struct ctc_greedy *greedy)
{
	return greedy->frames;
}
