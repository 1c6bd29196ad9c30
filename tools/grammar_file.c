#include "tools/grammar_file.h"

#include "core/base/log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a file with a zero behind them; owned by the caller. */
static int read_file(const char *path, char **out, size_t *size)
{
	/* One byte more than a grammar may have tells that it has more. */
	size_t room = GRAMMAR_MAX_BYTES + 2;
	char *text = malloc(room);
	FILE *file = fopen(path, "rb");
	int error = 0;

	if (!file || !text) {
		error = file ? -ENOMEM : -errno;
		log_error("%s: %s", path, strerror(-error));
	} else {
		*size = fread(text, 1, room - 1, file);
		text[*size] = '\0';
		if (ferror(file)) {
			error = -EIO;
			log_error("%s: cannot be read", path);
		}
	}
	if (file)
		fclose(file);
	if (error) {
		free(text);
		text = NULL;
	}
	*out = text;
	return error;
}

static bool is_list(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && strcmp(path + n - 5, ".json") == 0;
}

static int compile_list(const char *path, const cJSON *list, const struct vocab *vocab,
			struct grammar **out, struct grammar_error *error)
{
	int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
	const char **phrases = n > 0 ? calloc((size_t)n, sizeof(*phrases)) : NULL;
	const cJSON *item;
	size_t i = 0;
	int code = -EINVAL;

	if (n > 0 && !phrases) {
		log_error("%s: no memory for %d phrases", path, n);
		return -ENOMEM;
	}
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			break;
		phrases[i++] = item->valuestring;
	}
	if (n < 0 || i < (size_t)n)
		snprintf(error->message, sizeof(error->message), "is no JSON list of strings");
	else
		code = grammar_compile_phrases(vocab, phrases, i, out, error);
	free(phrases);
	return code;
}

int grammar_file_compile(const char *path, const struct vocab *vocab, struct grammar **out)
{
	struct grammar_error where = {0};
	size_t size = 0;
	char *text;

	*out = NULL;
	int error = read_file(path, &text, &size);
	if (error)
		return error;
	if (is_list(path)) {
		cJSON *list = cJSON_ParseWithOpts(text, NULL, true);
		error = compile_list(path, list, vocab, out, &where);
		cJSON_Delete(list);
	} else {
		error = grammar_compile(vocab, text, size, out, &where);
	}
	free(text);
	if (error && where.line > 0)
		log_error("%s:%zu:%zu: %s", path, where.line, where.column, where.message);
	else if (error && where.message[0])
		log_error("%s: %s", path, where.message);
	return error;
}
