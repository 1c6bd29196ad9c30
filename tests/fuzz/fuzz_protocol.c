/*
 * A client's bytes. The first chooses how the rest is cut. Cut or whole gives the
 * same events, payload bytes and error; and an event that was understood is printed
 * so that reading it again prints the same.
 */
#include "protocol/framing.h"
#include "protocol/message.h"
#include "tests/fuzz/target.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a stream said, for comparison. */
struct digest {
	uint64_t hash;
	size_t events, payload;
	enum protocol_error error;
	bool idle;
};

static void add(struct digest *digest, const void *bytes, size_t n)
{
	const unsigned char *c = bytes;

	for (size_t i = 0; i < n; i++)
		digest->hash = (digest->hash ^ c[i]) * 1099511628211u;
}

static char *print(const struct message *message, size_t *n)
{
	char *bytes;

	if (message_print(message, 0, &bytes, n) < 0)
		abort();
	return bytes;
}

/* Printed, read, printed: the same. */
static void check_print(const struct message *message, const char *bytes, size_t n)
{
	struct framing *framing;
	struct framing_item item = {.kind = FRAMING_NOTHING};
	const struct framing_limits limits = {.line = 1 << 16, .data = 1 << 24, .payload = 0};
	struct message again;
	struct problem problem;
	size_t n_again;

	if (framing_create(&limits, &framing) < 0)
		abort();
	for (size_t at = 0; at < n;) {
		ssize_t taken = framing_take(framing, bytes + at, n - at, &item);
		if (taken <= 0)
			abort();
		at += (size_t)taken;
	}
	if (item.kind != FRAMING_EVENT || !framing_idle(framing))
		abort();
	if (message_parse(item.type, item.data, &again, &problem) < 0 ||
	    again.kind != message->kind)
		abort();
	char *text = print(&again, &n_again);
	if (n_again != n || memcmp(text, bytes, n) != 0)
		abort();
	free(text);
	message_finish(&again);
	framing_destroy(framing);
}

static void event(struct digest *digest, const struct framing_item *item, bool check)
{
	struct message message;
	struct problem problem;

	digest->events++;
	add(digest, item->type, strlen(item->type));
	add(digest, &item->payload_length, sizeof(item->payload_length));
	if (message_parse(item->type, item->data, &message, &problem) < 0) {
		add(digest, problem.text, strlen(problem.text));
		return;
	}
	if (message.kind != MESSAGE_UNKNOWN) {
		size_t n;
		char *bytes = print(&message, &n);
		add(digest, bytes, n);
		if (check)
			check_print(&message, bytes, n);
		free(bytes);
	}
	message_finish(&message);
}

/* Pieces of 1 to `cut` bytes, each in memory of its own size; cut 0: whole. */
static struct digest read_stream(const uint8_t *data, size_t size, unsigned cut)
{
	const struct framing_limits limits = {.line = 4096, .data = 4096, .payload = 100000};
	struct digest digest = {.hash = 14695981039346656037u};
	struct framing *framing;
	unsigned random = cut;

	if (framing_create(&limits, &framing) < 0)
		abort();
	while (size > 0) {
		random = random * 1664525u + 1013904223u;
		size_t piece = cut ? 1 + (random >> 16) % cut : size;
		if (piece > size)
			piece = size;
		uint8_t *bytes = malloc(piece);
		if (!bytes)
			abort();
		memcpy(bytes, data, piece);
		size_t at = 0;
		while (at < piece && digest.error == PROTOCOL_OK) {
			struct framing_item item;
			ssize_t taken = framing_take(framing, bytes + at, piece - at, &item);
			if (taken < 0) {
				digest.error = framing_error(framing);
				break;
			}
			if (taken == 0 || (size_t)taken > piece - at)
				abort();
			if (item.kind == FRAMING_EVENT) {
				event(&digest, &item, cut == 0);
			} else if (item.kind == FRAMING_PAYLOAD) {
				if (item.payload != bytes + at ||
				    item.payload_length != (uint64_t)taken)
					abort();
				add(&digest, item.payload, (size_t)item.payload_length);
				digest.payload += (size_t)item.payload_length;
			}
			at += (size_t)taken;
		}
		free(bytes);
		if (digest.error != PROTOCOL_OK)
			break;
		data += piece;
		size -= piece;
	}
	digest.idle = framing_idle(framing);
	framing_destroy(framing);
	return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct digest whole = read_stream(data + 1, size - 1, 0);
	struct digest pieces = read_stream(data + 1, size - 1, 1 + data[0] % 64);
	if (whole.hash != pieces.hash || whole.events != pieces.events ||
	    whole.payload != pieces.payload || whole.error != pieces.error ||
	    whole.idle != pieces.idle)
		abort();
	return 0;
}
