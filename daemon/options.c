/*
 * A key has a kind, a place in struct settings and a range. Getopt, the
 * configuration file, --help and the manual page check (tests/daemon) all read
 * this one table, so a key cannot exist in one of them only.
 */
#include "daemon/options.h"

#include "daemon/limits.h"
#include "protocol/address.h"
#include "protocol/session_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum option_kind {
	OPTION_STRING,
	OPTION_LIST,   /* repeated, or separated by commas */
	OPTION_INT,    /* [low, high] */
	OPTION_AUTO,   /* the same, or "auto" for 0 */
	OPTION_NUMBER, /* [low, high] */
	OPTION_BOOL,
	OPTION_MODE,    /* octal permission bits */
	OPTION_CHOICE,  /* index into choices */
	OPTION_CONTEXT, /* L:C:R */
};

struct option_row {
	const char *name;
	enum option_kind kind;
	size_t offset;
	double low, high;
	const char *const *choices;
	const char *argument;
	const char *help;
};

static const char *const final_names[] = {"model", "stream", "offline", NULL};
/* In the order of enum weight_type. */
static const char *const weight_names[] = {"auto", "f32", "f16", "bf16", "int8", "int4", NULL};
static const char *const log_names[] = {"error", "warn", "info", "debug", NULL};

#define AT(field) offsetof(struct settings, field)

/* clang-format off */
static const struct option_row rows[] = {
	{"model", OPTION_STRING, AT(model), 0, 0, NULL, "DIR", "model directory"},
	{"language", OPTION_STRING, AT(language), 0, 0, NULL, "LANG", "language (adapter) where a client names none"},
	{"languages", OPTION_LIST, AT(languages), 0, 0, NULL, "LANG,...", "languages to advertise"},
	{"final", OPTION_CHOICE, AT(final), 0, 0, final_names, "MODE", "finals: stream, offline, or as the model says"},
	{"streaming", OPTION_CONTEXT, AT(left), 0, 0, NULL, "L:C:R", "left context, chunk and lookahead in frames"},
	{"threads", OPTION_AUTO, AT(threads), 0, 1024, NULL, "N", "threads of the network; auto: the cores it may use"},
	{"weights", OPTION_CHOICE, AT(weights), 0, 0, weight_names, "TYPE", "how weights are kept: auto, f32, f16, bf16, int8, int4"},
	{"listen", OPTION_LIST, AT(listen), 0, 0, NULL, "URI", "unix://PATH, tcp://HOST:PORT or stdio://; repeatable"},
	{"socket-mode", OPTION_MODE, AT(socket_mode), 0, 0777, NULL, "OCTAL", "permissions of unix sockets"},
	{"socket-group", OPTION_STRING, AT(socket_group), 0, 0, NULL, "GROUP", "group of unix sockets"},
	{"max-clients", OPTION_INT, AT(max_clients), 1, LIMIT_CLIENTS_MAX, NULL, "N", "connections at once"},
	{"max-streams", OPTION_INT, AT(max_streams), 1, LIMIT_STREAMS_MAX, NULL, "N", "pushed streams at once"},
	{"source", OPTION_STRING, AT(source), 0, 0, NULL, "SOURCE", "mic, file:PATH, stdin or none"},
	{"loop", OPTION_BOOL, AT(loop), 0, 0, NULL, NULL, "start the file source over at its end"},
	{"device", OPTION_STRING, AT(device), 0, 0, NULL, "NAME", "capture device: name, part of it, or index"},
	{"device-rate", OPTION_INT, AT(device_rate), 0, 768000, NULL, "HZ", "rate to open it at; 0: what suits"},
	{"device-channels", OPTION_INT, AT(device_channels), 0, 32, NULL, "N", "channels to open; 0: two, or what it has"},
	{"gate", OPTION_BOOL, AT(gate), 0, 0, NULL, NULL, "let the network sleep in silence"},
	{"dump", OPTION_STRING, AT(dump), 0, 0, NULL, "FILE", "write the live samples the engine gets to a WAV file"},
	{"endpoint-silence-text", OPTION_NUMBER, AT(endpoint_silence_text), 0, LIMIT_UTTERANCE_SECONDS, NULL, "SECONDS", "silence that ends an utterance with text"},
	{"endpoint-silence-no-text", OPTION_NUMBER, AT(endpoint_silence_no_text), 0, LIMIT_UTTERANCE_SECONDS, NULL, "SECONDS", "silence that ends an utterance without text"},
	{"endpoint-max-length", OPTION_NUMBER, AT(endpoint_max_length), 1, LIMIT_UTTERANCE_SECONDS, NULL, "SECONDS", "longest utterance of the live source"},
	{"partial-interval", OPTION_NUMBER, AT(partial_interval), 0, 60, NULL, "SECONDS", "shortest time between partials; 0: every step"},
	{"beam", OPTION_AUTO, AT(beam), 0, SESSION_BEAM_MAX, NULL, "N", "hypotheses searched; 1: greedy decoding; auto: as hotwords and lm need"},
	{"commit-delay", OPTION_NUMBER, AT(commit_delay), 0.02, LIMIT_UTTERANCE_SECONDS, NULL, "SECONDS", "with a beam: time until text is stable at the latest"},
	{"hotwords", OPTION_STRING, AT(hotwords), 0, 0, NULL, "FILE", "phrases to expect, one a line"},
	{"lm", OPTION_STRING, AT(lm), 0, 0, NULL, "PATH", "n-gram language model: a file, or a directory with one"},
	{"lm-alpha", OPTION_NUMBER, AT(lm_alpha), 0, 100, NULL, "W", "weight of the language model"},
	{"lm-beta", OPTION_NUMBER, AT(lm_beta), -100, 100, NULL, "W", "bonus for each word"},
	{"grammar", OPTION_STRING, AT(grammar), 0, 0, NULL, "FILE", "commands to listen for: a grammar, or FILE.json, a list of phrases"},
	{"grammar-threshold", OPTION_NUMBER, AT(grammar_threshold), 0, 1, NULL, "P", "least confidence of a command"},
	{"wake-model", OPTION_STRING, AT(wake_model), 0, 0, NULL, "DIR", "sequence classification model for keyword spotting"},
	{"wake-threshold", OPTION_NUMBER, AT(wake_threshold), 0, 1, NULL, "P", "probability that counts as a detection"},
	{"wake-window", OPTION_NUMBER, AT(wake_window), 0.1, 10, NULL, "SECONDS", "audio looked at"},
	{"wake-hop", OPTION_NUMBER, AT(wake_hop), 0.02, 10, NULL, "SECONDS", "time between looks"},
	{"wake-refractory", OPTION_NUMBER, AT(wake_refractory), 0, 60, NULL, "SECONDS", "pause after a detection"},
	{"wake-ignore", OPTION_LIST, AT(wake_ignore), 0, 0, NULL, "LABEL,...", "labels that are no keyword"},
	{"log", OPTION_CHOICE, AT(log), 0, 0, log_names, "LEVEL", "error, warn, info or debug"},
};
/* clang-format on */

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Values of struct option.val for what is no row. */
enum { OPT_CONFIG = N_ROWS + 256, OPT_CHECK, OPT_HELP, OPT_VERSION };

