/*
 * The best hypotheses of the segments of a file, kept until they are printed.
 */
#ifndef HEARD_TOOLS_N_BEST_H
#define HEARD_TOOLS_N_BEST_H

#include "core/recognizer.h"
#include "tools/json_out.h"

#include <stddef.h>

struct n_best_segment {
	double start, end;                        /* seconds */
	struct recognizer_hypothesis *hypotheses; /* owned, [n], and what is in them */
	size_t n;
};

/* Zeroed: empty. */
struct n_best {
	struct n_best_segment *segments; /* owned */
	size_t n;
};

/* Takes the hypotheses, also where it fails. 0 or -ENOMEM. */
int n_best_add(struct n_best *list, double start, double end,
	       struct recognizer_hypothesis *hypotheses, size_t n);
void n_best_finish(struct n_best *list);

/* Frees n hypotheses and the array. */
void hypotheses_free(struct recognizer_hypothesis *hypotheses, size_t n);

/* "segments": [{start, end, "nbest": [{text, score, acoustic, lm, hotwords}]}] */
void n_best_json(const struct n_best *list, struct json_out *json);

#endif
