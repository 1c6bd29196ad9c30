/*
 * Many utterances through the network and the decoder, for measuring how well
 * they are recognized: one after the other with full context, or as live
 * streams of which several are stepped together.
 *
 * An utterance longer than max_segment_s is cut as transcription cuts it; every
 * segment starts afresh.
 */
#ifndef HEARD_TOOLS_EVALUATION_H
#define HEARD_TOOLS_EVALUATION_H

#include "core/acoustic/acoustic.h"
#include "tools/options.h"

#include <stdbool.h>
#include <stddef.h>

struct decode_plan;
struct evaluation;
struct outcome;
struct tool_model;

struct evaluation_params {
	bool streaming;
	struct window window; /* with streaming, and what follows */
	enum acoustic_statistics statistics;
	size_t streams;           /* stepped together, 1 to 64 */
	double max_segment_s;     /* 0: never cut */
	struct decode_plan *plan; /* held; NULL: greedy */
};

/* The model is borrowed. 0 or a negative errno, logged. */
int evaluation_create(const struct tool_model *model, const struct evaluation_params *params,
		      struct evaluation **out);
void evaluation_destroy(struct evaluation *evaluation); /* NULL is allowed */

/* Takes an utterance; samples (owned: malloc) are freed in any case. `text` is
 * what is said, for the loss (NULL: not wanted); it and *outcome are borrowed
 * until evaluation_finish, by which time *outcome is filled in: the caller owns
 * what is in it (outcome_finish), also on failure. Which others run beside it
 * makes no difference to an outcome. 0 or a negative errno, logged: then destroy. */
int evaluation_add(struct evaluation *evaluation, float *samples, size_t n, const char *text,
		   struct outcome *outcome);

/* Runs what is still under way. Likewise. */
int evaluation_finish(struct evaluation *evaluation);

#endif
