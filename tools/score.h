/*
 * How well a set of utterances was recognized: error rates and what else can be
 * summed up over them. Case does not count; everything else does.
 */
#ifndef HEARD_TOOLS_SCORE_H
#define HEARD_TOOLS_SCORE_H

#include "tools/calibration.h"
#include "tools/confusions.h"
#include "tools/edit_distance.h"

#include <stdint.h>

struct outcome;

/* Zeroed: nothing yet. */
struct score {
	size_t utterances;
	size_t wrong;    /* utterances with any error in a word */
	size_t rejected; /* utterances that are no command, with a grammar */
	double seconds;  /* of audio */
	struct edit_counts words;
	struct edit_counts characters; /* a space between words is one */
	double loss;                   /* CTC loss, summed over utterances with a path */
	size_t labels;                 /* of those */
	size_t infeasible;             /* utterances without a path: too short for their text */
	uint64_t shown, revised;       /* unstable words: flicker */
	struct confusions confusions;
	struct calibration calibration;
};

void score_finish(struct score *score);

/* Adds an utterance; `seconds` of audio. 0 or -ENOMEM, logged. */
int score_add(struct score *score, const char *reference, const struct outcome *outcome,
	      double seconds);
/* Adds another set. Likewise. */
int score_merge(struct score *score, const struct score *from);

/* Errors by units of the reference; can exceed 1. NAN without a reference. */
double score_rate(const struct edit_counts *counts);
/* Loss for each label, in nats; NAN where there is none. */
double score_loss(const struct score *score);
/* Unstable words revised by those shown; NAN where none was shown. */
double score_flicker(const struct score *score);

#endif
