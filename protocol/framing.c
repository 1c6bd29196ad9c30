#include "protocol/framing.h"

#include "core/base/utf8.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The version of the Wyoming protocol that we speak. */
static const char wyoming_version[] = "1.9.0";

enum state {
	STATE_LINE,
	STATE_DATA,
	STATE_PAYLOAD,
	STATE_FAILED,
};

struct framing {
	struct framing_limits limits;
	enum state state;

	/* Bytes of a line or data part that came in several pieces, and one for
	 * a terminator: cJSON 1.7.15 looks at the byte behind `{"a":1,`. */
	char *buffer; /* owned */
	size_t length, capacity;

	cJSON *header; /* owned; of the event in progress or last delivered */
	cJSON *data;   /* owned; merged from header and part */
	bool delivered;
	size_t data_left;
	uint64_t payload_length, payload_left;

	int status;
	enum protocol_error error;
	char error_text[160];
};

int framing_create(const struct framing_limits *limits, struct framing **out)
{
	struct framing *framing = calloc(1, sizeof(*framing));

	if (!framing)
		return -ENOMEM;
	framing->limits = limits ? *limits
				 : (struct framing_limits){
					   .line = FRAMING_LINE_LIMIT,
					   .data = FRAMING_DATA_LIMIT,
					   .payload = FRAMING_PAYLOAD_LIMIT,
				   };
	*out = framing;
	return 0;
}

void framing_destroy(struct framing *framing)
{
	if (!framing)
		return;
	cJSON_Delete(framing->header);
	cJSON_Delete(framing->data);
	free(framing->buffer);
	free(framing);
}

void framing_release(struct framing *framing)
{
	if (!framing->delivered)
		return;
	cJSON_Delete(framing->header);
	cJSON_Delete(framing->data);
	framing->header = NULL;
	framing->data = NULL;
	framing->delivered = false;
	/* Lines are short and come again; a large data part is rare. */
	if (framing->capacity > FRAMING_LINE_LIMIT) {
		free(framing->buffer);
		framing->buffer = NULL;
		framing->capacity = 0;
	}
}

enum protocol_error framing_error(const struct framing *framing)
{
	return framing->error;
}

const char *framing_error_text(const struct framing *framing)
{
	return framing->error_text;
}

bool framing_idle(const struct framing *framing)
{
	return framing->state == STATE_LINE && framing->length == 0;
}

static int fail(struct framing *framing, enum protocol_error error, const char *detail)
{
	framing->state = STATE_FAILED;
	framing->error = error;
	framing->status = -EPROTO;
	if (error == PROTOCOL_LINE_TOO_LONG || error == PROTOCOL_DATA_TOO_LONG ||
	    error == PROTOCOL_PAYLOAD_TOO_LONG)
		framing->status = -EMSGSIZE;
	else if (error == PROTOCOL_INTERNAL)
		framing->status = -ENOMEM;
	snprintf(framing->error_text, sizeof(framing->error_text), "%s%s%s",
		 protocol_error_text(error), detail ? ": " : "", detail ? detail : "");
	return framing->status;
}

static int fail_limit(struct framing *framing, enum protocol_error error, size_t limit)
{
	char detail[64];

	snprintf(detail, sizeof(detail), "%zu bytes are allowed", limit);
	return fail(framing, error, detail);
}

/* Appends to the buffer; the caller has checked the limit. */
static int keep(struct framing *framing, const char *bytes, size_t n)
{
	size_t wanted = framing->length + n + 1;

	if (wanted > framing->capacity) {
		size_t capacity = framing->capacity ? framing->capacity : 512;
		while (capacity < wanted)
			capacity *= 2;
		char *grown = realloc(framing->buffer, capacity);
		if (!grown)
			return fail(framing, PROTOCOL_INTERNAL, "out of memory");
		framing->buffer = grown;
		framing->capacity = capacity;
	}
	assert(framing->buffer);
	memcpy(framing->buffer + framing->length, bytes, n);
	framing->length += n;
	framing->buffer[framing->length] = '\0';
	return 0;
}

