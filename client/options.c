#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
	"usage: hear [OPTION]...             live captions of the daemon's microphone\n"
	"       hear [OPTION]... FILE...     transcribe audio files; - is standard input\n"
	"       hear [OPTION]... status      the state of the daemon\n"
	"       hear [OPTION]... devices     the devices it could record from\n"
	"\n"
	"  -s, --socket ADDRESS     unix://PATH, a path, or tcp://HOST:PORT\n"
	"                           (default $HEARD_SOCKET, or the usual places)\n"
	"  -j, --json               the daemon's events, a line of JSON each\n"
	"      --srt FILE           write subtitles as SubRip, growing\n"
	"      --vtt FILE           write subtitles as WebVTT, growing\n"
	"      --txt FILE           write the text, growing\n"
	"  -c, --commands FILE      listen for the commands of a grammar, or of phrases in\n"
	"                           FILE.json, and print those heard, a line of JSON each\n"
	"      --threshold P        least confidence of a command, 0 to 1\n"
	"  -x, --exec PROGRAM       run it for each command heard; see hear(1)\n"
	"  -q, --quiet              no progress bar, no notices\n"
	"  -h, --help               this text\n"
	"  -V, --version            the version\n"
	"\n"
	"for files:\n"
	"  -r, --realtime           push as fast as it is spoken, with live captions\n"
	"  -l, --language LANG      a language of the model\n"
	"      --final MODE         stream or offline\n"
	"  -e, --endpoint           a transcript at each pause, not one for the file\n"
	"      --silence SECONDS    the pause that ends an utterance; implies --endpoint\n"
	"      --raw-format FORMAT  standard input without a header: s16le, f32le, ...\n"
	"      --raw-rate HZ        likewise (default: the model's)\n"
	"      --raw-channels N     likewise (default 1)\n"
	"\n"
	"for captions:\n"
	"      --interval SECONDS   redraw at most this often\n"
	"\n"
	"A file called like a command: hear ./status\n"
	"Manual pages: hear(1), heard(1), heard-protocol(7)\n";

enum {
	OPT_SRT = 256,
	OPT_VTT,
	OPT_TXT,
	OPT_THRESHOLD,
	OPT_FINAL,
	OPT_SILENCE,
	OPT_INTERVAL,
	OPT_RAW_FORMAT,
	OPT_RAW_RATE,
	OPT_RAW_CHANNELS,
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"srt", required_argument, NULL, OPT_SRT},
	{"vtt", required_argument, NULL, OPT_VTT},
	{"txt", required_argument, NULL, OPT_TXT},
	{"commands", required_argument, NULL, 'c'},
	{"threshold", required_argument, NULL, OPT_THRESHOLD},
	{"exec", required_argument, NULL, 'x'},
	{"quiet", no_argument, NULL, 'q'},
	{"realtime", no_argument, NULL, 'r'},
	{"language", required_argument, NULL, 'l'},
	{"final", required_argument, NULL, OPT_FINAL},
	{"endpoint", no_argument, NULL, 'e'},
	{"silence", required_argument, NULL, OPT_SILENCE},
	{"interval", required_argument, NULL, OPT_INTERVAL},
	{"raw-format", required_argument, NULL, OPT_RAW_FORMAT},
	{"raw-rate", required_argument, NULL, OPT_RAW_RATE},
	{"raw-channels", required_argument, NULL, OPT_RAW_CHANNELS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static int refuse(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "hear: --%s: \"%s\" is not %s\n", option, value, wanted);
	return -EINVAL;
}

/* A number from 0 to max. */
static int take_amount(const char *option, const char *value, double max, const char *wanted,
		       double *out)
{
	char *end;
	double amount = strtod(value, &end);

	if (end == value || *end != '\0' || !(amount >= 0 && amount <= max))
		return refuse(option, value, wanted);
	*out = amount;
	return 0;
}

static int take_seconds(const char *option, const char *value, double *out)
{
	return take_amount(option, value, 3600, "a number of seconds from 0 to 3600", out);
}

static int take_number(const char *option, const char *value, unsigned max, unsigned *out)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < 1 || number > max) {
		char wanted[64];
		snprintf(wanted, sizeof(wanted), "a number from 1 to %u", max);
		return refuse(option, value, wanted);
	}
	*out = (unsigned)number;
	return 0;
}

