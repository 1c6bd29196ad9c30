#include "tests/decode/letters.h"

#include "core/weights/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct vocab *letters_vocab(const char *const *texts, size_t n, bool delimiter, bool lower)
{
	static char bar[] = "|", space[] = " ";
	size_t first = delimiter ? 2 : 1;
	struct tokenizer_token *tokens = calloc(n + first, sizeof(*tokens));
	struct tokenizer tokenizer = {.n_tokens = n + first,
				      .tokens = tokens,
				      .unk_id = -1,
				      .delimiter_id = delimiter ? 1 : -1,
				      .delimiter = bar,
				      .replace_delimiter = space,
				      .do_lower_case = lower};
	struct vocab *vocab;

	assert_non_null(tokens);
	tokens[0].text = (char *)(uintptr_t) "#";
	if (delimiter)
		tokens[1].text = bar;
	for (size_t i = 0; i < n; i++)
		tokens[first + i].text = (char *)(uintptr_t)texts[i];
	assert_int_equal(vocab_create(&tokenizer, 0, &vocab), 0);
	free(tokens);
	return vocab;
}
