/* The symbols of a grammar's text, for grammar_parse.c. */
#ifndef HEARD_DECODE_GRAMMAR_LEXER_H
#define HEARD_DECODE_GRAMMAR_LEXER_H

#include "core/decode/grammar_tree.h"

enum grammar_symbol {
	SYMBOL_END = 0,
	SYMBOL_WORD = 1,  /* text */
	SYMBOL_NAME = 2,  /* <name> or <name:slot>: text, slot */
	SYMBOL_COUNT = 3, /* {n} or {n,m}: least, most */
			  /* others are their character: ( ) [ ] | = ; */
};

struct grammar_lexer {
	const struct grammar_tree *tree; /* borrowed: where errors go */
	const char *text;                /* borrowed */
	size_t size, position;
	size_t line, column; /* of text[position] */

	/* the symbol read last */
	int symbol;
	size_t symbol_line, symbol_column;
	const char *word; /* in text */
	size_t word_size;
	const char *slot; /* NULL: none */
	size_t slot_size;
	uint32_t least, most;
	bool quoted; /* a word in quotes is no keyword */
};

void grammar_lexer_init(struct grammar_lexer *lexer, const struct grammar_tree *tree,
			const char *text, size_t size);
/* Reads the next symbol. 0 or -EINVAL (refused with its place). */
int grammar_lexer_next(struct grammar_lexer *lexer);
/* "what" for messages: the symbol as it was written; buffer of at least 48 bytes. */
const char *grammar_lexer_show(const struct grammar_lexer *lexer, char *buffer, size_t size);

#endif
