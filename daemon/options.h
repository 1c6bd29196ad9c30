/*
 * The one table of what can be set: each row is a long option of heard and a
 * key of heard.conf.
 */
#ifndef HEARD_DAEMON_OPTIONS_H
#define HEARD_DAEMON_OPTIONS_H

#include "daemon/settings.h"

#include <stdio.h>

/* What only the command line says. */
struct invocation {
	const char *config; /* borrowed from argv; NULL: the default files */
	bool check_config;
	bool help;
	bool version;
};

enum { OPTION_REASON_BYTES = 160 };

/* Sets one key from text. Lists are appended to. Returns 0, -ENOENT (no such
 * key), -EINVAL or -ENOMEM, with a sentence for the user in
 * reason[OPTION_REASON_BYTES] on failure. */
int options_set(struct settings *settings, const char *key, const char *value, char *reason);

/* Reads argv. With settings NULL only *invocation is filled, to find the
 * configuration file that must be read first; otherwise each option given
 * replaces what the file said (lists as a whole). Writes complaints to standard
 * error and returns -EINVAL; -ENOMEM. */
int options_parse(int argc, char **argv, struct invocation *invocation, struct settings *settings);

/* After file and command line: checks what no single key can tell, fills in
 * defaults that come from the environment or the build. 0, -EINVAL (reason
 * filled in), -ENOMEM. */
int options_complete(struct settings *settings, char *reason);

void options_usage(FILE *out);

#endif