/* Parses n bytes that are followed by one readable byte which is no JSON. */
static int parse_json(struct framing *framing, const char *text, size_t n, cJSON **out)
{
	const char *end = NULL;

	if (!utf8_valid(text, n))
		return fail(framing, PROTOCOL_BAD_UTF8, NULL);
	/* cJSON takes every control character for white space, or for a part of a string. */
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return fail(framing, PROTOCOL_BAD_JSON, "it holds a control character");
	}
	cJSON *json = cJSON_ParseWithLengthOpts(text, n, &end, 0);
	if (!json)
		return fail(framing, PROTOCOL_BAD_JSON, NULL);
	while (end < text + n && (unsigned char)*end <= ' ')
		end++;
	if (end < text + n) {
		cJSON_Delete(json);
		return fail(framing, PROTOCOL_BAD_JSON, "something follows the object");
	}
	*out = json;
	return 0;
}

/* A length of the header: absent, null, or an integer up to limit. */
static int header_length(struct framing *framing, const char *key, size_t limit,
			 enum protocol_error too_long, uint64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(framing->header, key);
	char detail[64];

	*out = 0;
	if (!item || cJSON_IsNull(item))
		return 0;
	double value = item->valuedouble;
	if (!cJSON_IsNumber(item) || !(value >= 0) || value != floor(value)) {
		snprintf(detail, sizeof(detail), "%s is not a number of bytes", key);
		return fail(framing, PROTOCOL_BAD_HEADER, detail);
	}
	if (value > (double)limit)
		return fail_limit(framing, too_long, limit);
	*out = (uint64_t)value;
	return 0;
}

/* Puts the part's fields before the header's in one object, so that a search
 * finds them first. Taking fields out one by one would cost the product of
 * both counts, which a client chooses. */
static void merge(cJSON *part, cJSON *inlined)
{
	cJSON *first = part->child;
	cJSON *second = inlined->child;

	inlined->child = NULL;
	if (!second)
		return;
	if (!first) {
		part->child = second;
		return;
	}
	/* In cJSON's lists the first child's prev is the last child. */
	cJSON *last = second->prev;
	first->prev->next = second;
	second->prev = first->prev;
	first->prev = last;
}

static int parse_header(struct framing *framing, const char *line, size_t n)
{
	int status = parse_json(framing, line, n, &framing->header);
	if (status < 0)
		return status;
	if (!cJSON_IsObject(framing->header))
		return fail(framing, PROTOCOL_BAD_HEADER, "it is not an object");

	const cJSON *type = cJSON_GetObjectItemCaseSensitive(framing->header, "type");
	if (!cJSON_IsString(type) || type->valuestring[0] == '\0')
		return fail(framing, PROTOCOL_BAD_HEADER, "it has no type");

	const cJSON *data = cJSON_GetObjectItemCaseSensitive(framing->header, "data");
	if (data && !cJSON_IsNull(data)) {
		if (!cJSON_IsObject(data))
			return fail(framing, PROTOCOL_BAD_DATA, NULL);
		framing->data = cJSON_DetachItemFromObjectCaseSensitive(framing->header, "data");
	}

	uint64_t data_length;
	status = header_length(framing, "data_length", framing->limits.data, PROTOCOL_DATA_TOO_LONG,
			       &data_length);
	if (status < 0)
		return status;
	framing->data_left = (size_t)data_length;
	return header_length(framing, "payload_length", framing->limits.payload,
			     PROTOCOL_PAYLOAD_TOO_LONG, &framing->payload_length);
}

static int parse_part(struct framing *framing)
{
	cJSON *part = NULL;
	int status = parse_json(framing, framing->buffer, framing->length, &part);

	framing->length = 0;
	if (status < 0)
		return status;
	assert(part);
	if (cJSON_IsNull(part)) {
		cJSON_Delete(part);
		return 0;
	}
	if (!cJSON_IsObject(part)) {
		cJSON_Delete(part);
		return fail(framing, PROTOCOL_BAD_DATA, NULL);
	}
	if (framing->data) {
		merge(part, framing->data);
		cJSON_Delete(framing->data);
	}
	framing->data = part;
	return 0;
}

static void deliver(struct framing *framing, struct framing_item *item)
{
	item->kind = FRAMING_EVENT;
	item->type = cJSON_GetObjectItemCaseSensitive(framing->header, "type")->valuestring;
	item->data = framing->data;
	item->payload_length = framing->payload_length;
	item->payload_left = framing->payload_length;
	framing->payload_left = framing->payload_length;
	framing->delivered = true;
	framing->state = framing->payload_length > 0 ? STATE_PAYLOAD : STATE_LINE;
}

