/*
 * One listening socket. Unix sockets get their mode and group before anyone can
 * connect; a stale socket file is replaced, one that answers is not touched.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_LISTENER_H
#define HEARD_DAEMON_LISTENER_H

#include "protocol/address.h"

#include <uv.h>

struct listener;

struct listener_options {
	int mode;                       /* of unix sockets */
	const char *group;              /* NULL: ours */
	uv_connection_cb on_connection; /* handle->data is ctx */
	void *ctx;
};

/* Opens a unix or tcp address. Logs and returns a negative errno: -EADDRINUSE
 * where somebody answers there. */
int listener_open(uv_loop_t *loop, const struct address *address,
		  const struct listener_options *options, struct listener **out);
/* Takes over an inherited descriptor that listens already. */
int listener_adopt(uv_loop_t *loop, int fd, const struct listener_options *options,
		   struct listener **out);
/* Stops, removes the socket file it made, frees. NULL is allowed. */
void listener_close(struct listener *listener);

/* Canonical text, for logs. */
const char *listener_name(const struct listener *listener);

#endif
