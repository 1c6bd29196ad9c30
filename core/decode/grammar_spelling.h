/*
 * How the words of a grammar are spelled with the tokens of a vocabulary: for
 * each word arcs between the places in its text, in all ways that tokens of
 * several letters allow. Const after build.
 */
#ifndef HEARD_DECODE_GRAMMAR_SPELLING_H
#define HEARD_DECODE_GRAMMAR_SPELLING_H

#include "core/decode/grammar_network.h"
#include "core/decode/vocab.h"

struct spelling_arc {
	uint16_t from, to; /* bytes of the word's text in the case that is spelled */
	int token;
};

struct spelling {
	struct spelling_arc *arcs; /* owned; of a word by `from` */
	size_t n_arcs, capacity;
	uint32_t *first;  /* owned, [words + 1]: a word's arcs; none for names only */
	uint16_t *length; /* owned, [words]: where the word ends */
};

/* Spells the words that the network uses. The first words that the vocabulary
 * cannot spell are named by the refusal, with the place of the first in the
 * tree. 0, -EINVAL or -ENOMEM. */
int spelling_build(struct spelling *spelling, const struct grammar_tree *tree,
		   const struct vocab *vocab);
void spelling_finish(struct spelling *spelling);

#endif
