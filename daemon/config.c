/*
 * inih calls a handler per key; Debian's build of it does not pass the line
 * number, so the lines are read here, one by one, and counted. Reading them
 * here also refuses what inih would silently split (long lines) or cut short
 * (a NUL byte).
 */
#include "daemon/config.h"

#include "daemon/options.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config_reader {
	FILE *file;
	const char *path;
	int line;
	int err;
	struct settings *settings;
};

static char *read_line(char *buffer, int size, void *stream)
{
	struct config_reader *reader = stream;

	/* A NUL inside the line would hide its rest; the fill byte tells it from
	 * the one that fgets writes at the end. */
	memset(buffer, 1, (size_t)size);
	if (!fgets(buffer, size, reader->file))
		return NULL;
	reader->line++;

	char *end = memchr(buffer, '\n', (size_t)size);
	if (end && memchr(buffer, '\0', (size_t)(end - buffer))) {
		log_error("%s:%d: a NUL byte", reader->path, reader->line);
		reader->err = -EINVAL;
		buffer[0] = '\0';
	} else if (!end && !feof(reader->file)) {
		int c;

		log_error("%s:%d: longer than %d bytes", reader->path, reader->line, size - 2);
		reader->err = -EINVAL;
		while ((c = fgetc(reader->file)) != EOF && c != '\n')
			continue;
		buffer[0] = '\0';
	}
	/* A continuation line would reach the handler as another value of the
	 * key above. Nothing here needs one, so leading blanks mean nothing. */
	size_t blanks = strspn(buffer, " \t");
	memmove(buffer, buffer + blanks, strlen(buffer + blanks) + 1);
	return buffer;
}

static int handle_key(void *user, const char *section, const char *name, const char *value)
{
	struct config_reader *reader = user;
	char reason[OPTION_REASON_BYTES];
	int err;

	if (*section != '\0' && strcmp(section, "heard") != 0) {
		snprintf(reason, sizeof(reason), "unknown section [%.60s]", section);
		err = -EINVAL;
	} else {
		err = options_set(reader->settings, name, value, reason);
	}
	if (err < 0) {
		log_error("%s:%d: %s", reader->path, reader->line, reason);
		reader->err = err == -ENOMEM ? -ENOMEM : -EINVAL;
	}
	return 1;
}

int config_read(const char *path, struct settings *settings)
{
	struct config_reader reader = {.path = path, .settings = settings};

	reader.file = fopen(path, "re");
	if (!reader.file) {
		int err = -errno;

		log_error("%s: %s", path, strerror(-err));
		return err;
	}

	int wrong = ini_parse_stream(read_line, &reader, handle_key, &reader);
	if (ferror(reader.file)) {
		log_error("%s: cannot be read", path);
		reader.err = -EIO;
	} else if (wrong < 0) {
		log_error("%s: out of memory", path);
		reader.err = -ENOMEM;
	} else if (wrong > 0) {
		log_error("%s:%d: neither \"key = value\" nor a comment", path, wrong);
		reader.err = -EINVAL;
	}
	fclose(reader.file);
	return reader.err;
}

static size_t existing(char *path, size_t size, const char *format, const char *dir)
{
	int n = snprintf(path, size, format, dir);

	return n > 0 && (size_t)n < size && access(path, F_OK) == 0 ? (size_t)n : 0;
}

size_t config_find(char *path, size_t size)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	size_t n = 0;

	if (xdg && *xdg == '/')
		n = existing(path, size, "%s/heard/heard.conf", xdg);
	else if (home && *home == '/')
		n = existing(path, size, "%s/.config/heard/heard.conf", home);
	return n ? n : existing(path, size, "%s/heard/heard.conf", HEARD_SYSCONFDIR);
}
