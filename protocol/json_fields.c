#include "protocol/json_fields.h"

#include "core/base/utf8.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int problem_set(struct problem *problem, const char *path, const char *key, const char *wanted)
{
	snprintf(problem->text, sizeof(problem->text), "%s%s%s: %s", path, key[0] ? "." : "", key,
		 wanted);
	return -EINVAL;
}

/* NULL for what is absent or null. */
static const cJSON *find(const struct fields *fields, const char *key)
{
	if (!fields->object)
		return NULL;
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(fields->object, key);
	return cJSON_IsNull(item) ? NULL : item;
}

static int wrong(const struct fields *fields, const char *key, const char *wanted)
{
	return problem_set(fields->problem, fields->path, key, wanted);
}

int fields_missing(const struct fields *fields, const char *key)
{
	return wrong(fields, key, "is missing");
}

int fields_number(const struct fields *fields, const char *key, double min, double max, double *out)
{
	const cJSON *item = find(fields, key);
	char wanted[96];

	if (!item)
		return 0;
	/* The comparison is false for a NaN. */
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max)) {
		snprintf(wanted, sizeof(wanted), "must be a number from %.16g to %.16g", min, max);
		return wrong(fields, key, wanted);
	}
	*out = item->valuedouble;
	return 1;
}

int fields_integer(const struct fields *fields, const char *key, int64_t min, int64_t max,
		   int64_t *out)
{
	const cJSON *item = find(fields, key);
	char wanted[96];

	if (!item)
		return 0;
	double value = item->valuedouble;
	if (!cJSON_IsNumber(item) || !(value >= (double)min && value <= (double)max) ||
	    value != floor(value)) {
		snprintf(wanted, sizeof(wanted), "must be an integer from %lld to %lld",
			 (long long)min, (long long)max);
		return wrong(fields, key, wanted);
	}
	*out = (int64_t)value;
	return 1;
}

int fields_bool(const struct fields *fields, const char *key, bool *out)
{
	const cJSON *item = find(fields, key);

	if (!item)
		return 0;
	if (!cJSON_IsBool(item))
		return wrong(fields, key, "must be true or false");
	*out = cJSON_IsTrue(item);
	return 1;
}

int fields_string(const struct fields *fields, const char *key, const char **out)
{
	const cJSON *item = find(fields, key);

	if (!item)
		return 0;
	if (!cJSON_IsString(item))
		return wrong(fields, key, "must be a string");
	*out = item->valuestring;
	return 1;
}

int fields_object(const struct fields *fields, const char *key, const struct cJSON **out)
{
	const cJSON *item = find(fields, key);

	if (!item)
		return 0;
	if (!cJSON_IsObject(item))
		return wrong(fields, key, "must be an object");
	*out = item;
	return 1;
}

int fields_array(const struct fields *fields, const char *key, const struct cJSON **out)
{
	const cJSON *item = find(fields, key);

	if (!item)
		return 0;
	if (!cJSON_IsArray(item))
		return wrong(fields, key, "must be an array");
	*out = item;
	return 1;
}

static void note(struct json_object *object, const void *added)
{
	if (!added)
		object->failed = true;
}

/* A copy with every byte that is not UTF-8 replaced; owned by the caller. */
static char *repaired(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t n = strlen(text);
	char *copy = malloc(3 * n + 1);
	char *out = copy;

	if (!copy)
		return NULL;
	while (n > 0) {
		size_t valid = utf8_valid_prefix(text, n);
		memcpy(out, text, valid);
		out += valid;
		text += valid;
		n -= valid;
		if (n > 0) {
			memcpy(out, replacement, 3);
			out += 3;
			text++;
			n--;
		}
	}
	*out = '\0';
	return copy;
}

static cJSON *create_string(const char *value)
{
	if (utf8_valid(value, strlen(value)))
		return cJSON_CreateString(value);
	char *copy = repaired(value);
	cJSON *item = copy ? cJSON_CreateString(copy) : NULL;
	free(copy);
	return item;
}

static void add(struct json_object *object, const char *key, cJSON *item)
{
	note(object, item);
	if (!item)
		return;
	if (!object->json || !cJSON_AddItemToObject(object->json, key, item)) {
		object->failed = true;
		cJSON_Delete(item);
	}
}

void json_string(struct json_object *object, const char *key, const char *value)
{
	if (value)
		add(object, key, create_string(value));
}

void json_number(struct json_object *object, const char *key, double value)
{
	if (isfinite(value))
		add(object, key, cJSON_CreateNumber(value));
}

void json_rounded(struct json_object *object, const char *key, double value, int digits)
{
	double scale = pow(10.0, digits);

	json_number(object, key, round(value * scale) / scale);
}

void json_integer(struct json_object *object, const char *key, int64_t value)
{
	json_number(object, key, (double)value);
}

void json_bool(struct json_object *object, const char *key, bool value)
{
	add(object, key, cJSON_CreateBool(value));
}

void json_raw(struct json_object *object, const char *key, const char *text)
{
	if (text)
		add(object, key, cJSON_CreateRaw(text));
}

struct json_object json_inner(struct json_object *object, const char *key)
{
	cJSON *json = object->json ? cJSON_AddObjectToObject(object->json, key) : NULL;

	return (struct json_object){.json = json, .failed = !json};
}

struct json_object json_list(struct json_object *object, const char *key)
{
	cJSON *json = object->json ? cJSON_AddArrayToObject(object->json, key) : NULL;

	return (struct json_object){.json = json, .failed = !json};
}

struct json_object json_item(struct json_object *list)
{
	cJSON *json = cJSON_CreateObject();

	if (json && (!list->json || !cJSON_AddItemToArray(list->json, json))) {
		cJSON_Delete(json);
		json = NULL;
	}
	return (struct json_object){.json = json, .failed = !json};
}

void json_list_string(struct json_object *list, const char *value)
{
	cJSON *item = create_string(value);

	note(list, item);
	if (item && (!list->json || !cJSON_AddItemToArray(list->json, item))) {
		list->failed = true;
		cJSON_Delete(item);
	}
}

void json_join(struct json_object *outer, const struct json_object *inner)
{
	outer->failed |= inner->failed;
}
