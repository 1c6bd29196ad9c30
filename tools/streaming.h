/*
 * A whole utterance through the incremental pass, step by step, as a live
 * stream would go.
 */
#ifndef HEARD_TOOLS_STREAMING_H
#define HEARD_TOOLS_STREAMING_H

#include "core/acoustic/acoustic.h"

#include <stddef.h>

struct options;
struct streaming;
struct tool_model;

/* Streaming parameters and statistics come from the options; max_samples is
 * the longest utterance that will be run. Logs and returns a negative errno on
 * failure. */
int streaming_create(const struct tool_model *model, const struct options *options,
		     size_t max_samples, struct streaming **out);
void streaming_destroy(struct streaming *streaming); /* NULL is allowed */

/* Takes the output of a step; not 0 stops the run. */
typedef int (*streaming_func)(void *ctx, const struct acoustic_output *output);

/* Runs an utterance from a full reset. Returns 0, what `func` returned, or a
 * negative errno, logged. */
int streaming_run(struct streaming *streaming, const float *samples, size_t n, streaming_func func,
		  void *ctx);

#endif
