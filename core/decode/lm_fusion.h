/*
 * Shallow fusion of a word language model, as pyctcdecode 0.5 weighs it
 * (language_model.py, class LanguageModel) and Wav2Vec2ProcessorWithLM with it:
 *
 *	word     alpha * ln 10 * (log10 p(w | h) [+ unknown_offset where w is
 *	         unknown]) + beta
 *	last     alpha * ln 10 * log10 p(</s> | h)
 *	partial  unknown_offset where no known word begins like the open word,
 *	         times characters / 6 where it has more than 6: neither alpha nor
 *	         ln 10; replaced by the word's score when it ends
 *
 * Natural logarithms, to be added to the natural log of the CTC probability.
 * Value types and const data only: any thread.
 */
#ifndef HEARD_DECODE_LM_FUSION_H
#define HEARD_DECODE_LM_FUSION_H

#include "core/decode/lm.h"

struct lm_weights {
	float alpha;          /* of the language model */
	float beta;           /* for each word (or token, with an LM of tokens) */
	float unknown_offset; /* unk_score_offset, log10 */
	bool boundary;        /* score_boundary: <s> in front, </s> at the end */
};

/* pyctcdecode's defaults: 0.5, 1.5, -10, true. */
struct lm_weights lm_weights_default(void);

void lm_fusion_begin(const struct lm *lm, const struct lm_weights *weights, struct lm_state *state);
/* Score of a finished word and the state behind it. */
float lm_fusion_word(const struct lm *lm, const struct lm_weights *weights,
		     const struct lm_state *from, uint32_t word, struct lm_state *to);
/* What the end of the text adds; 0 without boundary. */
float lm_fusion_end(const struct lm *lm, const struct lm_weights *weights,
		    const struct lm_state *from);
/* Score of the open word; 0 where nothing was pushed. */
float lm_fusion_partial(const struct lm *lm, const struct lm_weights *weights,
			const struct lm_cursor *cursor);

#endif
