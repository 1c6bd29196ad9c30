/*
 * JSON on a stdio stream, written as it is known: nothing is collected. The
 * result is valid whatever the strings hold: bytes that are not UTF-8 (file
 * names may be anything) become U+FFFD.
 */
#ifndef HEARD_TOOLS_JSON_OUT_H
#define HEARD_TOOLS_JSON_OUT_H

#include <stdbool.h>
#include <stdio.h>

struct json_out {
	FILE *file; /* borrowed */
	bool comma; /* the next value follows another */
};

/* `key` is NULL for elements of an array and for the outermost value. */
void json_begin_object(struct json_out *json, const char *key);
void json_end_object(struct json_out *json);
void json_begin_array(struct json_out *json, const char *key);
void json_end_array(struct json_out *json);
void json_string(struct json_out *json, const char *key, const char *value); /* NULL: null */
void json_integer(struct json_out *json, const char *key, long long value);
void json_bool(struct json_out *json, const char *key, bool value);
void json_null(struct json_out *json, const char *key);

/* `digits` significant digits; null for what is not finite. */
void json_number(struct json_out *json, const char *key, double value, int digits);

/* Ends the line after an outermost value. */
void json_newline(struct json_out *json);

#endif
