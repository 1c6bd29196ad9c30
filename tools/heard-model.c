/*
 * heard-model: what can be done with a model directory without the daemon.
 * This file finds the subcommand; each has a file of its own.
 */
#include "core/base/log.h"
#include "tools/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&info_command,  &transcribe_command, &features_command, &classify_command,
	&align_command, &wer_command,        &intent_command,   &verify_command,
	&bench_command, &lm_pack_command,    &quantize_command, &make_random_command,
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void log_to_stderr(void *ctx, enum log_level level, const char *line)
{
	static const char *const prefixes[] = {"", "warning: ", "", "debug: "};

	(void)ctx;
	fprintf(stderr, "heard-model: %s%s\n", prefixes[level], line);
}

static void print_help(FILE *f)
{
	fputs("Usage: heard-model COMMAND [arguments]\n"
	      "Works with HuBERT-CTC model directories.\n\n",
	      f);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'heard-model COMMAND --help' lists the options of a command.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
	      f);
}

/* Output that did not reach its place is a failure of the whole. */
static int flush_output(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	log_error("standard output: %s", errno ? strerror(errno) : "write error");
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	log_set_sink(log_to_stderr, NULL);
	log_set_level(LOG_LEVEL_WARN);

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return flush_output(EXIT_DONE);
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("heard-model %s\n", HEARD_VERSION);
		return flush_output(EXIT_DONE);
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) != 0)
			continue;
		struct options options;
		int code = options_parse(commands[i], argc - 1, argv + 1, &options);
		if (code == EXIT_DONE)
			code = commands[i]->run(&options);
		return flush_output(code < 0 ? EXIT_DONE : code);
	}
	fprintf(stderr, "heard-model: '%s' is no command\n", name);
	print_help(stderr);
	return EXIT_USAGE;
}
