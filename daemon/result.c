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
		       text_bytes(text);
	size_t word_bytes = span_bytes(words, n_words);

	assert(bytes <= LIMIT_RESULT_RECORD);
	if (bytes + word_bytes > LIMIT_RESULT_RECORD) {
		n_words = word_bytes = 0;
		result.truncated = true;
	}

	struct layout layout = {mailbox_reserve(mailbox, bytes + word_bytes), sizeof(result)};
	assert(layout.base);
	if (n_words) {
		result.words = put_spans(&layout, words, n_words);
		put_span_texts(&layout, result.words, words, n_words);
	}
	result.n_words = (uint32_t)n_words;
	result.stable = put_text(&layout, event->stable);
	result.unstable = put_text(&layout, event->unstable);
	result.text = put_text(&layout, text);
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

const char *result_text(const struct result *result, uint32_t offset)
{
	return offset ? (const char *)result + offset : "";
}

const struct result_span *result_words(const struct result *result)
{
	return (const struct result_span *)(const void *)((const char *)result + result->words);
}
