/*
 * Tells systemd's watchdog that we live, if we do: a timer of the loop proves
 * the loop, and the engine thread has to have moved since the last time.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_WATCHDOG_H
#define HEARD_DAEMON_WATCHDOG_H

#include "daemon/daemon.h"

struct watchdog;

/* Does nothing where systemd does not watch. */
int watchdog_create(struct daemon *daemon, struct watchdog **out);
/* Each accepts NULL. */
void watchdog_close(struct watchdog *watchdog);
void watchdog_destroy(struct watchdog *watchdog);

#endif
