/*
 * What a session decodes with: the width of the beam, hotwords, a language
 * model, a grammar. Made and filled in by one thread (a tool, the daemon's
 * loop), constant from then on and shared by reference count: the streams that
 * use it hold it, whoever lets go last frees it, on any thread.
 */
#ifndef HEARD_DECODE_PLAN_H
#define HEARD_DECODE_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct hotwords;

enum {
	PLAN_MAX_BEAM = 512,
	PLAN_MAX_TOKENS = 256,  /* tokens that extend a hypothesis in a frame, at most */
	PLAN_COMMIT_FRAMES = 50 /* default commit delay: one second of 20 ms frames */
};

/* Zeroed: greedy decoding. */
struct decode_plan {
	atomic_uint references;

	size_t beam;         /* hypotheses; 0 or 1: greedy, which takes nothing of the rest */
	size_t tokens;       /* most probable tokens tried in a frame; 0: the default, 40 */
	float token_prune;   /* ln: less probable than the best token by more are not; 0: 9 */
	float beam_prune;    /* ln: likewise hypotheses; 0: 15 */
	size_t commit_delay; /* frames after which a token of the best hypothesis is made final
				in streaming; 0: PLAN_COMMIT_FRAMES */

	struct hotwords *hotwords; /* owned; NULL: none */
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
