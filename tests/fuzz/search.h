/*
 * What the targets of the searches share: a check that ends the run, and a vocabulary from text.
 */
#ifndef HEARD_TESTS_FUZZ_SEARCH_H
#define HEARD_TESTS_FUZZ_SEARCH_H

#include "core/decode/vocab.h"
#include "core/weights/tokenizer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 24 };

static inline void check(bool holds)
{
	if (!holds)
		abort();
}

/* Tokens divided by newlines, which are overwritten: id 0 is the blank, 1 the delimiter. Their
 * number decides about case and, where `clean_up` allows it, spaces. NULL where it is no
 * vocabulary; the caller destroys it. */
static inline struct vocab *read_vocab(char *text, bool clean_up)
{
	static char space[] = " ";
	struct tokenizer_token tokens[MAX_TOKENS] = {{0}};
	struct tokenizer tokenizer = {.tokens = tokens, .unk_id = -1, .replace_delimiter = space};
	struct vocab *vocab;
	char *save = NULL;

	for (char *token = strtok_r(text, "\n", &save);
	     token != NULL && tokenizer.n_tokens < MAX_TOKENS; token = strtok_r(NULL, "\n", &save))
		tokens[tokenizer.n_tokens++].text = token;
	tokenizer.pad_id = 0;
	tokenizer.delimiter_id = tokenizer.n_tokens > 1 ? 1 : -1;
	tokenizer.delimiter = tokenizer.n_tokens > 1 ? tokens[1].text : NULL;
	tokenizer.do_lower_case = tokenizer.n_tokens % 2 == 1;
	tokenizer.clean_up_spaces = clean_up && tokenizer.n_tokens % 3 == 1;
	return tokenizer.n_tokens > 0 && vocab_create(&tokenizer, 0, &vocab) == 0 ? vocab : NULL;
}

#endif
