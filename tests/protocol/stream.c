#include "tests/protocol/stream.h"

#include "protocol/message.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_event(FILE *out, const struct framing_item *item)
{
	struct message message;
	struct problem problem;
	char *data = item->data ? cJSON_PrintUnformatted(item->data) : NULL;

	fprintf(out, "event %s %s %llu\n", item->type, data ? data : "-",
		(unsigned long long)item->payload_length);
	cJSON_free(data);
	if (message_parse(item->type, item->data, &message, &problem) < 0) {
		fprintf(out, "problem %s\n", problem.text);
		return;
	}
	message_finish(&message);
}

/* The caller's bytes are freed after each call, so that nothing can point into them. */
static ssize_t take(struct framing *framing, const unsigned char *bytes, size_t n, FILE *out)
{
	struct framing_item item;
	unsigned char *copy = malloc(n);

	if (!copy)
		abort();
	memcpy(copy, bytes, n);
	ssize_t taken = framing_take(framing, copy, n, &item);
	if (taken > 0 && item.kind == FRAMING_EVENT)
		write_event(out, &item);
	if (taken > 0 && item.kind == FRAMING_PAYLOAD) {
		for (uint64_t i = 0; i < item.payload_length; i++)
			fprintf(out, "%02x", item.payload[i]);
		if (item.payload_left == 0)
			fputc('\n', out);
	}
	free(copy);
	return taken;
}

char *stream_read(const void *bytes, size_t n, size_t piece, unsigned seed,
		  const struct framing_limits *limits)
{
	const unsigned char *next = bytes;
	struct framing *framing;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t random = seed * 2654435761u + 1;

	if (!out || framing_create(limits, &framing) < 0)
		abort();
	while (n > 0) {
		random = random * 1664525u + 1013904223u;
		size_t length = piece ? piece : 1 + (random >> 16) % 97;
		if (length > n)
			length = n;
		const unsigned char *end = next + length;
		while (next < end) {
			ssize_t taken = take(framing, next, (size_t)(end - next), out);
			if (taken <= 0) {
				fprintf(out, "error %s\n",
					protocol_error_name(framing_error(framing)));
				goto done;
			}
			next += taken;
		}
		n -= length;
	}
	fprintf(out, "%s\n", framing_idle(framing) ? "idle" : "inside");
done:
	framing_destroy(framing);
	fclose(out);
	return text;
}
