/*
 * What waits to be written to one client, bounded in bytes. A partial that was
 * not sent yet is replaced by a newer one, or dropped when its final comes:
 * the client loses nothing but haste. Everything else keeps its place. When
 * even then the cap is passed, the client is too slow and is to be dropped.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_OUTQUEUE_H
#define HEARD_DAEMON_OUTQUEUE_H

#include <stddef.h>
#include <stdint.h>

enum outqueue_kind {
	OUTQUEUE_KEEP,    /* never lost */
	OUTQUEUE_PARTIAL, /* replaces the partial queued before it */
	OUTQUEUE_FINAL,   /* never lost; drops the partial queued before it */
};

struct outqueue_item {
	struct outqueue_item *next;
	enum outqueue_kind kind;
	char *bytes; /* owned */
	size_t n;
};

struct outqueue {
	struct outqueue_item *first;
	struct outqueue_item **last; /* where the next item is linked */
	size_t bytes;                /* queued and popped, not released */
	size_t cap;
	uint64_t superseded; /* partials never sent */
};

void outqueue_init(struct outqueue *queue, size_t cap);
void outqueue_finish(struct outqueue *queue);

/* Takes `bytes` (free) in any case. 0, -ENOBUFS (past the cap; it is queued
 * nevertheless so that the caller may still try), -ENOMEM. */
int outqueue_push(struct outqueue *queue, enum outqueue_kind kind, char *bytes, size_t n);

/* The oldest item, NULL where there is none. It still counts until
 * outqueue_release, which frees it. */
struct outqueue_item *outqueue_pop(struct outqueue *queue);
void outqueue_release(struct outqueue *queue, struct outqueue_item *item);

#endif
