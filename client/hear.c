/*
 * hear(1): the client for people. Live captions, files, the daemon's state.
 */
#include "client/hear.h"

#include "client/commands.h"
#include "client/live.h"
#include "client/options.h"
#include "client/push.h"
#include "client/status.h"
#include "client/terminal.h"
#include "client/wait.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Errors of the audio files, in the form of our own. */
static void say(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "hear: %s\n", line);
}

static int run(struct options *options)
{
	struct commands *commands = NULL;

	if (options->commands && commands_open(options->commands, &options->session, &commands) < 0)
		return HEAR_FILE;
	int status = options->command == COMMAND_LIVE ? live_run(options) : push_run(options);
	commands_close(commands);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;

	terminal_init();
	log_set_level(LOG_LEVEL_WARN);
	log_set_sink(say, NULL);
	if (options_parse(argc, argv, &options) < 0) {
		fputs("hear: --help says more\n", stderr);
		return HEAR_USAGE;
	}
	int status = wait_init();
	if (status < 0) {
		fprintf(stderr, "hear: %s\n", strerror(-status));
		return HEAR_FAILED;
	}
	switch (options.command) {
	case COMMAND_LIVE:
	case COMMAND_FILES:
		return run(&options);
	case COMMAND_STATUS:
		return status_run(&options);
	case COMMAND_DEVICES:
		return devices_run(&options);
	case COMMAND_HELP:
		fputs(options_help, stdout);
		return HEAR_OK;
	case COMMAND_VERSION:
		printf("hear %s\n", HEARD_VERSION);
		return HEAR_OK;
	}
	abort();
}