/* A line is over; text[n] is its newline. */
static int end_line(struct framing *framing, const char *text, size_t n, struct framing_item *item)
{
	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n == 0)
		return 0;
	if (n > framing->limits.line)
		return fail_limit(framing, PROTOCOL_LINE_TOO_LONG, framing->limits.line);

	int status = parse_header(framing, text, n);
	if (status < 0)
		return status;
	if (framing->data_left > 0)
		framing->state = STATE_DATA;
	else
		deliver(framing, item);
	return 0;
}

static ssize_t take_line(struct framing *framing, const char *bytes, size_t n,
			 struct framing_item *item)
{
	const char *newline = memchr(bytes, '\n', n);
	size_t length = newline ? (size_t)(newline - bytes) : n;

	/* One more than the limit: the last byte can be the CR of a CRLF. */
	if (length > framing->limits.line + 1 - framing->length)
		return fail_limit(framing, PROTOCOL_LINE_TOO_LONG, framing->limits.line);
	if (!newline)
		return keep(framing, bytes, n) < 0 ? framing->status : (ssize_t)n;

	int status;
	if (framing->length == 0) {
		status = end_line(framing, bytes, length, item);
	} else {
		status = keep(framing, bytes, length + 1);
		if (status < 0)
			return status;
		size_t total = framing->length - 1;
		framing->length = 0;
		status = end_line(framing, framing->buffer, total, item);
	}
	return status < 0 ? status : (ssize_t)length + 1;
}

static ssize_t take_data(struct framing *framing, const char *bytes, size_t n,
			 struct framing_item *item)
{
	if (n > framing->data_left)
		n = framing->data_left;
	if (keep(framing, bytes, n) < 0)
		return framing->status;
	framing->data_left -= n;
	if (framing->data_left == 0) {
		if (parse_part(framing) < 0)
			return framing->status;
		deliver(framing, item);
	}
	return (ssize_t)n;
}

ssize_t framing_take(struct framing *framing, const void *bytes, size_t n,
		     struct framing_item *item)
{
	*item = (struct framing_item){.kind = FRAMING_NOTHING};
	framing_release(framing);

	switch (framing->state) {
	case STATE_LINE:
		return take_line(framing, bytes, n, item);
	case STATE_DATA:
		return take_data(framing, bytes, n, item);
	case STATE_PAYLOAD:
		if (n > framing->payload_left)
			n = (size_t)framing->payload_left;
		framing->payload_left -= n;
		item->kind = FRAMING_PAYLOAD;
		item->payload = bytes;
		item->payload_length = n;
		item->payload_left = framing->payload_left;
		if (framing->payload_left == 0)
			framing->state = STATE_LINE;
		return (ssize_t)n;
	case STATE_FAILED:
		return framing->status;
	}
	abort();
}

int framing_print(const char *type, const struct cJSON *data, uint64_t payload_length, char **out,
		  size_t *n)
{
	int status = -ENOMEM;
	char *data_text = NULL, *header_text = NULL, *bytes = NULL;
	cJSON *header = cJSON_CreateObject();

	if (!header || !cJSON_AddStringToObject(header, "type", type) ||
	    !cJSON_AddStringToObject(header, "version", wyoming_version))
		goto end;
	if (data && data->child) {
		data_text = cJSON_PrintUnformatted(data);
		if (!data_text)
			goto end;
	}

	size_t data_length = data_text ? strlen(data_text) : 0;
	/* The rest of an inlined line: type, version and punctuation. */
	size_t around = strlen(type) * 6 + 64;
	bool inlined =
		data_text && payload_length == 0 && data_length + around <= FRAMING_INLINE_LIMIT;
	if (data_text && !inlined &&
	    !cJSON_AddNumberToObject(header, "data_length", (double)data_length))
		goto end;
	if (payload_length > 0 &&
	    !cJSON_AddNumberToObject(header, "payload_length", (double)payload_length))
		goto end;
	header_text = cJSON_PrintUnformatted(header);
	if (!header_text)
		goto end;

	size_t header_length_bytes = strlen(header_text);
	size_t size = header_length_bytes + data_length + sizeof(",\"data\":}\n");
	bytes = malloc(size);
	if (!bytes)
		goto end;
	if (inlined) /* in front of the header's closing brace */
		*n = (size_t)snprintf(bytes, size, "%.*s,\"data\":%s}\n",
				      (int)(header_length_bytes - 1), header_text, data_text);
	else
		*n = (size_t)snprintf(bytes, size, "%s\n%s", header_text,
				      data_text ? data_text : "");
	*out = bytes;
	status = 0;
end:
	cJSON_Delete(header);
	cJSON_free(data_text);
	cJSON_free(header_text);
	return status;
}
