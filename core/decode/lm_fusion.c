#include "core/decode/lm_fusion.h"

/* ln 10. */
#define LOG_BASE_CHANGE 2.302585092994046F

/* pyctcdecode's AVG_TOKEN_LEN: longer words are less credible. */
enum { AVERAGE_WORD = 6 };

struct lm_weights lm_weights_default(void)
{
	return (struct lm_weights){
		.alpha = 0.5F, .beta = 1.5F, .unknown_offset = -10.0F, .boundary = true};
}

void lm_fusion_begin(const struct lm *lm, const struct lm_weights *weights, struct lm_state *state)
{
	lm_begin(lm, weights->boundary, state);
}

float lm_fusion_word(const struct lm *lm, const struct lm_weights *weights,
		     const struct lm_state *from, uint32_t word, struct lm_state *to)
{
	float score = lm_score(lm, from, word, to);

	if (!lm_known(lm, word))
		score += weights->unknown_offset;
	return weights->alpha * score * LOG_BASE_CHANGE + weights->beta;
}

float lm_fusion_end(const struct lm *lm, const struct lm_weights *weights,
		    const struct lm_state *from)
{
	return weights->boundary ? weights->alpha * lm_end(lm, from) * LOG_BASE_CHANGE : 0;
}

float lm_fusion_partial(const struct lm *lm, const struct lm_weights *weights,
			const struct lm_cursor *cursor)
{
	if (cursor->bytes == 0 || lm_cursor_known(lm, cursor))
		return 0;
	if (cursor->characters <= AVERAGE_WORD)
		return weights->unknown_offset;
	return weights->unknown_offset * (float)cursor->characters / AVERAGE_WORD;
}
