/*
 * Typed access to the keys of one JSON object with the reference's defaults.
 * The first failure is logged with file and key and remembered; every later
 * read is then silent and returns the default, so that a long list of fields
 * reads straight down and is checked once at its end.
 */
#ifndef HEARD_WEIGHTS_CONFIG_READER_H
#define HEARD_WEIGHTS_CONFIG_READER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct config_reader {
	const cJSON *object; /* borrowed; NULL reads as an empty object */
	const char *file;    /* borrowed; for messages */
	int error;           /* 0 or the first negative errno */
};

/* An absent key gives `fallback`. null is Python's None: false for a flag, an
 * error for anything else. */
bool config_read_flag(struct config_reader *reader, const char *key, bool fallback);
size_t config_read_size(struct config_reader *reader, const char *key, size_t fallback,
			size_t smallest, size_t largest);
long config_read_long(struct config_reader *reader, const char *key, long fallback, long smallest,
		      long largest);
double config_read_number(struct config_reader *reader, const char *key, double fallback,
			  double smallest, double largest);

/* Borrowed text; absent gives `fallback`, as does null. */
const char *config_read_text(struct config_reader *reader, const char *key, const char *fallback);

/* Index of the key's text in `names` (NULL-terminated); anything else is
 * refused by name with -ENOTSUP. Absent gives `fallback`. */
size_t config_read_choice(struct config_reader *reader, const char *key, const char *const *names,
			  size_t fallback);

/* The item, or NULL where it is absent or null. */
const cJSON *config_read_item(const struct config_reader *reader, const char *key);

/* Remembers and logs "FILE: key 'KEY' ..." unless something failed before. */
void config_refuse(struct config_reader *reader, int error, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
