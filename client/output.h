/*
 * Where events go: captions or JSON on standard output, subtitle files, notices on
 * standard error, the program of --exec.
 */
#ifndef HEARD_CLIENT_OUTPUT_H
#define HEARD_CLIENT_OUTPUT_H

#include "client/captions.h"
#include "client/options.h"
#include "client/subtitles.h"
#include "protocol/heard.h"

#include <stdbool.h>

struct output {
	struct captions captions;
	struct subtitles srt, vtt, txt;
	struct program *program; /* owned; of --exec; NULL: none */
	const char *commands;    /* borrowed; their file: matches instead of captions; NULL: none */
	bool json;
	bool quiet;
	bool partials;                /* show them: captions, not the text of files */
	bool empty_lines;             /* print empty transcripts too: one line a file */
	const char *file;             /* borrowed; named in JSON events; NULL: live */
	double zero;                  /* stream time that subtitles call 0 */
	struct subtitles_word *words; /* owned scratch */
	char obstacle[256];           /* as said last */
};

/* 0, or a negative errno that has been reported. output_finish in any case; the output stays
 * where it is until then. */
int output_init(struct output *output, const struct options *options);
void output_finish(struct output *output);

/* Shows one event, the one last taken from `heard`. 0 or a negative errno: -EPIPE
 * where nobody reads standard output any more (which is no error to report), others
 * have been reported. */
int output_event(struct output *output, struct heard *heard, const struct heard_event *event);

/* A line on standard error, around the captions; nothing with --quiet. */
void output_notice(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, also with --quiet. */
void output_error(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Why an attempt failed: a notice, unless it is the last one again. With a text of ""
 * the next is said in any case. */
void output_obstacle(struct output *output, const char *text);
/* The daemon's HEARD_ERROR, as an error; what: the file in question, NULL: none. */
void output_refusal(struct output *output, const struct heard_event *event, const char *what);

#endif
