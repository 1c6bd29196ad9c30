/*
 * A loaded model with what the subcommands need beside it: the thread pool,
 * the language that was asked for and its vocabulary.
 */
#ifndef HEARD_TOOLS_TOOL_MODEL_H
#define HEARD_TOOLS_TOOL_MODEL_H

#include "core/decode/vocab.h"
#include "core/weights/config.h"

#include <stddef.h>

struct acoustic_model;
struct acoustic_offline;
struct options;
struct pool;

struct tool_model {
	struct pool *pool;                 /* owned */
	struct acoustic_model *acoustic;   /* owned */
	const struct model_config *config; /* borrowed from acoustic */
	int adapter;                       /* of the language, for acoustic calls */
	size_t width;                      /* of a row of output */
	struct vocab *vocab;               /* owned; NULL without a CTC head */
};

/* Loads the directory options->arguments[0] for options->language. Logs and
 * returns a negative errno on failure. */
int tool_model_open(const struct options *options, struct tool_model *model);
void tool_model_close(struct tool_model *model);

/* Fails, with a message, where the model has another head. */
int tool_model_require_head(const struct tool_model *model, const char *dir, enum model_head head);

/* Runs the whole offline pass. `tap` may be NULL. 0 or a negative errno. */
struct acoustic_tap;
int tool_model_run(const struct tool_model *model, struct acoustic_offline *offline,
		   const float *samples, size_t n, const struct acoustic_tap *tap);

/* Seconds of a number of frames. */
double tool_model_seconds(const struct tool_model *model, size_t frames);

#endif
