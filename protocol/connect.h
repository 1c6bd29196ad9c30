/*
 * Connecting to an address, for the client library.
 */
#ifndef HEARD_PROTOCOL_CONNECT_H
#define HEARD_PROTOCOL_CONNECT_H

struct address;

/* Returns a connected stream socket, close-on-exec, or a negative errno. TCP
 * gives up after timeout_ms for each address that the host name has. */
int connect_address(const struct address *address, int timeout_ms);

/* The first that answers of the places where the daemon listens by default. */
int connect_default(int timeout_ms);

#endif
