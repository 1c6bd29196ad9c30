/*
 * CTC prefix beam search: the most probable texts, each the sum over all its
 * alignments, with hotwords and a language model (Graves and Jaitly, "Towards
 * end-to-end speech recognition with recurrent neural networks", 2014, algorithm
 * 1; Hannun et al., "First-pass large vocabulary continuous speech recognition
 * using bi-directional recurrent DNNs", 2014; fusion as pyctcdecode has it).
 *
 *	score = ln sum over alignments p + language model + hotwords
 *
 * In each frame the tokens that are not much less probable than the best one
 * extend each hypothesis; of what comes out the best `beam` stay. The greedy
 * prefix stays too, however bad, so the best score is never below that of greedy
 * decoding. Tokens of the same text are one token. Equal scores keep the order
 * in which they came up, so the same frames give the same result, however they
 * are split.
 *
 * Times and confidences are those of the best alignment of a hypothesis (Viterbi):
 * the frames of a token and the mean of its probabilities there.
 *
 * Stable text is what all hypotheses share. When a token of the best one ended
 * more than the commit delay ago, those that contradict it are given up: so
 * stable text always advances, and what is kept of the past is bounded. (That is
 * the one way to lose the greedy prefix: its place is taken by the best one, from
 * which the greedy choice goes on.) Memory is bounded too: where hypotheses have
 * so little in common that the pool runs out, the worse half is given up.
 */
#ifndef HEARD_DECODE_CTC_BEAM_H
#define HEARD_DECODE_CTC_BEAM_H

#include "core/decode/decoder.h"

struct ctc_beam;

/* plan->beam is at least 2; plan is borrowed. 0, -EINVAL (a value of the plan is
 * out of range; the language model does not fit) or -ENOMEM. The rest as in
 * decoder.h. */
int ctc_beam_create(const struct decoder_params *params, const struct decode_plan *plan,
		    struct ctc_beam **out);
void ctc_beam_destroy(struct ctc_beam *beam);
void ctc_beam_reset(struct ctc_beam *beam);
void ctc_beam_copy(struct ctc_beam *beam, const struct ctc_beam *from);
int ctc_beam_commit(struct ctc_beam *beam, const float *logits, size_t frames);
int ctc_beam_provisional(struct ctc_beam *beam, const float *logits, size_t frames);
void ctc_beam_finish(struct ctc_beam *beam);
void ctc_beam_truncate(struct ctc_beam *beam, size_t frames);

const char *ctc_beam_stable(const struct ctc_beam *beam);
size_t ctc_beam_stable_length(const struct ctc_beam *beam);
size_t ctc_beam_text_capacity(const struct ctc_beam *beam);
/* Made when asked for, from the best hypothesis of all frames so far. */
const struct transcript *ctc_beam_transcript(const struct ctc_beam *beam);
bool ctc_beam_open_word(const struct ctc_beam *beam);
size_t ctc_beam_trailing_blank(const struct ctc_beam *beam);
size_t ctc_beam_frames(const struct ctc_beam *beam);
size_t ctc_beam_hypotheses(const struct ctc_beam *beam);
/* rank < ctc_beam_hypotheses. */
void ctc_beam_score(const struct ctc_beam *beam, size_t rank, struct decoder_score *score);
/* rank < ctc_beam_hypotheses; as decoder_hypothesis_text. */
const char *ctc_beam_hypothesis_text(const struct ctc_beam *beam, size_t rank);
/* As decoder_hypothesis. */
int ctc_beam_hypothesis(const struct ctc_beam *beam, size_t rank, struct transcript *out);

#endif
