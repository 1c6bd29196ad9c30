#include "client/commands.h"

#include "core/base/utf8.h"
#include "protocol/heard.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The protocol's limit for the data of one event; the daemon's for a grammar is below it. */
enum { MAX_BYTES = 1 << 20 };

struct commands {
	char *text;           /* owned */
	cJSON *list;          /* owned; NULL: a grammar */
	const char **phrases; /* owned; borrowed from list */
};

static int refuse(const char *path, const char *why, int status)
{
	fprintf(stderr, "hear: %s: %s\n", path, why);
	return status;
}

static int read_text(const char *path, struct commands *commands)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		return refuse(path, strerror(errno), -errno);
	commands->text = malloc(MAX_BYTES + 1);
	size_t n = commands->text ? fread(commands->text, 1, MAX_BYTES + 1, file) : 0;
	int error = !commands->text ? ENOMEM : ferror(file) ? EIO : 0;
	fclose(file);
	if (error)
		return refuse(path, strerror(error), -error);
	if (n > MAX_BYTES)
		return refuse(path, "is longer than 1 MiB", -E2BIG);
	commands->text[n] = '\0';
	if (strlen(commands->text) < n || !utf8_valid(commands->text, n))
		return refuse(path, "is no text in UTF-8", -EINVAL);
	return 0;
}

static int read_list(const char *path, struct commands *commands, struct heard_options *options)
{
	const cJSON *item;
	size_t n = 0;

	commands->list = cJSON_ParseWithOpts(commands->text, NULL, 1);
	bool strings = cJSON_IsArray(commands->list);
	cJSON_ArrayForEach(item, commands->list) strings = strings && cJSON_IsString(item);
	if (!strings)
		return refuse(path, "is no JSON list of strings", -EINVAL);
	commands->phrases =
		calloc((size_t)cJSON_GetArraySize(commands->list) + 1, sizeof(*commands->phrases));
	if (!commands->phrases)
		return refuse(path, strerror(ENOMEM), -ENOMEM);
	cJSON_ArrayForEach(item, commands->list) commands->phrases[n++] = item->valuestring;
	options->phrases = commands->phrases;
	options->n_phrases = n;
	return 0;
}

int commands_open(const char *path, struct heard_options *options, struct commands **out)
{
	struct commands *commands = calloc(1, sizeof(*commands));
	size_t length = strlen(path);

	*out = NULL;
	if (!commands)
		return refuse(path, strerror(ENOMEM), -ENOMEM);
	bool list = length > 5 && strcmp(path + length - 5, ".json") == 0;
	int status = read_text(path, commands);
	if (status == 0 && list)
		status = read_list(path, commands, options);
	else if (status == 0)
		options->grammar = commands->text;
	if (status < 0) {
		commands_close(commands);
		return status;
	}
	*out = commands;
	return 0;
}

void commands_close(struct commands *commands)
{
	if (!commands)
		return;
	cJSON_Delete(commands->list);
	free(commands->phrases);
	free(commands->text);
	free(commands);
}
