/* Reads a JSON file of a model directory with a size limit and duplicate-free,
 * finite numbers. Shared by config.c, tokenizer.c and the index readers. */
#ifndef HEARD_WEIGHTS_JSON_FILE_H
#define HEARD_WEIGHTS_JSON_FILE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Above what any model directory holds (the vocabulary of a model of a thousand
 * languages takes one megabyte); a parsed tree takes some 30 times its text. */
enum { JSON_MAX_BYTES = 16 << 20 };

/* Parses DIR/NAME. Returns 0 with *out owned by the caller (cJSON_Delete),
 * -ENOENT silently where the file does not exist (the caller knows whether it
 * must), else logs once and returns -EINVAL, -EFBIG, -ENOMEM or an I/O errno. */
int json_file_read(const char *dir, const char *name, cJSON **out);

/* The same for text in memory; `label` is the file in messages. Refused are
 * malformed UTF-8, NUL characters, repeated keys, numbers that are not finite
 * and anything after the value: everything read later through cJSON is then
 * what the text says. */
int json_parse(const char *text, size_t size, const char *label, cJSON **out);

/* True where the item is an integer in [0, 2^53], stored in *out. */
bool json_to_size(const cJSON *item, size_t *out);

#endif
