#include "tools/option_rows.h"

#include "core/base/log.h"
#include "core/decode/plan.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_THREADS = 1024,
	MAX_STREAMS = 64,
	MAX_FRAMES = 1 << 20,
	MAX_RATE = 1 << 22,
	MAX_CHANNELS = 256,
	MAX_SNR_DB = 100,
};

static bool parse_long(const char *text, char **end, long *out)
{
	errno = 0;
	*out = strtol(text, end, 10);
	return *end != text && errno == 0;
}

static const char *parse_count(const char *value, long max, long *out)
{
	char *end;

	if (!parse_long(value, &end, out) || *end != '\0' || *out < 1)
		return "is not a number of at least 1";
	return *out > max ? "is too large" : NULL;
}

static const char *parse_window(const char *value, size_t length, struct window *out)
{
	long parts[3];
	const char *at = value;

	for (int i = 0; i < 3; i++) {
		char *end;
		if (!parse_long(at, &end, &parts[i]))
			return "is not L:C:R in frames, as 250:16:16";
		bool last = i == 2;
		if (last ? end != value + length : *end != ':')
			return "is not L:C:R in frames, as 250:16:16";
		at = end + 1;
	}
	if (parts[0] < -1 || parts[0] > MAX_FRAMES)
		return "has a left context that is neither -1 (unlimited) nor a number of frames";
	if (parts[1] < -1 || parts[1] == 0 || parts[1] > MAX_FRAMES)
		return "has a chunk that is neither -1 (all) nor a positive number of frames";
	if (parts[2] < 0 || parts[2] > MAX_FRAMES)
		return "has a lookahead that is not a number of frames";
	*out = (struct window){.left = parts[0], .chunk = parts[1], .right = parts[2]};
	return NULL;
}

static const char *take_json(struct options *options, const char *value)
{
	(void)value;
	options->json = true;
	return NULL;
}

