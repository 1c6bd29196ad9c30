/*
 * From token ids to text, as Wav2Vec2CTCTokenizer.decode does it (transformers
 * 4.48): merge repeats, drop the blank, turn the delimiter into a space, join,
 * optionally clean up. Words and characters with their frames likewise.
 */
#ifndef HEARD_DECODE_VOCAB_H
#define HEARD_DECODE_VOCAB_H

#include "core/decode/transcript.h"
#include "core/weights/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

struct vocab; /* const after create; shared by all decoders of a language */

/* Takes what it needs from *tokenizer (copies). blank < 0: pad id. 0, -ENOMEM,
 * or -EINVAL (blank is no token, or a text is not UTF-8). */
int vocab_create(const struct tokenizer *tokenizer, int blank, struct vocab **out);
/* One more owner; any thread. The last one's vocab_destroy frees it; NULL is allowed there. */
struct vocab *vocab_hold(const struct vocab *vocab);
void vocab_destroy(struct vocab *vocab);

/* Before it is shared: the confidence of a word is the logistic function of scale * l + shift,
 * where l is the logit of the mean that collapse.h describes, of at least VOCAB_LEAST_CONFIDENCE
 * and as far from 1 (Platt 1999: what a model calls 90 % is made 90 % of right words by two
 * numbers). scale is positive. 1 and 0, as at first: the mean itself. Nothing else depends on it.
 */
#define VOCAB_LEAST_CONFIDENCE 1e-4
void vocab_set_confidence(struct vocab *vocab, float scale, float shift);

int vocab_blank(const struct vocab *vocab);
int vocab_delimiter(const struct vocab *vocab); /* -1: none */
size_t vocab_size(const struct vocab *vocab);
/* Text of a token, "" outside the vocabulary is what the tokenizer prints for it (the unknown
 * token). */
const char *vocab_token(const struct vocab *vocab, int id);

struct decode_options {
	bool no_group;            /* group_tokens=False */
	bool skip_special_tokens; /* the reference's quirk included: repeats merge after removal */
	int clean_up;             /* -1: the tokenizer's own, else 0 or 1 */
};

/* Decodes ids of n frames. probabilities ([n], of each id, may be NULL) feed
 * the confidences. *out is owned by the caller: transcript_finish.
 * Returns 0 or -ENOMEM. */
int vocab_decode(const struct vocab *vocab, const int *ids, const float *probabilities, size_t n,
		 const struct decode_options *options, struct transcript *out);

/* Text to label ids as the tokenizer's __call__ does (upper case where
 * do_lower_case, spaces to the delimiter, unknown characters to unk; longest
 * token first for multi-letter vocabularies). *ids is owned (free). Returns
 * the count or -ENOMEM; *unknown (may be NULL) counts characters that became unk. */
int vocab_encode(const struct vocab *vocab, const char *text, int **ids, size_t *unknown);

#endif
