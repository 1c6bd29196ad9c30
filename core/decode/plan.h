/*
 * What a session decodes with: the width of the beam, hotwords, a language
 * model, a grammar. Made and filled in by one thread (a tool, the daemon's
 * loop), constant from then on and shared by reference count: the streams that
 * use it hold it, whoever lets go last frees it, on any thread.
 */
#ifndef HEARD_DECODE_PLAN_H
#define HEARD_DECODE_PLAN_H

#include "core/decode/ctc_grammar.h"
#include "core/decode/lm_fusion.h"
#include "core/decode/lm_tokens.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct hotwords;

enum {
	PLAN_BEAM = 32, /* where a beam is wanted and no width given */
	PLAN_MAX_BEAM = 512,
	PLAN_TOKENS = 40,
	PLAN_MAX_TOKENS = 256,
	PLAN_COMMIT_FRAMES = 50, /* one second of 20 ms frames */
};
#define PLAN_TOKEN_PRUNE 9.0F
#define PLAN_BEAM_PRUNE  15.0F

/* A language model that several plans share, counted like them. */
struct plan_lm {
	atomic_uint references;
	struct lm *lm; /* owned */
	char **labels; /* owned, [n_labels]; see lm_tokens_create; NULL: none */
	size_t n_labels;
	enum lm_unit unit;
	struct lm_weights weights; /* recommended */
};

/* Takes lm (also where it fails: NULL without memory). The rest is the default. */
struct plan_lm *plan_lm_create(struct lm *lm);
/* Returns its argument; both take NULL. */
struct plan_lm *plan_lm_hold(struct plan_lm *lm);
void plan_lm_release(struct plan_lm *lm);

/* Zeroed: greedy decoding. */
struct decode_plan {
	atomic_uint references;

	size_t beam; /* hypotheses; 0 or 1: greedy, which takes nothing of the rest */
	/* 0 for each of these: the default above. */
	size_t tokens;       /* most probable tokens tried in a frame */
	float token_prune;   /* ln: tokens less probable than the best by more are not */
	float beam_prune;    /* ln: likewise hypotheses are given up */
	size_t commit_delay; /* frames after which a token of the best hypothesis is made
				final, in streaming */

	struct hotwords *hotwords; /* held; NULL: none */
	struct plan_lm *lm;        /* held; NULL: none */
	struct lm_weights weights; /* with lm */

	size_t n_best; /* hypotheses that are told with the final; 0: its text alone */

	/* Commands are searched for beside the text, whatever decodes that. */
	struct grammar *grammar; /* a reference; NULL: none */
	struct ctc_grammar_options commands;
};

/* A zeroed plan with one reference; NULL without memory. */
struct decode_plan *decode_plan_create(void);
/* Returns its argument; both take NULL. */
struct decode_plan *decode_plan_hold(struct decode_plan *plan);
void decode_plan_release(struct decode_plan *plan);

/* A beam is searched (else greedy). plan may be NULL. */
static inline bool decode_plan_searches(const struct decode_plan *plan)
{
	return plan != NULL && plan->beam > 1;
}

#endif
