/*
 * What was recognized in one file: the transcripts of its segments joined, with
 * times in seconds from the start of the file.
 */
#ifndef HEARD_TOOLS_RESULT_H
#define HEARD_TOOLS_RESULT_H

#include "core/decode/vocab.h"

#include <stddef.h>

struct json_out;
struct tool_model;

/* The best path of a segment, frame by frame. */
struct path {
	size_t n, capacity;
	int *ids;             /* owned, [n] */
	float *probabilities; /* owned, [n] */
};

/* Appends one frame. 0 or -ENOMEM, logged. */
int path_add(struct path *path, int id, float probability);
/* Appends the most probable token of each row of logits [frames, tokens]. */
int path_add_logits(struct path *path, const float *logits, size_t frames, size_t tokens);
/* *out is owned by the caller (transcript_finish). 0 or -ENOMEM, logged. */
int path_decode(const struct path *path, const struct tool_model *model, struct transcript *out);
void path_clear(struct path *path);
void path_finish(struct path *path);

struct result_span {
	size_t text; /* offset in strings */
	double start, end;
	float confidence;
};

struct result_spans {
	size_t n, capacity;
	struct result_span *spans; /* owned */
};

struct result {
	char *text; /* owned; NULL: nothing yet */
	size_t text_size;
	char *strings; /* owned, zero-terminated texts of the spans */
	size_t strings_size, strings_capacity;
	struct result_spans words, chars;
};

/* Joins a segment's transcript to what is there, with a space between. Frame i
 * starts at start + i frames, in seconds; at times[i] where `times` is given
 * (frames of several segments). 0 or -ENOMEM, logged. */
int result_add(struct result *result, const struct tool_model *model,
	       const struct transcript *transcript, double start, const double *times);
void result_finish(struct result *result);

const char *result_text(const struct result *result);

/* The members file, text, duration, words and chars, into an open object. */
void result_json(const struct result *result, struct json_out *json, const char *file,
		 double duration);

#endif
