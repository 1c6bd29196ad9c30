/*
 * Reading and writing the fields of an event's data, for the message files.
 *
 * Readers check type and range. `null` and absence are the same and leave the
 * output alone; a wrong value fills in the problem, whose text names the field
 * by its path, and returns -EINVAL. With 1 the field was there, with 0 not.
 * Writers note a failed allocation in the object's `failed` and go on.
 */
#ifndef HEARD_PROTOCOL_JSON_FIELDS_H
#define HEARD_PROTOCOL_JSON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

struct problem {
	char text[192]; /* "" where there is none */
};

/* Remembers what is wrong with path.key; returns -EINVAL. */
int problem_set(struct problem *problem, const char *path, const char *key, const char *wanted);

struct fields {
	const struct cJSON *object; /* borrowed; NULL: no fields */
	const char *path;           /* borrowed */
	struct problem *problem;
};

int fields_number(const struct fields *fields, const char *key, double min, double max,
		  double *out);
int fields_integer(const struct fields *fields, const char *key, int64_t min, int64_t max,
		   int64_t *out);
int fields_bool(const struct fields *fields, const char *key, bool *out);
/* Borrowed from the JSON. */
int fields_string(const struct fields *fields, const char *key, const char **out);
int fields_object(const struct fields *fields, const char *key, const struct cJSON **out);
int fields_array(const struct fields *fields, const char *key, const struct cJSON **out);
/* -EINVAL with "is missing", for what the readers returned 0. */
int fields_missing(const struct fields *fields, const char *key);

/* An object being filled. */
struct json_object {
	struct cJSON *json; /* NULL once failed */
	bool failed;
};

/* The strings may be any bytes: what is not UTF-8 becomes U+FFFD. NULL writes nothing. */
void json_string(struct json_object *object, const char *key, const char *value);
/* Not finite writes nothing. */
void json_number(struct json_object *object, const char *key, double value);
/* The same rounded to 10^-digits: for floats, whose tail is noise. */
void json_rounded(struct json_object *object, const char *key, double value, int digits);
void json_integer(struct json_object *object, const char *key, int64_t value);
void json_bool(struct json_object *object, const char *key, bool value);
/* Text that is JSON already. NULL writes nothing. */
void json_raw(struct json_object *object, const char *key, const char *text);
/* A new object or array inside; its failure is the outer's once handed to json_join. */
struct json_object json_inner(struct json_object *object, const char *key);
struct json_object json_list(struct json_object *object, const char *key);
struct json_object json_item(struct json_object *list);
void json_list_string(struct json_object *list, const char *value);
void json_join(struct json_object *outer, const struct json_object *inner);

#endif
