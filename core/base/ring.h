/*
 * Single-producer single-consumer ring of floats: one thread writes, one other
 * thread reads, no lock, no allocation, no system call after ring_init.
 *
 * The two indices run free (they are masked only where the buffer is touched),
 * so full and empty differ without a spare slot and `head - tail` is the fill
 * level even after they wrapped. Each index is stored by one side only; see
 * ring.c for why the memory orders suffice.
 *
 * The ring never blocks and never overwrites: what does not fit is not taken,
 * and it is the producer's to count.
 */
#ifndef HEARD_BASE_RING_H
#define HEARD_BASE_RING_H

#include <stdatomic.h>
#include <stddef.h>

struct ring {
	float *buffer;   /* owned, `capacity` floats */
	size_t capacity; /* a power of two */

	/* A cache line apart, so that the two sides do not slow each other. By
	 * padding, since an alignment would bind whoever embeds the struct. */
	char padding_head[64];
	atomic_size_t head; /* floats ever written; stored by the producer */
	char padding_tail[64];
	atomic_size_t tail; /* floats ever read; stored by the consumer */
	char padding_end[64];
};

/* Room for at least `capacity` floats (rounded up to a power of two, at least
 * 1). Returns 0 or -ENOMEM; the ring is zeroed on failure. */
int ring_init(struct ring *ring, size_t capacity);

/* Accepts a zeroed ring. Neither side may be using it. */
void ring_finish(struct ring *ring);

/* Empties the ring. Neither side may be using it. */
void ring_reset(struct ring *ring);

/* ---- producer ---- */

/* Floats that are sure to fit; the consumer can only make it more. */
size_t ring_writable(const struct ring *ring);

/* Copies as many of the n floats as fit and returns that number. */
size_t ring_write(struct ring *ring, const float *samples, size_t n);

/* The next writable floats in place: *region is where they go, the return is
 * how many lie there contiguously (0 where the ring is full; after the end of
 * the buffer a second call, past a commit, gives the rest). */
size_t ring_write_region(struct ring *ring, float **region);
/* Publishes the first n floats of the region, n at most what it gave. */
void ring_write_commit(struct ring *ring, size_t n);

/* ---- consumer ---- */

/* Floats that are sure to be there; the producer can only make it more. */
size_t ring_readable(const struct ring *ring);

/* Copies at most n floats out and returns how many. */
size_t ring_read(struct ring *ring, float *samples, size_t n);

/* The oldest floats in place, as ring_write_region; they stay valid until
 * ring_read_commit. */
size_t ring_read_region(const struct ring *ring, const float **region);
/* Drops the oldest n floats, n at most ring_readable. */
void ring_read_commit(struct ring *ring, size_t n);

#endif
