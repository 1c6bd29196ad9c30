/*
 * What the parts of hear(1) share.
 */
#ifndef HEARD_CLIENT_HEAR_H
#define HEARD_CLIENT_HEAR_H

/* Exit statuses, as in hear(1). */
enum {
	HEAR_OK = 0,
	HEAR_FAILED = 1, /* the daemon refused, or broke off */
	HEAR_USAGE = 2,
	HEAR_NO_DAEMON = 3,     /* nothing to connect to */
	HEAR_FILE = 4,          /* a file could not be read or written */
	HEAR_INTERRUPTED = 130, /* before the files were done */
};

#endif
