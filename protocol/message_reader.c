#include "protocol/message_reader.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const double seconds_max = 1e12;

struct message_block {
	struct message_block *next;
	max_align_t bytes[];
};

void message_finish(struct message *message)
{
	while (message->blocks) {
		struct message_block *next = message->blocks->next;
		free(message->blocks);
		message->blocks = next;
	}
}

void *reader_take(struct message_reader *reader, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n) ||
	    __builtin_add_overflow(n, sizeof(struct message_block), &n)) {
		reader->status = -ENOMEM;
		return NULL;
	}
	struct message_block *block = calloc(1, n);
	if (!block) {
		reader->status = -ENOMEM;
		return NULL;
	}
	block->next = reader->message->blocks;
	reader->message->blocks = block;
	return block->bytes;
}

const char *reader_copy(struct message_reader *reader, const char *text)
{
	size_t n = strlen(text) + 1;
	char *bytes = reader_take(reader, n, 1);

	return bytes ? memcpy(bytes, text, n) : NULL;
}

/* Parses an inner object with the same message and problem. */
struct message_reader reader_inside(struct message_reader *reader, const cJSON *object,
				    const char *path)
{
	return (struct message_reader){
		.message = reader->message,
		.fields = {.object = object, .path = path, .problem = reader->fields.problem},
		.status = reader->status,
	};
}

void reader_check(struct message_reader *reader, int found, const char *key, bool required)
{
	if (found < 0)
		reader->status = found;
	else if (found == 0 && required)
		reader->status = fields_missing(&reader->fields, key);
}

void reader_string(struct message_reader *reader, const char *key, bool required, const char **out)
{
	const char *text = NULL;

	if (reader->status < 0)
		return;
	reader_check(reader, fields_string(&reader->fields, key, &text), key, required);
	if (text)
		*out = reader_copy(reader, text);
}

bool reader_number(struct message_reader *reader, const char *key, double min, double max,
		   double *out)
{
	if (reader->status < 0)
		return false;
	int found = fields_number(&reader->fields, key, min, max, out);
	reader_check(reader, found, key, false);
	return found > 0;
}

void reader_seconds(struct message_reader *reader, const char *key, double *out)
{
	reader_number(reader, key, -seconds_max, seconds_max, out);
}

/* Numbers whose absence is told by a negative value. */
void reader_positive(struct message_reader *reader, const char *key, double *out)
{
	*out = -1;
	reader_number(reader, key, 0, seconds_max, out);
}

bool reader_integer(struct message_reader *reader, const char *key, int64_t min, int64_t max,
		    int64_t *out)
{
	if (reader->status < 0)
		return false;
	int found = fields_integer(&reader->fields, key, min, max, out);
	reader_check(reader, found, key, false);
	return found > 0;
}

void reader_count(struct message_reader *reader, const char *key, int64_t *out)
{
	reader_integer(reader, key, 0, READER_COUNT_MAX, out);
}

void reader_identity(struct message_reader *reader, const char *key, uint64_t *out)
{
	int64_t value = 0;

	reader_count(reader, key, &value);
	*out = (uint64_t)value;
}

void reader_flag(struct message_reader *reader, const char *key, bool *out)
{
	if (reader->status < 0)
		return;
	reader_check(reader, fields_bool(&reader->fields, key, out), key, false);
}

/* NULL where absent or on error. */
const cJSON *reader_object(struct message_reader *reader, const char *key)
{
	const cJSON *item = NULL;

	if (reader->status == 0)
		reader_check(reader, fields_object(&reader->fields, key, &item), key, false);
	return reader->status == 0 ? item : NULL;
}

static const cJSON *reader_array(struct message_reader *reader, const char *key)
{
	const cJSON *item = NULL;

	if (reader->status == 0)
		reader_check(reader, fields_array(&reader->fields, key, &item), key, false);
	return reader->status == 0 ? item : NULL;
}

void reader_context(struct message_reader *reader, const char **out)
{
	const cJSON *item = reader_object(reader, "context");

	if (!item)
		return;
	char *text = cJSON_PrintUnformatted(item);
	if (text)
		*out = reader_copy(reader, text);
	else
		reader->status = -ENOMEM;
	cJSON_free(text);
}

const char *const *reader_strings(struct message_reader *reader, const char *key, size_t *n)
{
	const cJSON *list = reader_array(reader, key);
	const cJSON *item;
	size_t i = 0;

	if (!list)
		return NULL;
	const char **out = reader_take(reader, (size_t)cJSON_GetArraySize(list), sizeof(*out));
	if (!out)
		return NULL;
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item)) {
			reader->status = problem_set(reader->fields.problem, reader->fields.path,
						     key, "must be an array of strings");
			return NULL;
		}
		out[i] = reader_copy(reader, item->valuestring);
		if (!out[i++])
			return NULL;
	}
	*n = i;
	return out;
}

/* Elements of an array that must all be objects; NULL and *n = 0 otherwise. */
void *reader_objects(struct message_reader *reader, const char *key, size_t size,
		     const cJSON **first, size_t *n)
{
	const cJSON *list = reader_array(reader, key);
	const cJSON *item;
	size_t total = 0;

	*first = NULL;
	*n = 0;
	if (!list)
		return NULL;
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsObject(item)) {
			reader->status = problem_set(reader->fields.problem, reader->fields.path,
						     key, "must be an array of objects");
			return NULL;
		}
		total++;
	}
	void *out = reader_take(reader, total, size);
	if (!out)
		return NULL;
	*first = list->child;
	*n = total;
	return out;
}

void reader_timestamp(struct message_reader *reader, struct message_timestamp *out)
{
	double ms = 0;

	/* The reference writes integers; a float does no harm. */
	if (reader_number(reader, "timestamp", -(double)READER_COUNT_MAX, (double)READER_COUNT_MAX,
			  &ms)) {
		out->given = true;
		out->ms = (int64_t)floor(ms);
	}
}
