/*
 * The bytes of one client: a socket, or standard input and output. Reads as
 * much as its owner takes, no more; writes from a bounded queue.
 *
 * Loop thread. The owner embeds the struct, which must stay until `closed` was
 * called.
 */
#ifndef HEARD_DAEMON_CONNECTION_H
#define HEARD_DAEMON_CONNECTION_H

#include "daemon/limits.h"
#include "daemon/outqueue.h"

#include <stdbool.h>
#include <uv.h>

struct connection_owner {
	/* Takes bytes from the front and returns how many. With fewer than n
	 * nothing is read until connection_resume; the bytes stay in place. */
	size_t (*take)(void *ctx, const unsigned char *bytes, size_t n);
	/* The peer sends no more, and all it sent was taken. It may still read. */
	void (*end)(void *ctx);
	/* Last call; whatever the reason. */
	void (*closed)(void *ctx);
	void *ctx;
};

struct connection {
	struct connection_owner owner;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
		uv_tty_t tty;
	} in, out;
	uv_stream_t *reader; /* &in.stream; NULL: a regular file, read by file_read */
	uv_stream_t *writer; /* &in.stream or &out.stream; NULL: a regular file */
	uv_fs_t file_read;
	uv_timer_t grace; /* what a client gets to read its last events */
	int pending;      /* open handles and requests: closed follows the last */
	bool reading;
	bool ended;     /* the peer sent its last byte */
	bool told_end;  /* and the owner knows */
	bool finishing; /* to be closed once the queue is empty */
	bool closing;
	bool in_take; /* owner.take is on the stack */

	unsigned char *buffer; /* owned, LIMIT_READ_BYTES */
	size_t begin, end;     /* bytes that were not taken yet */

	struct outqueue queue;
	struct outqueue_item *writing; /* in flight */
	uv_write_t write;
};

/* Accepts from a listening stream. Where that fails (logged) the connection
 * closes itself: `closed` follows. */
void connection_accept(struct connection *connection, uv_stream_t *listener,
		       const struct connection_owner *owner);
/* Standard input and output; fails likewise. */
void connection_stdio(struct connection *connection, uv_loop_t *loop,
		      const struct connection_owner *owner);

/* Goes on reading, first with what was left. */
void connection_resume(struct connection *connection);

/* Queues an event; takes `bytes` (free) in any case. -ENOBUFS: the client is too
 * slow. -EPIPE: it is closing. -ENOMEM. */
int connection_send(struct connection *connection, enum outqueue_kind kind, char *bytes, size_t n);

/* Reads no more, closes once the queue is written or the grace time is over. */
void connection_finish(struct connection *connection);
/* Closes at once. */
void connection_close(struct connection *connection);

#endif