static int refuse(char *reason, const char *key, const char *value, const char *want)
{
	snprintf(reason, OPTION_REASON_BYTES, "%s: \"%.40s\" is not %s", key, value, want);
	return -EINVAL;
}

static int set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int set_list(struct string_list *list, const char *value)
{
	while (*value != '\0') {
		size_t n = strcspn(value, ", \t");
		int err = n ? string_list_add(list, value, n) : 0;

		if (err < 0)
			return err;
		value += n;
		value += strspn(value, ", \t");
	}
	return 0;
}

static int set_int(const struct option_row *row, int *field, const char *value, char *reason)
{
	char *end;
	char want[64];

	if (row->kind == OPTION_AUTO && strcmp(value, "auto") == 0) {
		*field = 0;
		return 0;
	}
	errno = 0;
	long number = strtol(value, &end, row->kind == OPTION_MODE ? 8 : 10);
	if (errno == 0 && end != value && *end == '\0' && (double)number >= row->low &&
	    (double)number <= row->high) {
		*field = (int)number;
		return 0;
	}
	if (row->kind == OPTION_MODE)
		return refuse(reason, row->name, value, "a mode such as 0660");
	snprintf(want, sizeof(want), "%sa whole number from %.0f to %.0f",
		 row->kind == OPTION_AUTO ? "auto or " : "", row->low, row->high);
	return refuse(reason, row->name, value, want);
}

