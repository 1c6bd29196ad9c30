#include "core/grammar_file.h"

#include "core/base/log.h"
#include "core/weights/phrase_list.h"

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

static int compile_list(const char *text, const struct vocab *vocab, struct grammar **out,
			struct grammar_error *error)
{
	char **phrases;
	size_t n;
	int code = phrase_list_parse(text, &phrases, &n);

	if (code < 0) {
		snprintf(error->message, sizeof(error->message), "%s",
			 code == -EINVAL ? "is no JSON list of strings" : "no memory");
		return code;
	}
	code = grammar_compile_phrases(vocab, (const char *const *)phrases, n, out, error);
	phrase_list_free(phrases, n);
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
	if (is_list(path))
		error = compile_list(text, vocab, out, &where);
	else
		error = grammar_compile(vocab, text, size, out, &where);
	free(text);
	if (error && where.line > 0)
		log_error("%s:%zu:%zu: %s", path, where.line, where.column, where.message);
	else if (error && where.message[0])
		log_error("%s: %s", path, where.message);
	return error;
}
