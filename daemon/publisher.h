/*
 * Results of the daemon's own source, to all of its subscribers, and what
 * heard-status counts of them.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_PUBLISHER_H
#define HEARD_DAEMON_PUBLISHER_H

#include "core/decode/flicker.h"
#include "daemon/daemon.h"
#include "daemon/result.h"
#include "protocol/message.h"

#include <stdbool.h>
#include <stdint.h>

struct publisher {
	struct daemon *daemon; /* borrowed */
	struct flicker flicker;
	struct result lag;       /* the last change of rung */
	uint64_t next_utterance; /* number of the first one without a final */
};

/* PARTIAL, ENDPOINT, FINAL, VIEW or LAG. `latency`: seconds since the sample at the
 * result's clock came. */
void publisher_result(struct publisher *publisher, const struct result *result, double latency);

/* heard-lag for who comes later. False: full speed, nothing to tell. */
bool publisher_lag(const struct publisher *publisher, struct message *message);

#endif
