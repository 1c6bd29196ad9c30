#include "core/decode/hotwords_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a weight off the end of the line. False where what looks like one is no number. */
static bool line_weight(char *line, float *weight)
{
	char *colon = strrchr(line, ':'), *end;

	*weight = HOTWORDS_WEIGHT;
	if (colon == NULL || colon == line || !is_blank(colon[-1]))
		return true;
	*weight = strtof(colon + 1, &end);
	if (end == colon + 1 || *end != '\0')
		return false;
	*colon = '\0';
	return true;
}

/* The line without white space around it, terminated in place. */
static char *line_trim(char *line, size_t n)
{
	while (n > 0 && is_blank(line[n - 1]))
		n--;
	line[n] = '\0';
	while (is_blank(*line))
		line++;
	return line;
}

static int list_add(struct hotwords_list *list, char *line, size_t number,
		    struct hotwords_error *error)
{
	struct hotword *item = &list->items[list->n];

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (list->n == HOTWORDS_MAX_PHRASES) {
		error->phrase = number;
		snprintf(error->message, sizeof(error->message), "more than %d phrases",
			 HOTWORDS_MAX_PHRASES);
		return -E2BIG;
	}
	if (!line_weight(line, &item->weight)) {
		error->phrase = number;
		snprintf(error->message, sizeof(error->message),
			 "what follows the last \" :\" is not a number");
		return -EINVAL;
	}
	item->phrase = line;
	list->lines[list->n++] = number;
	return 0;
}

int hotwords_list_read(struct hotwords_list *list, const char *text, size_t size,
		       struct hotwords_error *error)
{
	size_t lines = 1, number = 0, position = 0;
	int code = 0;

	*list = (struct hotwords_list){0};
	*error = (struct hotwords_error){.message = "out of memory"};
	if (size > HOTWORDS_MAX_FILE) {
		snprintf(error->message, sizeof(error->message), "the list has more than %d bytes",
			 HOTWORDS_MAX_FILE);
		return -E2BIG;
	}
	if (memchr(text, '\0', size) != NULL) {
		snprintf(error->message, sizeof(error->message), "the list is not text");
		return -EINVAL;
	}
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (lines > HOTWORDS_MAX_PHRASES + 1)
		lines = HOTWORDS_MAX_PHRASES + 1;
	list->text = malloc(size + 1);
	list->items = calloc(lines, sizeof(*list->items));
	list->lines = calloc(lines, sizeof(*list->lines));
	if (list->text == NULL || list->items == NULL || list->lines == NULL) {
		hotwords_list_finish(list);
		return -ENOMEM;
	}
	memcpy(list->text, text, size);
	list->text[size] = '\0';
	while (position < size && code == 0) {
		char *line = list->text + position;
		const char *newline = memchr(line, '\n', size - position);
		size_t n = newline != NULL ? (size_t)(newline - line) : size - position;

		position += n + 1;
		code = list_add(list, line_trim(line, n), ++number, error);
	}
	if (code < 0)
		hotwords_list_finish(list);
	return code;
}

void hotwords_list_finish(struct hotwords_list *list)
{
	free(list->text);
	free(list->items);
	free(list->lines);
	*list = (struct hotwords_list){0};
}

int hotwords_read(const struct vocab *vocab, const char *path, struct hotwords **out,
		  struct hotwords_error *error)
{
	char *text = malloc((size_t)HOTWORDS_MAX_FILE + 1);
	FILE *file = text != NULL ? fopen(path, "re") : NULL;
	int code = text == NULL ? -ENOMEM : file == NULL ? -errno : 0;
	size_t size = 0;

	*out = NULL;
	*error = (struct hotwords_error){.message = "out of memory"};
	if (file != NULL) {
		/* One byte more shows that it is too long. */
		size = fread(text, 1, (size_t)HOTWORDS_MAX_FILE + 1, file);
		if (ferror(file))
			code = errno != 0 ? -errno : -EIO;
		fclose(file);
	}
	if (code == 0)
		code = hotwords_compile_text(vocab, text, size, out, error);
	else if (code != -ENOMEM)
		snprintf(error->message, sizeof(error->message), "%s", strerror(-code));
	free(text);
	return code;
}
