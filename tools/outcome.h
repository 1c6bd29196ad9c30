/*
 * What came out of one utterance whose words are known.
 */
#ifndef HEARD_TOOLS_OUTCOME_H
#define HEARD_TOOLS_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool_model;
struct transcript;

struct outcome {
	char *text;    /* owned; NULL before the first transcript: nothing was recognized */
	bool rejected; /* with a grammar: part of it is no command, and free text */
	size_t n_words;
	float *confidences; /* owned, [n_words] */
	double loss;        /* CTC loss of the known text; INFINITY: it cannot be that short */
	size_t labels;      /* of the known text; 0: there is no loss */
	uint64_t shown;     /* unstable words shown while it was spoken; streaming only */
	uint64_t revised;   /* of those, changed or taken back later */
};

void outcome_finish(struct outcome *outcome);

/* Joins the transcript of a further segment, with a space. 0 or -ENOMEM, logged. */
int outcome_add(struct outcome *outcome, const struct transcript *transcript);

/* Computes the loss of `text` from logits [frames, tokens] of the whole
 * utterance. Text is tried in the case it has, in upper and in lower case;
 * where characters of it are in no case in the vocabulary there is no loss. 0 or
 * a negative errno, logged. */
int outcome_measure(struct outcome *outcome, const struct tool_model *model, const char *text,
		    const float *logits, size_t frames);

#endif
