/*
 * Wyoming framing, bytes in, events out: one line of JSON (the header), then
 * `data_length` bytes of JSON, then `payload_length` raw bytes.
 *
 *	while (n > 0) {
 *		ssize_t taken = framing_take(framing, bytes, n, &item);
 *		if (taken < 0)
 *			close(framing_error(framing));
 *		bytes += taken, n -= taken;
 *		if (item.kind == FRAMING_EVENT)
 *			handle(item.type, item.data);
 *		else if (item.kind == FRAMING_PAYLOAD)
 *			handle(item.payload, item.payload_length);
 *	}
 *
 * Any split of the same bytes into calls gives the same items, payload pieces
 * excepted: those are the caller's own bytes, handed back without a copy, in
 * the pieces in which they came. Memory is bounded by the limits. A broken
 * stream cannot be resynchronized: the first error sticks.
 *
 * Accepted beyond what we write: data inline in the header, in a data part, or
 * in both (the part's fields win); `null` for any absent field; lines ended by
 * CRLF; empty lines between events.
 */
#ifndef HEARD_PROTOCOL_FRAMING_H
#define HEARD_PROTOCOL_FRAMING_H

#include "protocol/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cJSON;
struct framing;

/* Bytes. A line is counted without its end. */
struct framing_limits {
	size_t line;
	size_t data;
	size_t payload;
};

enum {
	FRAMING_LINE_LIMIT = 64 * 1024,
	FRAMING_DATA_LIMIT = 1024 * 1024,
	FRAMING_PAYLOAD_LIMIT = 16 * 1024 * 1024,
	/* Reference readers stop at 64 KiB: a longer line moves its data into a data part. */
	FRAMING_INLINE_LIMIT = 60 * 1024,
};

enum framing_kind {
	FRAMING_NOTHING, /* all bytes taken, no item complete */
	FRAMING_EVENT,   /* header and data are complete; payload_length bytes follow */
	FRAMING_PAYLOAD, /* payload_length bytes of the payload of the last event */
};

struct framing_item {
	enum framing_kind kind;
	/* EVENT. Valid until the next framing_take or framing_release. */
	const char *type;
	const struct cJSON *data; /* an object; NULL where the event carries none */
	/* PAYLOAD: points into the bytes given to framing_take. */
	const unsigned char *payload;
	uint64_t payload_length;
	/* PAYLOAD: bytes still to come; 0: this was the last piece. */
	uint64_t payload_left;
};

/* NULL: the limits above. 0 or -ENOMEM. */
int framing_create(const struct framing_limits *limits, struct framing **out);
void framing_destroy(struct framing *framing);

/* Takes bytes up to the end of one item, at least one byte and at most n (> 0).
 * Returns how many, or a negative errno, now and ever after: -EPROTO
 * (malformed), -EMSGSIZE (a limit), -ENOMEM. */
ssize_t framing_take(struct framing *framing, const void *bytes, size_t n,
		     struct framing_item *item);

/* Frees what the last event holds (a parsed data part can be many times its
 * size on the wire) instead of keeping it until the next bytes come. */
void framing_release(struct framing *framing);

/* The sticky error: its code, and a sentence that says more (never NULL). */
enum protocol_error framing_error(const struct framing *framing);
const char *framing_error_text(const struct framing *framing);

/* At the border between two events: the place where a peer may hang up. */
bool framing_idle(const struct framing *framing);

/* Prints header and data of one event, newline or data part included; the
 * payload is written after it by the caller. Data goes inline where no payload
 * follows and the line stays within FRAMING_INLINE_LIMIT, else into a data
 * part. *out is owned by the caller (free). 0 or -ENOMEM. */
int framing_print(const char *type, const struct cJSON *data, uint64_t payload_length, char **out,
		  size_t *n);

#endif
