/*
 * Hotwords and commands that a client's message lists, compiled on a worker: a grammar of 10000
 * phrases takes the better part of a second, and nobody else's words wait for it.
 *
 * The session keeps its message, and so reads nothing further, until the work is done; that keeps
 * its messages in order. One at a time is compiled, so that no more than one core is taken away
 * from the engine; others wait for their turn.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_COMPILE_H
#define HEARD_DAEMON_COMPILE_H

#include "daemon/decoding.h"

#include <stdbool.h>

struct compile;
struct session;

/* What came of it. */
struct compiled {
	struct hotwords *hotwords; /* held; NULL: not asked for */
	struct decoding_commands commands;
};

void compiled_drop(struct compiled *compiled);

/* Starts work for the session, which is resumed when it is done; nothing else is under way
 * (daemon.compiling; all sessions are resumed after it). hotwords and grammar are of the session's
 * held message, which stays until compile_end or compile_abandon; the vocabulary is held, NULL:
 * there was no memory for it. 0 or -ENOMEM. */
int compile_start(struct session *session, const struct message_hotwords *hotwords,
		  const struct message_grammar *grammar, const struct vocab *vocab,
		  struct compile **out);

/* It was made for a model that is no longer in force. */
bool compile_stale(const struct compile *compile);

/* What came of one that is done, which this frees: 0, -EINVAL with the reason, or -ENOMEM. *out is
 * the caller's, empty on failure. */
int compile_end(struct compile *compile, struct compiled *out, char reason[DECODING_REASON_BYTES]);

/* The session goes away, whether it is done or not. Takes over the message (message_finish). */
void compile_abandon(struct compile *compile, struct message *message);

#endif
