/*
 * What a final says of the commands that were listened for: heard-command, or
 * heard-no-match where something else was said.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_COMMAND_H
#define HEARD_DAEMON_COMMAND_H

#include "daemon/outqueue.h"
#include "daemon/result.h"
#include "protocol/message.h"

struct command_client {
	void (*send)(void *ctx, const struct message *message, enum outqueue_kind kind);
	void *ctx;
	uint64_t stream; /* its number on the wire */
	double rate, hop;
};

/* Sends the event of a FINAL with a grammar; nothing where nothing was said.
 * 0 or -ENOMEM. */
int command_tell(const struct command_client *client, const struct result *result);

#endif
