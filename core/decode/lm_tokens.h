/*
 * A language model and a CTC vocabulary brought together: each token's text as
 * the language model writes it, looked up once.
 *
 * With an LM of words a decoder pushes the tokens' text into a cursor and asks
 * for the word's id when it ends (a space, or a token that begins a word); with
 * an LM of tokens (characters) it scores lm_token.id for each new token, the
 * space included.
 *
 * Const after create, shared by all decoders of a vocabulary.
 */
#ifndef HEARD_DECODE_LM_TOKENS_H
#define HEARD_DECODE_LM_TOKENS_H

#include "core/decode/lm.h"
#include "core/decode/vocab.h"

enum lm_unit {
	LM_UNIT_AUTO,
	LM_UNIT_WORD,
	LM_UNIT_TOKEN,
};

enum lm_token_kind {
	LM_TOKEN_SILENT, /* blank and special tokens: no text, no score */
	LM_TOKEN_SPACE,  /* ends a word, has no text */
	LM_TOKEN_TEXT,
};

struct lm_token {
	enum lm_token_kind kind;
	bool begins_word; /* a sentence piece with U+2581 in front: ends the word before it */
	uint32_t id;      /* its word in an LM of tokens (lm_unknown: not listed), spaces too */
	const char *text; /* borrowed from the struct lm_tokens, terminated; "" where none */
	size_t bytes;
};

struct lm_tokens;

/* labels: what alphabet.json prints for each token id (Wav2Vec2ProcessorWithLM:
 * " " is the space, "" the blank), [n_labels], or NULL: the vocabulary's own
 * texts. Text is turned to the case that the model writes where it knows more
 * of it so. AUTO: tokens where all words of the model are tokens, single
 * characters or marks of a space, and words else. lm stays borrowed. Logs; 0,
 * -EINVAL (an LM of tokens has none of the vocabulary's tokens) or -ENOMEM. */
int lm_tokens_create(const struct lm *lm, const struct vocab *vocab, const char *const *labels,
		     size_t n_labels, enum lm_unit unit, struct lm_tokens **out);
/* NULL is allowed. */
void lm_tokens_destroy(struct lm_tokens *tokens);

/* WORD or TOKEN. */
enum lm_unit lm_tokens_unit(const struct lm_tokens *tokens);
/* Any id; outside the vocabulary a silent token. */
const struct lm_token *lm_tokens_get(const struct lm_tokens *tokens, int id);

#endif
