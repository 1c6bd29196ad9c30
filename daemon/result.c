#include "daemon/result.h"

#include "daemon/limits.h"

#include <assert.h>
#include <string.h>

struct layout {
	unsigned char *base;
	size_t used;
};

bool result_room(struct mailbox *mailbox)
{
	return mailbox_reserve(mailbox, LIMIT_RESULT_RECORD) != NULL;
}

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t span_bytes(const struct span *spans, size_t n)
{
	size_t bytes = n * sizeof(struct result_span);

	for (size_t i = 0; i < n; i++)
		bytes += text_bytes(spans[i].text);
	return bytes;
}

static uint32_t put_text(struct layout *layout, const char *text)
{
	size_t n = text_bytes(text);
	uint32_t at = (uint32_t)layout->used;

	if (n == 0)
		return 0;
	memcpy(layout->base + at, text, n);
	layout->used += n;
	return at;
}

/* Spans lie before all text, so that they are aligned. */
static uint32_t put_spans(struct layout *layout, const struct span *spans, size_t n)
{
	uint32_t at = (uint32_t)layout->used;

	for (size_t i = 0; i < n; i++) {
		struct result_span span = {
			.start_frame = spans[i].start_frame,
			.end_frame = spans[i].end_frame,
			.confidence = spans[i].confidence,
		};
		memcpy(layout->base + at + i * sizeof(span), &span, sizeof(span));
	}
	layout->used += n * sizeof(struct result_span);
	return at;
}

static void put_span_texts(struct layout *layout, uint32_t at, const struct span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct result_span span;
		unsigned char *slot = layout->base + at + i * sizeof(span);

		memcpy(&span, slot, sizeof(span));
		span.text = put_text(layout, spans[i].text);
		memcpy(slot, &span, sizeof(span));
	}
}

/* Before all text, likewise aligned. */
static void put_match(struct layout *layout, struct result *result, const struct ctc_match *match)
{
	size_t bytes = match->n * sizeof(*match->tokens);

	result->grammar = grammar_ref(match->grammar);
	result->match_confidence = match->confidence;
	result->match_delimiter = match->delimiter;
	result->match_accepted = match->accepted;
	result->match = (uint32_t)layout->used;
	result->n_match = (uint32_t)match->n;
	if (bytes > 0)
		memcpy(layout->base + layout->used, match->tokens, bytes);
	layout->used += bytes;
}

/* How many hypotheses there are to tell in so many bytes, and what they take. */
static uint32_t count_hypotheses(const struct recognizer_event *event, size_t room, size_t *bytes)
{
	struct decoder_score score;
	uint32_t n = 0;

	*bytes = 0;
	while (n < event->n_best) {
		const char *text = decoder_hypothesis_text(event->decoder, n, &score);
		size_t more = text ? sizeof(struct result_hypothesis) + text_bytes(text) : 0;

		if (!text || *bytes + more > room)
			break;
		*bytes += more;
		n++;
	}
	return n;
}

/* The best one's transcript is not there meanwhile. */
static void put_hypotheses(struct layout *layout, struct result *result,
			   const struct recognizer_event *event, uint32_t n)
{
	uint32_t at = (uint32_t)layout->used;

	result->hypotheses = at;
	result->n_hypotheses = n;
	layout->used += n * sizeof(struct result_hypothesis);
	for (uint32_t i = 0; i < n; i++) {
		struct result_hypothesis hypothesis = {0};

		hypothesis.text = put_text(
			layout, decoder_hypothesis_text(event->decoder, i, &hypothesis.score));
		memcpy(layout->base + at + i * sizeof(hypothesis), &hypothesis, sizeof(hypothesis));
	}
}

void result_post_event(struct mailbox *mailbox, const struct result *head,
		       const struct recognizer_event *event)
{
	const struct transcript *transcript = event->transcript;
	struct result result = *head;
	/* A partial's text is its stable and unstable text. */
	const char *text =
		transcript && event->kind != RECOGNIZER_PARTIAL ? transcript->text : NULL;
	const struct span *words = transcript ? transcript->words : NULL;
	size_t n_words = transcript ? transcript->n_words : 0;
	size_t bytes = sizeof(result) + text_bytes(event->stable) + text_bytes(event->unstable) +
		       text_bytes(text) + text_bytes(event->command);
	size_t word_bytes = span_bytes(words, n_words);

	if (event->match)
		bytes += event->match->n * sizeof(*event->match->tokens);
	assert(bytes <= LIMIT_RESULT_RECORD);
	if (bytes + word_bytes > LIMIT_RESULT_RECORD) {
		n_words = word_bytes = 0;
		result.truncated = true;
	}

	size_t hypothesis_bytes = 0;
	uint32_t n_hypotheses = 0;
	if (event->decoder) {
		n_hypotheses = count_hypotheses(event, LIMIT_RESULT_RECORD - bytes - word_bytes,
						&hypothesis_bytes);
		decoder_transcript(event->decoder); /* the best one again */
	}

	struct layout layout = {mailbox_reserve(mailbox, bytes + word_bytes + hypothesis_bytes),
				sizeof(result)};
	assert(layout.base);
	if (event->match)
		put_match(&layout, &result, event->match);
	if (n_words) {
		result.words = put_spans(&layout, words, n_words);
		put_span_texts(&layout, result.words, words, n_words);
	}
	result.n_words = (uint32_t)n_words;
	result.stable = put_text(&layout, event->stable);
	result.unstable = put_text(&layout, event->unstable);
	result.text = put_text(&layout, text);
	result.command = put_text(&layout, event->command);
	if (n_hypotheses > 0) {
		put_hypotheses(&layout, &result, event, n_hypotheses);
		decoder_transcript(event->decoder);
	}
	memcpy(layout.base, &result, sizeof(result));
	mailbox_commit(mailbox);
}

void result_post(struct mailbox *mailbox, const struct result *head, const char *text)
{
	struct result result = *head;
	struct layout layout = {mailbox_reserve(mailbox, sizeof(result) + text_bytes(text)),
				sizeof(result)};

	assert(layout.base);
	result.text = put_text(&layout, text);
	memcpy(layout.base, &result, sizeof(result));
	mailbox_commit(mailbox);
}

void result_drop(const struct result *result)
{
	grammar_unref(result->grammar);
}

const char *result_text(const struct result *result, uint32_t offset)
{
	return offset ? (const char *)result + offset : "";
}

const struct result_span *result_words(const struct result *result)
{
	return (const struct result_span *)(const void *)((const char *)result + result->words);
}

const struct ctc_match_token *result_match(const struct result *result)
{
	return (const struct ctc_match_token *)(const void *)((const char *)result + result->match);
}

struct result_hypothesis result_hypothesis(const struct result *result, uint32_t rank)
{
	struct result_hypothesis out;

	/* They follow texts, at any address. */
	memcpy(&out, (const char *)result + result->hypotheses + rank * sizeof(out), sizeof(out));
	return out;
}