static int set_number(const struct option_row *row, double *field, const char *value, char *reason)
{
	char *end;
	char want[64];
	double number = strtod(value, &end);

	if (end != value && *end == '\0' && isfinite(number) && number >= row->low &&
	    number <= row->high) {
		*field = number;
		return 0;
	}
	snprintf(want, sizeof(want), "a number from %g to %g", row->low, row->high);
	return refuse(reason, row->name, value, want);
}

static int set_bool(const struct option_row *row, bool *field, const char *value, char *reason)
{
	static const char *const yes[] = {"yes", "on", "true", "1"};
	static const char *const no[] = {"no", "off", "false", "0"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(value, yes[i]) == 0) {
			*field = true;
			return 0;
		}
		if (strcasecmp(value, no[i]) == 0) {
			*field = false;
			return 0;
		}
	}
	return refuse(reason, row->name, value, "yes or no");
}

static int set_choice(const struct option_row *row, int *field, const char *value, char *reason)
{
	char want[64] = "one of";

	for (int i = 0; row->choices[i]; i++) {
		if (strcmp(value, row->choices[i]) == 0) {
			*field = i;
			return 0;
		}
		strncat(want, " ", sizeof(want) - strlen(want) - 1);
		strncat(want, row->choices[i], sizeof(want) - strlen(want) - 1);
	}
	return refuse(reason, row->name, value, want);
}

static int set_context(struct settings *settings, const char *value, char *reason)
{
	long left, chunk, right;
	int used = 0;

	if (sscanf(value, "%ld:%ld:%ld%n", &left, &chunk, &right, &used) != 3 ||
	    value[used] != '\0' || left < -1 || left > 100000 || chunk < -1 || chunk == 0 ||
	    chunk > 100000 || right < 0 || right > 10000)
		return refuse(reason, "streaming", value,
			      "left:chunk:right in frames such as 250:16:16");
	settings->left = left;
	settings->chunk = chunk;
	settings->right = right;
	settings->streaming_given = true;
	return 0;
}

static int set_row(struct settings *settings, const struct option_row *row, const char *value,
		   char *reason)
{
	void *field = (char *)settings + row->offset;

	switch (row->kind) {
	case OPTION_STRING:
		if (*value == '\0')
			return refuse(reason, row->name, value, "a value");
		return set_string(field, value);
	case OPTION_LIST:
		return set_list(field, value);
	case OPTION_INT:
	case OPTION_AUTO:
	case OPTION_MODE:
		return set_int(row, field, value, reason);
	case OPTION_NUMBER:
		return set_number(row, field, value, reason);
	case OPTION_BOOL:
		return set_bool(row, field, value, reason);
	case OPTION_CHOICE:
		return set_choice(row, field, value, reason);
	case OPTION_CONTEXT:
		return set_context(settings, value, reason);
	}
	abort();
}

int options_set(struct settings *settings, const char *key, const char *value, char *reason)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (strcmp(rows[i].name, key) == 0) {
			int err = set_row(settings, &rows[i], value, reason);

			if (err == -ENOMEM)
				snprintf(reason, OPTION_REASON_BYTES, "out of memory");
			return err;
		}
	}
	snprintf(reason, OPTION_REASON_BYTES, "unknown key \"%.60s\"", key);
	return -ENOENT;
}

static void fill_getopt(struct option *longs)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg =
				rows[i].kind == OPTION_BOOL ? optional_argument : required_argument,
			.val = (int)i + 1,
		};
	}
	longs[N_ROWS] = (struct option){"config", required_argument, NULL, OPT_CONFIG};
	longs[N_ROWS + 1] = (struct option){"check-config", no_argument, NULL, OPT_CHECK};
	longs[N_ROWS + 2] = (struct option){"help", no_argument, NULL, OPT_HELP};
	longs[N_ROWS + 3] = (struct option){"version", no_argument, NULL, OPT_VERSION};
	longs[N_ROWS + 4] = (struct option){0};
}

static int parse_row(struct settings *settings, size_t row, bool *seen, const char *value)
{
	char reason[OPTION_REASON_BYTES];

	/* The first --listen replaces the file's list, further ones add. */
	if (rows[row].kind == OPTION_LIST && !*seen)
		string_list_clear((struct string_list *)((char *)settings + rows[row].offset));
	*seen = true;

	int err = set_row(settings, &rows[row], value ? value : "yes", reason);
	if (err == -EINVAL)
		fprintf(stderr, "heard: --%s\n", reason);
	return err;
}

