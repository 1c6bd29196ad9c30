/* Reads a JSON file of a model directory with a size limit and duplicate-free,
 * finite numbers. Shared by config.c, tokenizer.c and the index readers. */
#ifndef HEARD_WEIGHTS_JSON_FILE_H
#define HEARD_WEIGHTS_JSON_FILE_H

#include <cjson/cJSON.h>

/* Parses DIR/NAME. Returns 0 with *out owned by the caller (cJSON_Delete),
 * -ENOENT silently where the file does not exist (the caller knows whether it
 * must), else logs once and returns -EINVAL, -EFBIG, -ENOMEM or an I/O errno. */
int json_file_read(const char *dir, const char *name, cJSON **out);

#endif
