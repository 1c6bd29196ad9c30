#include "tools/options.h"

#include "tools/option_rows.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* getopt values of options without a letter start here. */
enum { LONG_ONLY = 256 };

static int row_value(size_t row)
{
	return option_rows[row].letter ? option_rows[row].letter : LONG_ONLY + (int)row;
}

static bool row_allowed(const struct command *command, size_t row)
{
	return (option_rows[row].flag & (command->options | OPTION_ALWAYS)) != 0;
}

/* One option of the help: the text of further lines is set below the first. */
static void print_row(const struct option_row *row)
{
	enum { COLUMN = 26 };
	char left[64];

	int n = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", row->letter ? '-' : ' ',
			 row->letter ? row->letter : ' ', row->letter ? ',' : ' ', row->name,
			 row->argument ? " " : "", row->argument ? row->argument : "");
	printf("%s", left);
	for (const char *line = row->help; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		printf("%*s%.*s\n", n < COLUMN ? COLUMN - n : 1, "", (int)length, line);
		line += length + (line[length] == '\n');
		n = 0;
	}
}

void options_help(const struct command *command)
{
	printf("Usage: heard-model %s %s\n%s\n\n", command->name, command->arguments,
	       command->summary);
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		if (row_allowed(command, i))
			print_row(&option_rows[i]);
	}
}

static int usage_error(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int usage_error(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fputs("heard-model: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nUsage: heard-model %s %s\nTry 'heard-model %s --help'.\n", command->name,
		command->arguments, command->name);
	return EXIT_USAGE;
}

static int check(const struct command *command, const struct options *options, unsigned given)
{
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		if (option_rows[i].flag & command->required & ~given)
			return usage_error(command, "--%s is needed", option_rows[i].name);
	}
	if ((given & OPTION_STATISTICS) && !(given & (OPTION_STREAMING | OPTION_SWEEP)))
		return usage_error(command, "--statistics needs --streaming");
	if ((given & (OPTION_ALL | OPTION_ATTENTIONS)) && (given & OPTION_STREAMING))
		return usage_error(command, "--all and --attentions do not go with --streaming");
	if (options->n_stream_counts > 1 && !(command->options & OPTION_WINDOWS))
		return usage_error(command, "--streams takes one number here");
	if ((options->weight_types & (options->weight_types - 1)) &&
	    !(command->options & OPTION_AGAINST))
		return usage_error(command, "--weights takes one type here");
	if ((given & OPTION_GRAMMAR) && !options->grammar)
		return usage_error(command, "--threshold needs --grammar");
	if ((given & OPTION_NOISE) && !(options->noise && isfinite(options->snr_db)))
		return usage_error(command, "--noise and --snr need each other");
	if ((given & OPTION_SWEEP) && (given & (OPTION_SHOW | OPTION_CALIBRATION)))
		return usage_error(command, "--show and --calibration do not go with a sweep");
	if ((given & OPTION_SWEEP) && options->window.chunk < 0)
		return usage_error(command, "--lookahead-sweep needs a chunk that ends");
	if (options->beam == 1 && (options->hotwords || options->lm))
		return usage_error(command, "--beam 1 is greedy decoding: no --hotwords, no --lm");
	if (options->n_best > 0 &&
	    (!options->json || (options->beam < 2 && !options->hotwords && !options->lm)))
		return usage_error(command, "--nbest needs --json and a --beam of 2 or more");
	if (options->n_arguments < command->min_arguments)
		return usage_error(command, "an argument is missing");
	if (options->n_arguments > command->max_arguments)
		return usage_error(command, "'%s' is one argument too many",
				   options->arguments[command->max_arguments]);
	return EXIT_DONE;
}

int options_parse(const struct command *command, int argc, char **argv, struct options *out)
{
	struct option long_options[OPTION_ROWS + 1] = {0};
	char letters[2 * OPTION_ROWS + 2] = ":";
	size_t n_letters = 1;
	unsigned given = 0;
	int value;

	for (size_t i = 0; i < OPTION_ROWS; i++) {
		long_options[i] = (struct option){
			option_rows[i].name, option_rows[i].argument != NULL, NULL, row_value(i)};
		if (option_rows[i].letter) {
			letters[n_letters++] = option_rows[i].letter;
			if (option_rows[i].argument)
				letters[n_letters++] = ':';
		}
	}

	*out = (struct options){
		.max_segment_s = 30,
		.raw = {.format = PCM_S16LE, .rate = 0, .channels = 1},
		.streams = command->streams,
		.seconds = 5,
		.seed = 1,
		.dtype = "f32",
		.split = "test",
		.against = WEIGHT_F32,
		.snr_db = NAN,
		.lm_alpha = NAN,
		.lm_beta = NAN,
		.threshold = 0.5F,
	};
	optind = 1;
	while ((value = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (value == '?' || value == ':')
			return usage_error(command, "%s %s", argv[optind - 1],
					   value == '?' ? "is no option of this command"
							: "needs a value");
		size_t row = 0;
		while (row_value(row) != value)
			row++;
		if (!row_allowed(command, row))
			return usage_error(command, "--%s is no option of this command",
					   option_rows[row].name);
		if (value == 'h') {
			options_help(command);
			return -1;
		}
		if (value == 'V') {
			printf("heard-model %s\n", HEARD_VERSION);
			return -1;
		}
		const char *reason = option_rows[row].take(out, optarg);
		if (reason)
			return usage_error(command, "--%s: '%s' %s", option_rows[row].name, optarg,
					   reason);
		given |= option_rows[row].flag;
	}
	out->arguments = argv + optind;
	out->n_arguments = (size_t)(argc - optind);
	return check(command, out, given);
}
