/*
 * heard-status, and the same in one line for the log and for systemd.
 */
#ifndef HEARD_DAEMON_STATUS_H
#define HEARD_DAEMON_STATUS_H

#include "daemon/daemon.h"
#include "protocol/message.h"

/* Strings are valid until the loop goes on. */
void status_fill(struct daemon *daemon, struct message *message);
/* SIGUSR1. */
void status_log(struct daemon *daemon);

#endif
