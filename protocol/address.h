/*
 * Addresses of the daemon: unix://PATH or a bare path, tcp://HOST:PORT (IPv6 in
 * brackets, port 10300 where none is given), stdio://.
 */
#ifndef HEARD_PROTOCOL_ADDRESS_H
#define HEARD_PROTOCOL_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

enum address_kind {
	ADDRESS_UNIX,
	ADDRESS_TCP,
	ADDRESS_STDIO,
};

enum {
	ADDRESS_PATH_BYTES = 108, /* of sockaddr_un, terminator included */
	ADDRESS_HOST_BYTES = 256,
	ADDRESS_TEXT_BYTES = 280,
	ADDRESS_TCP_PORT = 10300, /* Home Assistant's habit for Wyoming ASR */
};

#define ADDRESS_SYSTEM_SOCKET "/run/heard/heard.sock"

struct address {
	enum address_kind kind;
	char path[ADDRESS_PATH_BYTES]; /* UNIX */
	char host[ADDRESS_HOST_BYTES]; /* TCP: without brackets; "" means any */
	uint16_t port;                 /* TCP */
};

/* 0, or -EINVAL with *reason (may be NULL) pointing to a constant sentence. */
int address_parse(const char *text, struct address *out, const char **reason);

/* Writes its canonical text, terminated; out has ADDRESS_TEXT_BYTES. */
void address_print(const struct address *address, char *out);

/* $HEARD_SOCKET (any address), else $XDG_RUNTIME_DIR/heard.sock, else
 * /run/heard/heard.sock. Returns as address_parse. */
int address_default(struct address *out, const char **reason);

#endif