static int take_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case 's':
		options->socket = value;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case OPT_SRT:
		options->srt = value;
		return 0;
	case OPT_VTT:
		options->vtt = value;
		return 0;
	case OPT_TXT:
		options->txt = value;
		return 0;
	case 'c':
		options->commands = value;
		return 0;
	case OPT_THRESHOLD:
		return take_amount("threshold", value, 1, "a number from 0 to 1",
				   &options->session.threshold);
	case 'x':
		options->exec = value;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'r':
		options->realtime = true;
		return 0;
	case 'l':
		options->session.language = value;
		return 0;
	case OPT_FINAL:
		options->session.final = value;
		if (strcmp(value, "stream") != 0 && strcmp(value, "offline") != 0)
			return refuse("final", value, "stream or offline");
		return 0;
	case 'e':
		options->session.endpoint = 1;
		return 0;
	case OPT_SILENCE:
		return take_seconds("silence", value, &options->session.silence_text);
	case OPT_INTERVAL:
		return take_seconds("interval", value, &options->session.partial_interval);
	case OPT_RAW_FORMAT:
		if (!pcm_format_parse(value, &options->raw.format))
			return refuse("raw-format", value, pcm_format_list());
		return 0;
	case OPT_RAW_RATE:
		return take_number("raw-rate", value, 768000, &options->raw.rate);
	case OPT_RAW_CHANNELS:
		return take_number("raw-channels", value, 32, &options->raw.channels);
	case 'h':
		options->command = COMMAND_HELP;
		return 0;
	case 'V':
		options->command = COMMAND_VERSION;
		return 0;
	default: /* getopt has said what is wrong */
		return -EINVAL;
	}
}

static int take_arguments(struct options *options, int n, char **arguments)
{
	if (n == 0)
		return 0;
	options->command = COMMAND_FILES;
	options->files = arguments;
	options->n_files = (size_t)n;
	if (strcmp(arguments[0], "status") == 0)
		options->command = COMMAND_STATUS;
	else if (strcmp(arguments[0], "devices") == 0)
		options->command = COMMAND_DEVICES;
	if (options->command != COMMAND_FILES && n > 1) {
		fprintf(stderr, "hear: %s takes no argument (a file of that name: ./%s)\n",
			arguments[0], arguments[0]);
		return -EINVAL;
	}
	return 0;
}

/* What would be ignored without a word. */
static int check(const struct options *options)
{
	const struct heard_options *session = &options->session;
	bool subtitles = options->srt || options->vtt || options->txt;
	bool commands = options->commands || options->exec || session->threshold >= 0;
	bool question = options->command == COMMAND_STATUS || options->command == COMMAND_DEVICES;

	if (options->command == COMMAND_LIVE &&
	    (session->language || session->final || session->endpoint >= 0 ||
	     session->silence_text >= 0)) {
		fputs("hear: language, final and endpoints of the microphone are set in "
		      "heard.conf(5)\n",
		      stderr);
		return -EINVAL;
	}
	if (options->command == COMMAND_LIVE && options->realtime) {
		fputs("hear: --realtime is for files\n", stderr);
		return -EINVAL;
	}
	if (subtitles && question) {
		fputs("hear: --srt, --vtt and --txt are for captions and files\n", stderr);
		return -EINVAL;
	}
	if (commands && question) {
		fputs("hear: --commands, --threshold and --exec are for captions and files\n",
		      stderr);
		return -EINVAL;
	}
	if ((options->srt || options->vtt) && options->n_files > 1) {
		fputs("hear: --srt and --vtt take one file at a time\n", stderr);
		return -EINVAL;
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *options)
{
	int option, status;

	*options = (struct options){
		.command = COMMAND_LIVE,
		.raw = {.format = PCM_S16LE, .rate = 0, .channels = 1},
	};
	heard_options_init(&options->session);
	while ((option = getopt_long(argc, argv, "s:jc:x:qrl:ehV", long_options, NULL)) != -1) {
		status = take_option(options, option, optarg);
		if (status < 0)
			return status;
		if (options->command == COMMAND_HELP || options->command == COMMAND_VERSION)
			return 0;
	}
	status = take_arguments(options, argc - optind, argv + optind);
	return status < 0 ? status : check(options);
}
