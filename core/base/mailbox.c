/*
 * The buffer is a byte ring cut into units of UNIT bytes. A record is a header
 * of one unit, then its bytes rounded up to units. One that would run over the
 * end of the buffer starts at the beginning instead, and a header with PADDING
 * for its size covers the units skipped: they are whole units, so the header
 * always fits.
 *
 * Memory order is the float ring's (ring.c): bytes, then index with release;
 * the other side loads the index with acquire before it touches the bytes.
 * Padding and the record behind it are published by one store, so the consumer
 * never finds padding with nothing after it.
 */
#include "core/base/mailbox.h"

#include "core/base/checked.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT = 16 };

static const size_t PADDING = SIZE_MAX;

struct header {
	_Alignas(UNIT) size_t bytes; /* of the record, or PADDING */
};

_Static_assert(sizeof(struct header) == UNIT, "a header is one unit");
_Static_assert(_Alignof(max_align_t) <= UNIT, "a record is aligned for any type");

static struct header *header_at(const struct mailbox *mailbox, size_t index)
{
	return (struct header *)(void *)(mailbox->buffer + (index & (mailbox->capacity - 1)));
}

/* Bytes that a record takes in the ring; `bytes` is at most mailbox_limit. */
static size_t record_span(size_t bytes)
{
	return sizeof(struct header) + ((bytes + UNIT - 1) & ~(size_t)(UNIT - 1));
}

int mailbox_init(struct mailbox *mailbox, size_t bytes)
{
	memset(mailbox, 0, sizeof(*mailbox));
	atomic_init(&mailbox->head, 0);
	atomic_init(&mailbox->tail, 0);

	size_t rounded = 4 * UNIT;
	while (rounded < bytes) {
		if (rounded > SIZE_MAX / 2)
			return -ENOMEM;
		rounded *= 2;
	}
	mailbox->buffer = aligned_alloc(64, rounded);
	if (!mailbox->buffer)
		return -ENOMEM;
	memset(mailbox->buffer, 0, rounded);
	mailbox->capacity = rounded;
	return 0;
}

void mailbox_finish(struct mailbox *mailbox)
{
	free(mailbox->buffer);
	mailbox->buffer = NULL;
	mailbox->capacity = 0;
	mailbox->reserved = 0;
	atomic_store_explicit(&mailbox->head, 0, memory_order_relaxed);
	atomic_store_explicit(&mailbox->tail, 0, memory_order_relaxed);
}

size_t mailbox_limit(const struct mailbox *mailbox)
{
	/* In the worst case the head stands in the middle: half of the buffer
	 * is in front of it, and the other half behind. */
	return mailbox->capacity / 2 - sizeof(struct header);
}

void *mailbox_reserve(struct mailbox *mailbox, size_t bytes)
{
	mailbox->reserved = 0;
	if (bytes > mailbox_limit(mailbox))
		return NULL;

	size_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&mailbox->tail, memory_order_acquire);
	size_t room = mailbox->capacity - (head - tail);
	size_t to_end = mailbox->capacity - (head & (mailbox->capacity - 1));
	size_t span = record_span(bytes);
	size_t padding = span > to_end ? to_end : 0;

	if (padding + span > room)
		return NULL;
	if (padding > 0)
		header_at(mailbox, head)->bytes = PADDING;
	struct header *header = header_at(mailbox, head + padding);
	header->bytes = bytes;
	mailbox->reserved = padding + span;
	return header + 1;
}

void mailbox_commit(struct mailbox *mailbox)
{
	size_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);

	assert(mailbox->reserved > 0);
	atomic_store_explicit(&mailbox->head, head + mailbox->reserved, memory_order_release);
	mailbox->reserved = 0;
}

bool mailbox_post(struct mailbox *mailbox, const void *record, size_t bytes)
{
	void *place = mailbox_reserve(mailbox, bytes);

	if (!place)
		return false;
	if (bytes > 0)
		memcpy(place, record, bytes);
	mailbox_commit(mailbox);
	return true;
}

void *mailbox_peek(struct mailbox *mailbox, size_t *bytes)
{
	size_t tail = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&mailbox->head, memory_order_acquire);

	if (head == tail)
		return NULL;
	struct header *header = header_at(mailbox, tail);
	if (header->bytes == PADDING) {
		tail += mailbox->capacity - (tail & (mailbox->capacity - 1));
		atomic_store_explicit(&mailbox->tail, tail, memory_order_release);
		header = header_at(mailbox, tail);
	}
	assert(tail != head);
	if (bytes)
		*bytes = header->bytes;
	return header + 1;
}

void mailbox_release(struct mailbox *mailbox)
{
	size_t tail = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
	const struct header *header = header_at(mailbox, tail);

	assert(tail != atomic_load_explicit(&mailbox->head, memory_order_relaxed));
	assert(header->bytes != PADDING);
	atomic_store_explicit(&mailbox->tail, tail + record_span(header->bytes),
			      memory_order_release);
}
