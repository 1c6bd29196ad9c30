/*
 * The command line: which subcommands there are, which options each takes, and
 * their checked values. Help texts are made from the same tables.
 */
#ifndef HEARD_TOOLS_OPTIONS_H
#define HEARD_TOOLS_OPTIONS_H

#include "audio/pcm_stream.h"
#include "core/acoustic/acoustic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* model, audio or output; said on standard error */
	EXIT_USAGE = 2,
};

enum option_flag {
	OPTION_JSON = 1 << 0,
	OPTION_LANG = 1 << 1,
	OPTION_STREAMING = 1 << 2,
	OPTION_STATISTICS = 1 << 3,
	OPTION_MAX_SEGMENT = 1 << 4,
	OPTION_THREADS = 1 << 5,
	OPTION_RAW = 1 << 6, /* --raw-format, --raw-rate, --raw-channels */
	OPTION_OUTPUT = 1 << 7,
	OPTION_ALL = 1 << 8,
	OPTION_ATTENTIONS = 1 << 9,
	OPTION_LABEL = 1 << 10,
	OPTION_TEXT = 1 << 11,
	OPTION_WINDOWS = 1 << 12,
	OPTION_STREAMS = 1 << 13,
	OPTION_SECONDS = 1 << 14,
	OPTION_SEED = 1 << 15,
	OPTION_DTYPE = 1 << 16,
	OPTION_ALWAYS = 1 << 17, /* --help, --version, --verbose */
	OPTION_SEARCH = 1 << 24, /* --beam, --hotwords, --lm and so on */
	OPTION_NBEST = 1 << 25,
	OPTION_WEIGHTS = 1 << 18,
	OPTION_SPLIT = 1 << 19,
	OPTION_LIMIT = 1 << 20,
	OPTION_NOISE = 1 << 21, /* --noise, --snr */
	OPTION_SWEEP = 1 << 22,
	OPTION_SHOW = 1 << 23,
	OPTION_CALIBRATION = 1 << 26,
	OPTION_GRAMMAR = 1 << 27, /* --grammar, --threshold */
	OPTION_AGAINST = 1 << 28, /* --against; --weights takes several types */
};

/* Frames; left and chunk -1: unlimited, whole utterance. chunk 0: what the
 * model recommends (tool_model_window). */
struct window {
	long left, chunk, right;
};

enum { OPTIONS_MAX_WINDOWS = 32, OPTIONS_MAX_COUNTS = 8, OPTIONS_ANY_NUMBER = 1 << 20 };

struct options {
	char *const *arguments; /* borrowed from argv: what is no option */
	size_t n_arguments;

	bool json;
	const char *language; /* NULL: the model's own */
	bool streaming;
	struct window window; /* with streaming */
	enum acoustic_statistics statistics;
	double max_segment_s; /* 0: never cut */
	unsigned threads;     /* 0: auto, the cores this process may use */
	enum weight_type weights;
	unsigned weight_types;    /* 1 << type for each of --weights; 0: not given */
	enum weight_type against; /* what they are compared with */
	struct pcm_layout raw;    /* rate 0: the model's */
	const char *output;
	bool all;
	bool attentions;
	const char *label;
	const char *text;
	struct window windows[OPTIONS_MAX_WINDOWS];
	size_t n_windows;
	size_t streams;                           /* the first of: */
	size_t stream_counts[OPTIONS_MAX_COUNTS]; /* with bench, several */
	size_t n_stream_counts;                   /* 0: --streams was not given */
	double seconds;
	uint64_t seed;
	const char *dtype; /* "f32", "f16" or "bf16" */
	const char *split; /* NULL: all */
	size_t limit;      /* utterances of a set; 0: all */
	const char *noise; /* NULL: none; else a folder or file, and snr_db is finite */
	double snr_db;
	bool lookahead_sweep;
	bool show;
	bool calibration;
	/* How text is searched for (tools/search.h). */
	size_t beam;          /* 0: not given */
	const char *hotwords; /* files; NULL: none */
	const char *lm;
	double lm_alpha, lm_beta; /* NAN: as recommended */
	double commit_delay;      /* seconds; 0: the default */
	size_t n_best;            /* 0: not wanted */
	const char *grammar;      /* file; NULL: none */
	float threshold;          /* 0..1, least confidence of a command */
};

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;   /* one sentence */
	size_t min_arguments;
	size_t max_arguments;
	unsigned options;  /* enum option_flag */
	unsigned required; /* enum option_flag that must be given */
	size_t streams;    /* default of --streams */
	/* Returns an exit code. */
	int (*run)(const struct options *options);
};

/* Parses what follows the subcommand's name. Returns EXIT_DONE with *out
 * filled, EXIT_USAGE after a message on standard error, or -1 where --help or
 * --version was served. */
int options_parse(const struct command *command, int argc, char **argv, struct options *out);

/* The help of one subcommand, on standard output. */
void options_help(const struct command *command);

#endif
