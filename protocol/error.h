/*
 * The codes of the `error` event, one table for daemon, client and manual page
 * (heard-protocol(7), "Errors"). Fatal ones are followed by a close.
 */
#ifndef HEARD_PROTOCOL_ERROR_H
#define HEARD_PROTOCOL_ERROR_H

#include <stdbool.h>

enum protocol_error {
	PROTOCOL_OK,
	/* framing: always fatal, the stream cannot be resynchronized */
	PROTOCOL_LINE_TOO_LONG,
	PROTOCOL_DATA_TOO_LONG,
	PROTOCOL_PAYLOAD_TOO_LONG,
	PROTOCOL_BAD_UTF8,
	PROTOCOL_BAD_JSON,
	PROTOCOL_BAD_HEADER,
	PROTOCOL_BAD_DATA,
	/* what an event asks for */
	PROTOCOL_BAD_FIELD,  /* a field of a known event has the wrong type or range */
	PROTOCOL_BAD_ORDER,  /* an event where its state does not allow it */
	PROTOCOL_BAD_FORMAT, /* rate, width or channels not supported, or changed inside a stream */
	PROTOCOL_NO_LANGUAGE, /* the model does not have it */
	PROTOCOL_NO_SOURCE,   /* subscribed, but the daemon runs without a source */
	PROTOCOL_NO_WAKE,     /* detect without a wake model */
	PROTOCOL_NOT_PERMITTED,
	PROTOCOL_NOT_READY,  /* the model could not be loaded: the daemon leaves */
	PROTOCOL_OVERLOADED, /* behind real time: new sessions are refused */
	PROTOCOL_TOO_MANY_CLIENTS,
	PROTOCOL_TOO_SLOW, /* the client does not read: its queue passed the cap */
	PROTOCOL_TOO_MUCH_AUDIO,
	PROTOCOL_TIMEOUT,
	PROTOCOL_SHUTDOWN,
	PROTOCOL_INTERNAL,
	PROTOCOL_ERRORS, /* number of codes */
};

/* "line-too-long" and so on: the `code` on the wire. */
const char *protocol_error_name(enum protocol_error error);
/* By that name; PROTOCOL_ERRORS for a name unknown or NULL. */
enum protocol_error protocol_error_find(const char *name);
/* A sentence for people, without a full stop. */
const char *protocol_error_text(enum protocol_error error);
/* The daemon closes the connection after sending it. */
bool protocol_error_fatal(enum protocol_error error);

#endif
