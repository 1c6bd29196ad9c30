/*
 * What a hypothesis is worth beside its acoustics: hotwords and a language
 * model, token by token. Both look at the text alone, so a prefix has one such
 * score, whichever alignments lead to it.
 *
 * Natural logarithms, to be added to the acoustic one. States are plain values.
 */
#ifndef HEARD_DECODE_FUSION_H
#define HEARD_DECODE_FUSION_H

#include "core/decode/hotwords.h"
#include "core/decode/lm_fusion.h"
#include "core/decode/lm_tokens.h"
#include "core/decode/plan.h"

/* Const after init, borrowed by all states. */
struct fusion {
	const struct vocab *vocab;       /* borrowed, as the next two */
	const struct hotwords *hotwords; /* NULL: none */
	const struct lm *lm;             /* NULL: none */
	struct lm_tokens *tokens;        /* owned; with lm */
	struct lm_weights weights;
	bool spell; /* a piece's mark is a space for the hotwords */
};

struct fusion_state {
	struct lm_state lm;
	struct lm_cursor cursor; /* the open word, with an LM of words */
	uint32_t hotword;
	float lm_open;   /* for now: the open word */
	float pending;   /* for now: hotwords under way */
	double lm_sum;   /* of what is finished */
	double hotwords; /* completed */
};

/* 0, -EINVAL (the language model has nothing of the vocabulary) or -ENOMEM. */
int fusion_init(struct fusion *fusion, const struct vocab *vocab, const struct decode_plan *plan);
void fusion_finish(struct fusion *fusion);

void fusion_begin(const struct fusion *fusion, struct fusion_state *state);
/* `to` is `from` with one more token. */
void fusion_push(const struct fusion *fusion, const struct fusion_state *from, int token,
		 struct fusion_state *to);
/* `to` is `from` where the text ends: nothing is open or pending any more. */
void fusion_end(const struct fusion *fusion, const struct fusion_state *from,
		struct fusion_state *to);

static inline double fusion_lm(const struct fusion_state *state)
{
	return state->lm_sum + (double)state->lm_open;
}

static inline double fusion_hotwords(const struct fusion_state *state)
{
	return state->hotwords + (double)state->pending;
}

static inline double fusion_score(const struct fusion_state *state)
{
	return fusion_lm(state) + fusion_hotwords(state);
}

#endif
