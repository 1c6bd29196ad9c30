/*
 * Incremental greedy CTC search: the argmax of each frame, repeats merged,
 * blanks dropped. Committed frames extend the state for good; provisional
 * frames are decoded on top of it and forgotten.
 *
 * Stable text (design: text that no later frame can change): everything up to
 * the last token of the committed frames, but for what the tokenizer's own
 * rules may still take back: trailing white space (stripped at the end), the
 * last few characters after a space where it cleans up spaces (cleanup.h), and
 * a capital sigma whose lower case waits for the next letter. It is always a
 * prefix of the final decode, and nothing longer could be promised.
 *
 * A call costs the new frames plus the few bytes held back, not the utterance.
 */
#ifndef HEARD_DECODE_CTC_GREEDY_H
#define HEARD_DECODE_CTC_GREEDY_H

#include "core/decode/vocab.h"

struct ctc_greedy;

/* tokens: width of a row of logits (it may differ from vocab_size: ids beyond
 * print as the unknown token). max_frames bounds one utterance, committed plus
 * provisional; all memory is taken here. vocab is borrowed. 0 or -ENOMEM. */
int ctc_greedy_create(const struct vocab *vocab, size_t tokens, size_t max_frames,
		      struct ctc_greedy **out);
void ctc_greedy_destroy(struct ctc_greedy *greedy);

/* Starts a new utterance at frame 0. */
void ctc_greedy_reset(struct ctc_greedy *greedy);
/* Takes the whole state of `from`, which was created with the same arguments. */
void ctc_greedy_copy(struct ctc_greedy *greedy, const struct ctc_greedy *from);

/* logits [frames, tokens]. Appends for good and drops the provisional tail.
 * -ENOSPC past max_frames, then nothing is taken. */
int ctc_greedy_commit(struct ctc_greedy *greedy, const float *logits, size_t frames);

/* Replaces the provisional tail that follows the committed frames. Likewise. */
int ctc_greedy_provisional(struct ctc_greedy *greedy, const float *logits, size_t frames);

/* Takes committed frames from `frames` on back (none where there are fewer), and the
 * provisional tail. Costs the whole utterance; stable text may shrink. */
void ctc_greedy_truncate(struct ctc_greedy *greedy, size_t frames);

/* Text views; valid until the next commit, provisional or reset. */
const char *ctc_greedy_stable(const struct ctc_greedy *greedy);    /* grows only */
const char *ctc_greedy_committed(const struct ctc_greedy *greedy); /* decode of committed frames */
const char *ctc_greedy_text(const struct ctc_greedy *greedy);      /* committed and provisional */
size_t ctc_greedy_stable_length(const struct ctc_greedy *greedy);
/* Bytes that any of them can have, terminating zero included. */
size_t ctc_greedy_text_capacity(const struct ctc_greedy *greedy);

/* Words and characters of committed plus provisional frames with times and
 * confidences (vocab_decode says which); its text is ctc_greedy_text. Borrowed,
 * valid as above. */
const struct transcript *ctc_greedy_transcript(const struct ctc_greedy *greedy);
/* The transcript's last word may still grow: no delimiter came after it. */
bool ctc_greedy_open_word(const struct ctc_greedy *greedy);
/* How many of the transcript's words are of committed frames alone and can no
 * longer change. */
size_t ctc_greedy_finished_words(const struct ctc_greedy *greedy);

/* Frames since the last non-blank, non-delimiter token of the committed frames
 * (all of them where there was none), for the endpoint rules. */
size_t ctc_greedy_trailing_blank(const struct ctc_greedy *greedy);
size_t ctc_greedy_frames(const struct ctc_greedy *greedy); /* committed */

/* The most probable token of a row and its probability (softmax, 0..1); the
 * first of equals. NaN loses. */
int ctc_argmax(const float *logits, size_t tokens, float *probability);

#endif
