#include "core/weights/config_reader.h"

#include "core/base/log.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void config_refuse(struct config_reader *reader, int error, const char *key, const char *fmt, ...)
{
	char reason[512];
	va_list args;

	if (reader->error)
		return;
	reader->error = error;
	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	log_error("%s: key '%s' %s", reader->file, key, reason);
}

/* Absent and null differ only for flags. */
static const cJSON *find(const struct config_reader *reader, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(reader->object, key);
}

const cJSON *config_read_item(const struct config_reader *reader, const char *key)
{
	const cJSON *item = find(reader, key);

	return item && !cJSON_IsNull(item) ? item : NULL;
}

bool config_read_flag(struct config_reader *reader, const char *key, bool fallback)
{
	const cJSON *item = find(reader, key);

	if (item == NULL)
		return fallback;
	if (cJSON_IsNull(item))
		return false;
	if (!cJSON_IsBool(item)) {
		config_refuse(reader, -EINVAL, key, "must be true or false");
		return fallback;
	}
	return cJSON_IsTrue(item);
}

double config_read_number(struct config_reader *reader, const char *key, double fallback,
			  double smallest, double largest)
{
	const cJSON *item = find(reader, key);

	if (item == NULL)
		return fallback;
	if (!cJSON_IsNumber(item)) {
		config_refuse(reader, -EINVAL, key, "must be a number");
		return fallback;
	}
	double value = item->valuedouble;
	/* Written so that a NaN fails. */
	if (!(value >= smallest && value <= largest)) {
		config_refuse(reader, -EINVAL, key, "is %.17g, outside of %.17g to %.17g", value,
			      smallest, largest);
		return fallback;
	}
	return value;
}

long config_read_long(struct config_reader *reader, const char *key, long fallback, long smallest,
		      long largest)
{
	double value = config_read_number(reader, key, (double)fallback, (double)smallest,
					  (double)largest);

	if (value != floor(value)) {
		config_refuse(reader, -EINVAL, key, "is %.17g, not an integer", value);
		return fallback;
	}
	return (long)value;
}

size_t config_read_size(struct config_reader *reader, const char *key, size_t fallback,
			size_t smallest, size_t largest)
{
	return (size_t)config_read_long(reader, key, (long)fallback, (long)smallest, (long)largest);
}

const char *config_read_text(struct config_reader *reader, const char *key, const char *fallback)
{
	const cJSON *item = config_read_item(reader, key);

	if (item == NULL)
		return fallback;
	if (!cJSON_IsString(item)) {
		config_refuse(reader, -EINVAL, key, "must be a string");
		return fallback;
	}
	return item->valuestring;
}

size_t config_read_choice(struct config_reader *reader, const char *key, const char *const *names,
			  size_t fallback)
{
	const cJSON *item = find(reader, key);

	if (item == NULL)
		return fallback;
	if (!cJSON_IsString(item)) {
		config_refuse(reader, -EINVAL, key, "must be a string");
		return fallback;
	}
	for (size_t i = 0; names[i]; i++) {
		if (strcmp(item->valuestring, names[i]) == 0)
			return i;
	}
	config_refuse(reader, -ENOTSUP, key, "is '%s', which is not supported", item->valuestring);
	return fallback;
}
