/*
 * A loaded model with what the subcommands need beside it. Those that deal in
 * text open the recognizer; those that only look at the network do without a
 * vocabulary, which a directory may lack.
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
struct recognizer;

enum tool_model_kind {
	TOOL_MODEL_NETWORK,
	TOOL_MODEL_TEXT, /* fails where there is no CTC head */
};

struct tool_model {
	struct recognizer *recognizer;     /* owned; text only */
	const struct vocab *vocab;         /* borrowed from the recognizer; text only */
	struct pool *pool;                 /* owned; network only */
	struct acoustic_model *acoustic;   /* owned, or borrowed from the recognizer */
	const struct model_config *config; /* borrowed */
	int adapter;                       /* of the language, for acoustic calls */
	size_t width;                      /* of a row of output */
};

/* Loads the directory options->arguments[0] for options->language. Logs and
 * returns a negative errno on failure. */
int tool_model_open(const struct options *options, enum tool_model_kind kind,
		    struct tool_model *model);
void tool_model_close(struct tool_model *model);

/* Runs the whole offline pass. `tap` may be NULL. 0 or a negative errno. */
struct acoustic_tap;
int tool_model_run(const struct tool_model *model, struct acoustic_offline *offline,
		   const float *samples, size_t n, const struct acoustic_tap *tap);

/* The blank of losses and alignments; text only. The loss takes the
 * configuration's pad token, the decoder the tokenizer's; they differ only in
 * broken checkpoints. */
int tool_model_blank(const struct tool_model *model);

/* The window of the options; the model's recommendation where they leave it to
 * the model. */
struct window tool_model_window(const struct tool_model *model, const struct options *options);

/* Seconds of a number of frames. */
double tool_model_seconds(const struct tool_model *model, size_t frames);

#endif
