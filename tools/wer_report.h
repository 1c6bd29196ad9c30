/*
 * What `wer` prints: tables for people, an object a set for programs.
 */
#ifndef HEARD_TOOLS_WER_REPORT_H
#define HEARD_TOOLS_WER_REPORT_H

#include "tools/options.h"
#include "tools/score.h"

#include <stdbool.h>
#include <stddef.h>

struct json_out;

/* One pass over a set. */
struct wer_pass {
	bool streaming;
	struct window window; /* with streaming */
	struct score score;   /* owned */
};

enum { WER_MAX_PASSES = 16 };

struct wer_set {
	const char *name;             /* borrowed */
	struct confidence_map in_use; /* of the model: what its confidences went through */
	size_t n_passes;
	struct wer_pass passes[WER_MAX_PASSES]; /* owned; more than one: a lookahead sweep */
};

void wer_set_finish(struct wer_set *set);

/* The members of a set into an open object. weights: how they are kept. */
void wer_report_json(const struct wer_set *set, const struct options *options, const char *weights,
		     struct json_out *json);

/* All sets, their total last where there are several. frame_ms: length of a frame. */
void wer_report_text(const struct wer_set *sets, size_t n, const struct options *options,
		     double frame_ms);

/* An utterance with errors, word over word, on standard output; nothing where
 * there is none. 0 or -ENOMEM. */
int wer_report_words(const char *where, const char *reference, const char *hypothesis);

#endif
