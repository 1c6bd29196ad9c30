/*
 * Single-producer single-consumer ring of records of any size: one thread
 * posts, one other thread takes, in order, no lock and no allocation after
 * mailbox_init. Engine results go to the loop through one, the loop's commands
 * to the engine through another.
 *
 *	producer                                consumer
 *	p = mailbox_reserve(m, bytes);          while ((p = mailbox_peek(m, &bytes))) {
 *	if (p) {                                        use(p, bytes);
 *		fill(p);                                mailbox_release(m);
 *		mailbox_commit(m);              }
 *	}
 *
 * A record lies in one piece, aligned for any type, and is built and read in
 * place. Bounded: where there is no room, reserve returns NULL and the producer
 * decides (keep it, replace it, count it). Waking the other side is the
 * caller's business.
 */
#ifndef HEARD_BASE_MAILBOX_H
#define HEARD_BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct mailbox {
	unsigned char *buffer; /* owned */
	size_t capacity;       /* bytes, a power of two */

	/* The producer's open reservation; no other thread looks. */
	size_t reserved; /* bytes from head to the end of the record; 0: none */

	/* Apart as in struct ring. */
	char padding_head[64];
	atomic_size_t head; /* bytes ever posted; stored by the producer */
	char padding_tail[64];
	atomic_size_t tail; /* bytes ever released; stored by the consumer */
	char padding_end[64];
};

/* `bytes` is rounded up to a power of two. Returns 0 or -ENOMEM; the mailbox is
 * zeroed on failure. */
int mailbox_init(struct mailbox *mailbox, size_t bytes);

/* Accepts a zeroed mailbox. Neither side may be using it. */
void mailbox_finish(struct mailbox *mailbox);

/* The largest record that an empty mailbox always takes, whatever was in it
 * before. Any thread. */
size_t mailbox_limit(const struct mailbox *mailbox);

/* ---- producer ---- */

/* Room for a record of `bytes` bytes (0 is allowed), NULL where there is none
 * now, or never because it is over mailbox_limit. The bytes are not cleared.
 * Replaces a reservation that was not committed. */
void *mailbox_reserve(struct mailbox *mailbox, size_t bytes);
/* Posts the record of the last successful mailbox_reserve. */
void mailbox_commit(struct mailbox *mailbox);
/* Reserve, copy, commit. False where there is no room. */
bool mailbox_post(struct mailbox *mailbox, const void *record, size_t bytes);

/* ---- consumer ---- */

/* The oldest record, its size in *bytes (may be NULL); NULL when empty. Valid
 * until mailbox_release. */
void *mailbox_peek(struct mailbox *mailbox, size_t *bytes);
/* Frees the record that mailbox_peek last returned. */
void mailbox_release(struct mailbox *mailbox);

#endif
