/*
 * A search over the logits of one utterance, as the recognizer sees it: greedy
 * or beam, as the plan says. Committed frames extend it for good; provisional
 * frames are decoded on top of it and forgotten. Any split of the frames into
 * calls gives the same.
 *
 * A grammar is no decoder: its search listens to the same logits and tells of
 * commands, while the decoder beside it gives the free text.
 *
 * One thread. Nothing allocates after decoder_create but decoder_hypothesis.
 */
#ifndef HEARD_DECODE_DECODER_H
#define HEARD_DECODE_DECODER_H

#include "core/decode/plan.h"
#include "core/decode/vocab.h"

struct decoder;

struct decoder_params {
	const struct vocab *vocab; /* borrowed */
	size_t tokens;             /* width of a row of logits */
	size_t max_frames;         /* of one utterance, committed plus provisional */
	/* Stable text is wanted: the plan's commit delay holds. Else (an offline
	 * pass) only the end decides. */
	bool streaming;
};

/* plan (NULL: greedy) is held until destroyed. 0, -EINVAL or -ENOMEM. */
int decoder_create(const struct decoder_params *params, struct decode_plan *plan,
		   struct decoder **out);
void decoder_destroy(struct decoder *decoder);

/* Starts a new utterance at frame 0. */
void decoder_reset(struct decoder *decoder);
/* Takes the whole state of `from`, which was created with the same arguments. */
void decoder_copy(struct decoder *decoder, const struct decoder *from);

/* logits [frames, tokens]. Appends for good and drops the provisional tail.
 * -ENOSPC past max_frames, then nothing is taken. */
int decoder_commit(struct decoder *decoder, const float *logits, size_t frames);
/* Replaces the provisional tail that follows the committed frames. Likewise. */
int decoder_provisional(struct decoder *decoder, const float *logits, size_t frames);
/* The utterance ends behind the committed frames: unfinished hotwords are taken
 * back, the language model scores the last word and the end. Text and transcript
 * are those of the best hypothesis then. Next: reset, truncate or copy. */
void decoder_finish(struct decoder *decoder);
/* Takes committed frames from `frames` on back (none where there are fewer), and
 * the provisional tail. Stable text may shrink. A beam keeps its best hypothesis
 * alone, without the tokens that begin at or behind `frames`. */
void decoder_truncate(struct decoder *decoder, size_t frames);

/* Text views; valid until the next call that changes the decoder. */
const char *decoder_stable(const struct decoder *decoder); /* no later frame changes it */
const char *decoder_text(const struct decoder *decoder);   /* committed and provisional */
size_t decoder_stable_length(const struct decoder *decoder);
/* Bytes that any of them can have, terminating zero included. */
size_t decoder_text_capacity(const struct decoder *decoder);

/* Words and characters of committed plus provisional frames with times and
 * confidences; its text is decoder_text. Borrowed, valid as above. */
const struct transcript *decoder_transcript(const struct decoder *decoder);
/* The transcript's last word may still grow: no delimiter came after it. */
bool decoder_open_word(const struct decoder *decoder);

/* Frames since the last non-blank, non-delimiter token of the committed frames
 * (all of them where there was none), for the endpoint rules. */
size_t decoder_trailing_blank(const struct decoder *decoder);
size_t decoder_frames(const struct decoder *decoder); /* committed */

/* Natural logarithms; total is the sum of the rest. */
struct decoder_score {
	double total;
	double acoustic; /* all alignments that the search kept */
	double lm;       /* weighted, word bonus included */
	double hotwords;
};

/* How many hypotheses there are; greedy decoding has one, without a score. */
size_t decoder_hypotheses(const struct decoder *decoder);
/* The hypothesis of this rank, 0 the best, of all frames so far (behind decoder_finish, of the
 * whole utterance). score may be NULL. *out is owned by the caller (transcript_finish). 0,
 * -ENOENT past the last one, -ENOTSUP (greedy) or -ENOMEM. */
int decoder_hypothesis(const struct decoder *decoder, size_t rank, struct transcript *out,
		       struct decoder_score *score);
/* Its text without memory for it: borrowed, valid until the next call of any kind. What
 * decoder_transcript gave holds again once that was asked for again. NULL past the last one. */
const char *decoder_hypothesis_text(const struct decoder *decoder, size_t rank,
				    struct decoder_score *score);

#endif
