/*
 * Runs bytes through framing and messages and writes down what came out, one
 * line an item: what two runs must have in common whatever the split.
 */
#ifndef HEARD_TESTS_PROTOCOL_STREAM_H
#define HEARD_TESTS_PROTOCOL_STREAM_H

#include "protocol/framing.h"

#include <stddef.h>

/* What the bytes mean, read in pieces of `piece` bytes (0: pieces of random
 * length, from seed):
 *	event TYPE DATA|-|problem PAYLOAD_LENGTH
 *	payload HEX            all pieces of one payload together
 *	error CODE             at the first, nothing follows
 *	idle | inside          at the end
 * Owned by the caller. */
char *stream_read(const void *bytes, size_t n, size_t piece, unsigned seed,
		  const struct framing_limits *limits);

#endif
