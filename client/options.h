/*
 * The command line of hear(1).
 */
#ifndef HEARD_CLIENT_OPTIONS_H
#define HEARD_CLIENT_OPTIONS_H

#include "audio/pcm_stream.h"
#include "protocol/heard.h"

#include <stdbool.h>
#include <stddef.h>

enum options_command {
	COMMAND_LIVE,
	COMMAND_FILES,
	COMMAND_STATUS,
	COMMAND_DEVICES,
	COMMAND_HELP,
	COMMAND_VERSION,
};

struct options {
	enum options_command command;
	const char *socket; /* NULL: the default */
	bool json;
	bool quiet;
	bool realtime;
	const char *srt, *vtt, *txt; /* NULL: not wanted */
	const char *commands;        /* file of what to listen for; NULL: none */
	const char *exec;            /* program to run for each; NULL: none */
	struct heard_options session;
	struct pcm_layout raw; /* of standard input without a header; rate 0: the model's */
	char **files;
	size_t n_files;
};

/* Borrows argv. 0, or -EINVAL with the reason said on standard error. */
int options_parse(int argc, char **argv, struct options *options);

extern const char options_help[];

#endif
