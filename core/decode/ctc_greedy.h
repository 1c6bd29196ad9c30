/*
 * Incremental greedy CTC search: the argmax of each frame, repeats merged,
 * blanks dropped. Committed frames extend the state for good; provisional
 * frames are decoded on top of it and forgotten.
 *
 * Stable text (design: text that no later frame can change): everything up to
 * the last token of the committed frames, trailing delimiters held back, and
 * one more token where the tokenizer cleans up spaces around punctuation.
 */
#ifndef HEARD_DECODE_CTC_GREEDY_H
#define HEARD_DECODE_CTC_GREEDY_H

#include "core/decode/vocab.h"

struct ctc_greedy;

/* max_frames bounds one utterance; all memory is taken here. 0 or -ENOMEM. */
int ctc_greedy_create(const struct vocab *vocab, size_t max_frames, struct ctc_greedy **out);
void ctc_greedy_destroy(struct ctc_greedy *greedy);

/* Starts a new utterance at frame 0. */
void ctc_greedy_reset(struct ctc_greedy *greedy);

/* logits [frames, tokens]. Appends for good. -ENOSPC past max_frames. */
int ctc_greedy_commit(struct ctc_greedy *greedy, const float *logits, size_t frames);

/* Replaces the provisional tail that follows the committed frames. */
int ctc_greedy_provisional(struct ctc_greedy *greedy, const float *logits, size_t frames);

/* Text views; valid until the next call on this object. */
const char *ctc_greedy_stable(struct ctc_greedy *greedy); /* prefix of ..._committed, grows only */
const char *ctc_greedy_committed(struct ctc_greedy *greedy); /* decode of all committed frames */
const char *ctc_greedy_text(struct ctc_greedy *greedy);      /* committed and provisional */

/* Words and characters of committed plus provisional frames; the last word is
 * open while a later frame may extend it. Borrowed, valid until the next call. */
const struct transcript *ctc_greedy_transcript(struct ctc_greedy *greedy);

/* Frames since the last non-blank, non-delimiter token of the committed frames
 * (all of them where there was none), for the endpoint rules. */
size_t ctc_greedy_trailing_blank(const struct ctc_greedy *greedy);
size_t ctc_greedy_frames(const struct ctc_greedy *greedy); /* committed */

#endif
