/*
 * Memory order, once for all functions below.
 *
 * The producer stores floats, then `head` with release; the consumer loads
 * `head` with acquire before it loads those floats. So whoever sees the new
 * head sees the floats under it.
 *
 * The consumer loads floats, then stores `tail` with release; the producer
 * loads `tail` with acquire before it stores into the freed slots. So a slot is
 * never overwritten before its reader is done with it.
 *
 * Each side reads its own index relaxed: nobody else stores it. A stale view of
 * the other side's index only makes the ring look fuller to the producer and
 * emptier to the consumer, which is safe.
 */
#include "core/base/ring.h"

#include "core/base/checked.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *ring, size_t capacity)
{
	memset(ring, 0, sizeof(*ring));
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);

	size_t rounded = 1;
	while (rounded < capacity) {
		if (rounded > SIZE_MAX / 2)
			return -ENOMEM;
		rounded *= 2;
	}
	size_t bytes;
	if (!checked_mul(rounded, sizeof(float), &bytes))
		return -ENOMEM;
	/* Touched here, so that the producer meets no page fault later. */
	ring->buffer = malloc(bytes);
	if (!ring->buffer)
		return -ENOMEM;
	memset(ring->buffer, 0, bytes);
	ring->capacity = rounded;
	return 0;
}

void ring_finish(struct ring *ring)
{
	free(ring->buffer);
	ring->buffer = NULL;
	ring->capacity = 0;
	ring_reset(ring);
}

void ring_reset(struct ring *ring)
{
	atomic_store_explicit(&ring->head, 0, memory_order_relaxed);
	atomic_store_explicit(&ring->tail, 0, memory_order_relaxed);
}

size_t ring_writable(const struct ring *ring)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	return ring->capacity - (head - tail);
}

size_t ring_write_region(struct ring *ring, float **region)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t offset = head & (ring->capacity - 1);
	size_t writable = ring_writable(ring);
	size_t contiguous = ring->capacity - offset;

	*region = ring->buffer + offset;
	return writable < contiguous ? writable : contiguous;
}

void ring_write_commit(struct ring *ring, size_t n)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	assert(n <= ring_writable(ring));
	atomic_store_explicit(&ring->head, head + n, memory_order_release);
}

size_t ring_write(struct ring *ring, const float *samples, size_t n)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t offset = head & (ring->capacity - 1);
	size_t writable = ring_writable(ring);

	if (n > writable)
		n = writable;
	size_t first = ring->capacity - offset;
	if (first > n)
		first = n;
	if (n == 0)
		return 0;
	memcpy(ring->buffer + offset, samples, first * sizeof(float));
	memcpy(ring->buffer, samples + first, (n - first) * sizeof(float));
	/* One store for both parts: the reader sees all of the write or none. */
	atomic_store_explicit(&ring->head, head + n, memory_order_release);
	return n;
}

size_t ring_readable(const struct ring *ring)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

	return head - tail;
}

size_t ring_read_region(const struct ring *ring, const float **region)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t offset = tail & (ring->capacity - 1);
	size_t readable = ring_readable(ring);
	size_t contiguous = ring->capacity - offset;

	*region = ring->buffer + offset;
	return readable < contiguous ? readable : contiguous;
}

void ring_read_commit(struct ring *ring, size_t n)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	assert(n <= ring_readable(ring));
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
}

size_t ring_read(struct ring *ring, float *samples, size_t n)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t offset = tail & (ring->capacity - 1);
	size_t readable = ring_readable(ring);

	if (n > readable)
		n = readable;
	size_t first = ring->capacity - offset;
	if (first > n)
		first = n;
	if (n == 0)
		return 0;
	memcpy(samples, ring->buffer + offset, first * sizeof(float));
	memcpy(samples + first, ring->buffer, (n - first) * sizeof(float));
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
	return n;
}
