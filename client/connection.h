/*
 * Connecting, and what to say when it does not work.
 */
#ifndef HEARD_CLIENT_CONNECTION_H
#define HEARD_CLIENT_CONNECTION_H

#include <stdbool.h>

struct heard;
struct heard_event;
struct options;

/* Connects; says why not on standard error, unless quiet. 0 or a negative errno. */
int connection_open(const struct options *options, bool quiet, struct heard **out);

/* The exit status of hear.h for what connection_open returned. */
int connection_exit_status(int error);

/* Sends a request (NULL: none, one is on its way) and waits for the answer of that type, at most 10
 * s; an error event, a closed connection and silence are reported on standard error, unless quiet.
 * The event is valid until the next call on the connection. 0 or an exit status of hear.h. */
int connection_ask(struct heard *heard, const char *request, const char *answer, bool quiet,
		   struct heard_event *event);

/* The daemon may serve us later: worth connecting again. */
bool connection_worth_retrying(const char *error_code);

#endif
