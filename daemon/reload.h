/*
 * SIGHUP, and orders of a privileged client: configuration and model are read
 * again, clients stay. A configuration that is wrong changes nothing.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_RELOAD_H
#define HEARD_DAEMON_RELOAD_H

#include "daemon/daemon.h"

/* Reads file and command line into *settings, complete and checked. Complaints
 * are logged or written to standard error. 0 or negative errno. */
int reload_read_settings(int argc, char **argv, struct settings *settings);

void reload_begin(struct daemon *daemon);
/* An order: another model directory or device (NULL: as it is), or everything
 * from the file. NULL, or why not. */
const char *reload_order(struct daemon *daemon, const char *model, const char *device,
			 bool everything);

#endif