int options_parse(int argc, char **argv, struct invocation *invocation, struct settings *settings)
{
	struct option longs[N_ROWS + 5];
	bool seen[N_ROWS] = {false};
	int code;

	fill_getopt(longs);
	*invocation = (struct invocation){0};
	optind = 0; /* glibc: start over, the arguments are read twice */
	opterr = settings == NULL;
	while ((code = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		int err = 0;

		if (code == OPT_CONFIG)
			invocation->config = optarg;
		else if (code == OPT_CHECK)
			invocation->check_config = true;
		else if (code == OPT_HELP || code == 'h')
			invocation->help = true;
		else if (code == OPT_VERSION || code == 'V')
			invocation->version = true;
		else if (code == '?')
			return -EINVAL;
		else if (settings)
			err = parse_row(settings, (size_t)code - 1, &seen[code - 1], optarg);
		if (err < 0)
			return err;
	}
	if (optind < argc) {
		if (opterr)
			fprintf(stderr, "heard: unexpected argument \"%s\"\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int complete_source(struct settings *settings, char *reason)
{
	const char *source = settings->source;

	if (!source)
		return set_string(&settings->source, "mic");
	if (strcmp(source, "mic") == 0 || strcmp(source, "stdin") == 0 ||
	    strcmp(source, "none") == 0 || (strncmp(source, "file:", 5) == 0 && source[5] != '\0'))
		return 0;
	return refuse(reason, "source", source, "mic, file:PATH, stdin or none");
}

static int check_listen(const struct settings *settings, char *reason)
{
	bool stdio = strcmp(settings->source, "stdin") == 0;

	if (settings->listen.n > LIMIT_LISTENERS) {
		snprintf(reason, OPTION_REASON_BYTES, "listen: more than %d addresses",
			 LIMIT_LISTENERS);
		return -EINVAL;
	}
	for (size_t i = 0; i < settings->listen.n; i++) {
		const char *uri = settings->listen.items[i];
		struct address address;
		const char *why;

		if (address_parse(uri, &address, &why) < 0) {
			snprintf(reason, OPTION_REASON_BYTES, "listen: \"%.60s\": %s", uri, why);
			return -EINVAL;
		}
		if (address.kind != ADDRESS_STDIO)
			continue;
		if (stdio) {
			snprintf(reason, OPTION_REASON_BYTES,
				 "listen: standard input is taken already");
			return -EINVAL;
		}
		stdio = true;
	}
	return 0;
}

int options_complete(struct settings *settings, char *reason)
{
	int err = complete_source(settings, reason);

	if (err == 0 && !settings->model)
		err = set_string(&settings->model, HEARD_DEFAULT_MODEL);
	if (err == 0)
		err = check_listen(settings, reason);
	if (err == 0 && settings->wake_hop > settings->wake_window) {
		snprintf(reason, OPTION_REASON_BYTES, "wake-hop: longer than wake-window");
		err = -EINVAL;
	}
	if (err == -ENOMEM)
		snprintf(reason, OPTION_REASON_BYTES, "out of memory");
	return err;
}

void options_usage(FILE *out)
{
	fputs("usage: heard [OPTION]...\n\n"
	      "Speech recognition daemon. Runs in the foreground.\n\n",
	      out);
	for (size_t i = 0; i < N_ROWS; i++) {
		char left[48];

		if (rows[i].kind == OPTION_BOOL)
			snprintf(left, sizeof(left), "--%s[=yes|no]", rows[i].name);
		else
			snprintf(left, sizeof(left), "--%s %s", rows[i].name, rows[i].argument);
		fprintf(out, "  %-35s %s\n", left, rows[i].help);
	}
	fprintf(out, "  %-35s %s\n", "--config FILE", "configuration; its keys are these options");
	fprintf(out, "  %-35s %s\n", "--check-config",
		"check options and configuration, then exit");
	fprintf(out, "  %-35s %s\n", "--help", "this text");
	fprintf(out, "  %-35s %s\n", "--version", "version, then exit");
	fputs("\nSee heard(1) and heard.conf(5).\n", out);
}
