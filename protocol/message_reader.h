/*
 * How message_parse.c reads: fields of one JSON object into a message that owns
 * copies, with an error that sticks. After it every function here does nothing,
 * so the parser of an event is a list of its fields.
 */
#ifndef HEARD_PROTOCOL_MESSAGE_READER_H
#define HEARD_PROTOCOL_MESSAGE_READER_H

#include "protocol/json_fields.h"
#include "protocol/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

/* Clocks and counts: what a double holds exactly. */
#define READER_COUNT_MAX ((int64_t)1 << 53)

struct message_reader {
	struct message *message; /* borrowed */
	struct fields fields;
	int status; /* 0, -EINVAL with the problem filled in, -ENOMEM */
};

/* For an inner object: same message and problem. Its status goes back by hand. */
struct message_reader reader_inside(struct message_reader *reader, const struct cJSON *object,
				    const char *path);
/* Takes over what a fields_ function returned: an error, or 0 where required. */
void reader_check(struct message_reader *reader, int found, const char *key, bool required);

/* Memory that the message owns, zeroed; NULL and a status without. */
void *reader_take(struct message_reader *reader, size_t count, size_t size);
const char *reader_copy(struct message_reader *reader, const char *text);

/* Copied into the message. */
void reader_string(struct message_reader *reader, const char *key, bool required, const char **out);
const char *const *reader_strings(struct message_reader *reader, const char *key, size_t *n);
/* True where it was there. */
bool reader_number(struct message_reader *reader, const char *key, double min, double max,
		   double *out);
bool reader_integer(struct message_reader *reader, const char *key, int64_t min, int64_t max,
		    int64_t *out);
void reader_seconds(struct message_reader *reader, const char *key, double *out);
/* Absence is told by -1. */
void reader_positive(struct message_reader *reader, const char *key, double *out);
void reader_count(struct message_reader *reader, const char *key, int64_t *out);
void reader_identity(struct message_reader *reader, const char *key, uint64_t *out);
void reader_flag(struct message_reader *reader, const char *key, bool *out);
void reader_timestamp(struct message_reader *reader, struct message_timestamp *out);
/* The field `context`, an object, as JSON text. */
void reader_context(struct message_reader *reader, const char **out);

/* NULL where absent or on error. */
const struct cJSON *reader_object(struct message_reader *reader, const char *key);
/* Memory for the elements of an array of objects, zeroed, with the first of
 * them; NULL and *n = 0 where absent or on error. */
void *reader_objects(struct message_reader *reader, const char *key, size_t size,
		     const struct cJSON **first, size_t *n);

#endif
