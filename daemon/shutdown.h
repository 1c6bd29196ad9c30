/*
 * The orderly end (SIGTERM): no more clients, no more audio, the open
 * utterances get their finals. What is not computed after LIMIT_FINAL_MS is
 * answered with the committed text, and after LIMIT_EXIT_MS the process leaves
 * with whatever is unsent.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_SHUTDOWN_H
#define HEARD_DAEMON_SHUTDOWN_H

#include "daemon/daemon.h"

/* Starts it; further calls do nothing. */
void shutdown_begin(struct daemon *daemon);
/* Something has ended that it may be waiting for. Does nothing before begin. */
void shutdown_check(struct daemon *daemon);

#endif