static const char *take_language(struct options *options, const char *value)
{
	options->language = value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *take_streaming(struct options *options, const char *value)
{
	options->streaming = true;
	options->window = (struct window){0};
	if (strcmp(value, "default") == 0)
		return NULL;
	return parse_window(value, strlen(value), &options->window);
}

static const char *take_statistics(struct options *options, const char *value)
{
	if (strcmp(value, "utterance") == 0)
		options->statistics = STATISTICS_UTTERANCE;
	else if (strcmp(value, "cumulative") == 0)
		options->statistics = STATISTICS_CUMULATIVE;
	else
		return "is neither utterance nor cumulative";
	return NULL;
}

static const char *parse_seconds(const char *value, double *out)
{
	char *end;

	*out = strtod(value, &end);
	if (end == value || *end != '\0' || !isfinite(*out) || *out < 0 || *out > 1e6)
		return "is not a number of seconds";
	return NULL;
}

static const char *take_max_segment(struct options *options, const char *value)
{
	const char *reason = parse_seconds(value, &options->max_segment_s);

	if (!reason && options->max_segment_s > 0 && options->max_segment_s < 1)
		reason = "is neither 0 (never cut) nor at least one second";
	return reason;
}

static const char *take_threads(struct options *options, const char *value)
{
	long n = 0;
	const char *reason = NULL;

	if (strcmp(value, "auto") != 0 && parse_count(value, MAX_THREADS, &n))
		reason = "is neither auto nor a number from 1 to 1024";
	options->threads = (unsigned)n;
	return reason;
}

static const char *take_weights(struct options *options, const char *value)
{
	char name[8];

	options->weight_types = 0; /* the last --weights counts */
	for (const char *at = value;; at++) {
		size_t length = strcspn(at, ",");
		snprintf(name, sizeof(name), "%.*s", (int)(length < 8 ? length : 7), at);
		if (!weight_type_from_name(name, &options->weights))
			return "is none of auto f32 f16 bf16 int8 int4";
		options->weight_types |= 1u << options->weights;
		at += length;
		if (*at == '\0')
			return NULL;
	}
}

static const char *take_against(struct options *options, const char *value)
{
	return weight_type_from_name(value, &options->against)
		       ? NULL
		       : "is none of auto f32 f16 bf16 int8 int4";
}

static const char *take_raw_format(struct options *options, const char *value)
{
	static char reason[160];

	if (pcm_format_parse(value, &options->raw.format))
		return NULL;
	snprintf(reason, sizeof(reason), "is none of %s", pcm_format_list());
	return reason;
}

static const char *take_raw_rate(struct options *options, const char *value)
{
	long n = 0;
	const char *reason = parse_count(value, MAX_RATE, &n);

	options->raw.rate = (unsigned)n;
	return reason;
}

static const char *take_raw_channels(struct options *options, const char *value)
{
	long n = 0;
	const char *reason = parse_count(value, MAX_CHANNELS, &n);

	options->raw.channels = (unsigned)n;
	return reason;
}

static const char *take_output(struct options *options, const char *value)
{
	options->output = value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *take_all(struct options *options, const char *value)
{
	(void)value;
	options->all = true;
	return NULL;
}

static const char *take_attentions(struct options *options, const char *value)
{
	(void)value;
	options->attentions = true;
	return NULL;
}

static const char *take_label(struct options *options, const char *value)
{
	options->label = value;
	return NULL;
}

static const char *take_text(struct options *options, const char *value)
{
	options->text = value;
	return NULL;
}

static const char *take_windows(struct options *options, const char *value)
{
	for (const char *at = value;;) {
		size_t length = strcspn(at, ",");
		if (options->n_windows == OPTIONS_MAX_WINDOWS)
			return "has too many windows";
		const char *reason =
			parse_window(at, length, &options->windows[options->n_windows]);
		if (reason)
			return reason;
		if (options->windows[options->n_windows].chunk < 0)
			return "has a chunk without an end, which is no step";
		options->n_windows++;
		if (at[length] == '\0')
			return NULL;
		at += length + 1;
	}
}

static const char *take_streams(struct options *options, const char *value)
{
	size_t count = 0;

	for (const char *at = value;; at++) {
		char *end;
		long n;
		if (!parse_long(at, &end, &n) || n < 1 || (*end != ',' && *end != '\0'))
			return "is not a number of at least 1";
		if (n > MAX_STREAMS)
			return "is too large";
		if (count == OPTIONS_MAX_COUNTS)
			return "has too many numbers";
		options->stream_counts[count++] = (size_t)n;
		at = end;
		if (*at == '\0')
			break;
	}
	options->n_stream_counts = count;
	options->streams = options->stream_counts[0];
	return NULL;
}

static const char *take_seconds(struct options *options, const char *value)
{
	const char *reason = parse_seconds(value, &options->seconds);

	return reason || options->seconds > 0 ? reason : "is not a number of seconds";
}

static const char *take_seed(struct options *options, const char *value)
{
	char *end;

	errno = 0;
	options->seed = strtoull(value, &end, 10);
	return end == value || *end != '\0' || errno != 0 || *value == '-' ? "is not a number"
									   : NULL;
}

static const char *take_split(struct options *options, const char *value)
{
	options->split = strcmp(value, "all") == 0 ? NULL : value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *take_limit(struct options *options, const char *value)
{
	long n = 0;
	const char *reason = parse_count(value, LONG_MAX, &n);

	options->limit = (size_t)n;
	return reason;
}

static const char *take_noise(struct options *options, const char *value)
{
	options->noise = value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *take_snr(struct options *options, const char *value)
{
	char *end;

	options->snr_db = strtod(value, &end);
	if (end == value || *end != '\0' || !(fabs(options->snr_db) <= MAX_SNR_DB))
		return "is not a ratio in dB between -100 and 100";
	return NULL;
}

static const char *take_sweep(struct options *options, const char *value)
{
	(void)value;
	options->lookahead_sweep = true;
	return NULL;
}

static const char *take_show(struct options *options, const char *value)
{
	(void)value;
	options->show = true;
	return NULL;
}

static const char *take_calibration(struct options *options, const char *value)
{
	(void)value;
	options->calibration = true;
	return NULL;
}

static const char *take_grammar(struct options *options, const char *value)
{
	options->grammar = value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *take_threshold(struct options *options, const char *value)
{
	char *end;

	options->threshold = strtof(value, &end);
	if (end == value || *end != '\0' || !(options->threshold >= 0 && options->threshold <= 1))
		return "is not between 0 and 1";
	return NULL;
}

static const char *take_dtype(struct options *options, const char *value)
{
	options->dtype = value;
	if (strcmp(value, "f32") == 0 || strcmp(value, "f16") == 0 || strcmp(value, "bf16") == 0)
		return NULL;
	return "is none of f32 f16 bf16";
}

static const char *take_beam(struct options *options, const char *value)
{
	long n = 0;
	const char *reason = parse_count(value, PLAN_MAX_BEAM, &n);

	options->beam = (size_t)n;
	return reason;
}

static const char *take_hotwords(struct options *options, const char *value)
{
	options->hotwords = value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *take_lm(struct options *options, const char *value)
{
	options->lm = value;
	return value[0] == '\0' ? "is empty" : NULL;
}

static const char *parse_weight(const char *value, double *out)
{
	char *end;

	*out = strtod(value, &end);
	return end == value || *end != '\0' || !isfinite(*out) || fabs(*out) > 100
		       ? "is not a number from -100 to 100"
		       : NULL;
}

static const char *take_lm_alpha(struct options *options, const char *value)
{
	return parse_weight(value, &options->lm_alpha);
}

static const char *take_lm_beta(struct options *options, const char *value)
{
	return parse_weight(value, &options->lm_beta);
}

static const char *take_commit_delay(struct options *options, const char *value)
{
	const char *reason = parse_seconds(value, &options->commit_delay);

	return reason || options->commit_delay > 0 ? reason : "is not a number of seconds";
}

static const char *take_n_best(struct options *options, const char *value)
{
	long n = 0;
	const char *reason = parse_count(value, PLAN_MAX_BEAM, &n);

	options->n_best = (size_t)n;
	return reason;
}

static const char *take_verbose(struct options *options, const char *value)
{
	(void)options;
	(void)value;
	log_set_level(log_get_level() < LOG_LEVEL_INFO ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG);
	return NULL;
}

const struct option_row option_rows[OPTION_ROWS] = {
	{"json", 'j', OPTION_JSON, NULL, take_json, "print JSON, one object a line"},
	{"lang", 'l', OPTION_LANG, "LANG", take_language,
	 "use the adapter and vocabulary of this language"},
	{"streaming", 0, OPTION_STREAMING, "L:C:R", take_streaming,
	 "run in chunks of C frames with L frames of left context\n"
	 "and R of lookahead; L = -1 unlimited, C = -1 the whole;\n"
	 "'default': what the model recommends"},
	{"statistics", 0, OPTION_STATISTICS, "KIND", take_statistics,
	 "with --streaming: cumulative (default) or utterance"},
	{"max-segment", 0, OPTION_MAX_SEGMENT, "SECONDS", take_max_segment,
	 "cut longer audio at quiet places (default 30, 0 never)"},
	{"threads", 't', OPTION_THREADS, "N", take_threads,
	 "auto (default): the cores this process may use"},
	{"weights", 'w', OPTION_WEIGHTS, "TYPE", take_weights,
	 "how weights are kept: auto (default), f32, f16, bf16,\n"
	 "int8 or int4; verify takes several, with commas (all)"},
	{"against", 0, OPTION_AGAINST, "TYPE", take_against,
	 "weights to compare with (default f32)"},
	{"raw-format", 0, OPTION_RAW, "FORMAT", take_raw_format,
	 "of headerless standard input (default s16le)"},
	{"raw-rate", 0, OPTION_RAW, "HZ", take_raw_rate, "likewise (default: the model's)"},
	{"raw-channels", 0, OPTION_RAW, "N", take_raw_channels, "likewise (default 1)"},
	{"output", 'o', OPTION_OUTPUT, "FILE", take_output, "the safetensors file to write"},
	{"all", 0, OPTION_ALL, NULL, take_all, "write every stage, not just the last"},
	{"attentions", 0, OPTION_ATTENTIONS, NULL, take_attentions,
	 "write attention probabilities too"},
	{"label", 0, OPTION_LABEL, "LABEL", take_label,
	 "compute the loss for this label (name or number; several\n"
	 "with commas for a multi-label model)"},
	{"text", 0, OPTION_TEXT, "TEXT", take_text, "what is said"},
	{"windows", 0, OPTION_WINDOWS, "L:C:R,...", take_windows,
	 "steps to measure (default: the model's recommendation)"},
	{"streams", 0, OPTION_STREAMS, "N", take_streams,
	 "streams stepped together (default: bench 1, wer 16);\n"
	 "bench takes several numbers, with commas"},
	{"seconds", 0, OPTION_SECONDS, "S", take_seconds, "time to spend on each row (default 5)"},
	{"seed", 0, OPTION_SEED, "N", take_seed, "of the random numbers (default 1)"},
	{"dtype", 0, OPTION_DTYPE, "TYPE", take_dtype, "f32 (default), f16 or bf16"},
	{"split", 0, OPTION_SPLIT, "NAME", take_split,
	 "the part of each set to take (default test), or 'all'"},
	{"limit", 0, OPTION_LIMIT, "N", take_limit,
	 "at most N utterances of each set, spread over it"},
	{"noise", 0, OPTION_NOISE, "PATH", take_noise,
	 "lay noise under the speech: a folder of audio files, or one"},
	{"snr", 0, OPTION_NOISE, "DB", take_snr, "with --noise: speech to noise, in dB"},
	{"lookahead-sweep", 0, OPTION_SWEEP, NULL, take_sweep,
	 "a table of loss and error rates by lookahead"},
	{"show", 0, OPTION_SHOW, NULL, take_show, "what was said and what was recognized"},
	{"calibration", 0, OPTION_CALIBRATION, NULL, take_calibration,
	 "how often words are right, by their confidence"},
	{"beam", 'b', OPTION_SEARCH, "N", take_beam,
	 "search N hypotheses; 1 (default): greedy decoding"},
	{"hotwords", 0, OPTION_SEARCH, "FILE", take_hotwords,
	 "phrases to expect, one a line, \" :WEIGHT\" behind it"},
	{"lm", 0, OPTION_SEARCH, "PATH", take_lm,
	 "n-gram language model: a file, or a directory with one"},
	{"lm-alpha", 0, OPTION_SEARCH, "W", take_lm_alpha, "its weight (default 0.5)"},
	{"lm-beta", 0, OPTION_SEARCH, "W", take_lm_beta, "bonus for each word (default 1.5)"},
	{"commit-delay", 0, OPTION_SEARCH, "SECONDS", take_commit_delay,
	 "with --streaming: when the best hypothesis is made final\n(default 1)"},
	{"nbest", 0, OPTION_NBEST, "N", take_n_best,
	 "with --json: the best N hypotheses of each segment"},
	{"grammar", 0, OPTION_GRAMMAR, "FILE", take_grammar,
	 "commands: a grammar, or FILE.json, a list of phrases"},
	{"threshold", 0, OPTION_GRAMMAR, "P", take_threshold,
	 "with --grammar: least confidence of a command (default 0.5)"},
	{"verbose", 'v', OPTION_ALWAYS, NULL, take_verbose, "say more; twice, everything"},
	{"help", 'h', OPTION_ALWAYS, NULL, NULL, "print this and exit"},
	{"version", 'V', OPTION_ALWAYS, NULL, NULL, "print the version and exit"},
};
