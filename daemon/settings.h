/*
 * Everything a user can set, as plain values: defaults, then the configuration
 * file, then the command line, each over the one before. The names of the file
 * are the long options (options.c has the one table of both).
 */
#ifndef HEARD_DAEMON_SETTINGS_H
#define HEARD_DAEMON_SETTINGS_H

#include "core/base/log.h"

#include <stdbool.h>
#include <stddef.h>

/* Owned strings in the order given. */
struct string_list {
	char **items;
	size_t n;
};

enum setting_final { SETTING_FINAL_MODEL, SETTING_FINAL_STREAM, SETTING_FINAL_OFFLINE };

/* NULL strings were not given. */
struct settings {
	/* model */
	char *model;
	char *language;
	struct string_list languages; /* advertised; empty: what the model names, else "en" */
	int final;                    /* enum setting_final */
	bool streaming_given;
	long left, chunk, right; /* frames, where streaming_given */
	int threads;             /* 0: auto, the cores this process may use */
	int weights;             /* enum weight_type */

	/* sockets */
	struct string_list listen; /* empty: the default socket, or what systemd passed */
	int socket_mode;
	char *socket_group;
	int max_clients;
	int max_streams;

	/* live source */
	char *source; /* mic, file:PATH, stdin, none */
	bool loop;    /* start the file source over at its end */
	char *device;
	int device_rate;     /* Hz; 0: as it suits device and model */
	int device_channels; /* 0: two, or what it has */
	bool gate;
	char *dump;

	/* utterances of the live source */
	double endpoint_silence_text; /* seconds; 0: off */
	double endpoint_silence_no_text;
	double endpoint_max_length;
	double partial_interval; /* seconds; 0: every step */

	/* how text is searched for */
	int beam;            /* hypotheses; 1: greedy; 0: greedy, or wide where the rest needs it */
	double commit_delay; /* seconds */
	char *hotwords;      /* file */
	char *lm;            /* file or directory */
	double lm_alpha, lm_beta; /* NAN: the language model's own */
	char *grammar;            /* file: commands */
	double grammar_threshold; /* least confidence of a command */

	/* keyword spotting */
	char *wake_model;
	double wake_threshold;
	double wake_window;     /* seconds */
	double wake_hop;        /* seconds */
	double wake_refractory; /* seconds */
	struct string_list wake_ignore;

	int log; /* enum log_level */
};

/* Defaults; owns nothing yet. */
void settings_init(struct settings *settings);
void settings_finish(struct settings *settings);

/* Copies `text` to the end. 0 or -ENOMEM. */
int string_list_add(struct string_list *list, const char *text, size_t length);
void string_list_clear(struct string_list *list);
bool string_list_has(const struct string_list *list, const char *text);

#endif
