/*
 * The meaning of an ARPA file, word for word, slowly: every n-gram is a line of
 * text in a list, scores follow the definition of backing off, in double. Also
 * random ARPA files to try.
 */
#ifndef HEARD_TESTS_DECODE_LM_REFERENCE_H
#define HEARD_TESTS_DECODE_LM_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

struct lm_reference;

struct lm_reference *lm_reference_read(const char *arpa);
void lm_reference_free(struct lm_reference *reference);
bool lm_reference_lists(const struct lm_reference *reference, const char *word);
/* Any listed word begins with the text; <s>, </s> and <unk> do not count. */
bool lm_reference_begins(const struct lm_reference *reference, const char *text);
/* log10 p(word | history), [n] words in reading order; of unlisted words <unk>'s. */
double lm_reference_score(const struct lm_reference *reference, const char *const *history,
			  size_t n, const char *word);

struct lm_random {
	unsigned order;
	bool whole;        /* contexts and endings are listed, as in an unpruned model */
	bool unknown, end; /* <unk> and </s> are listed */
};

/* Words that random files may list, NULL-terminated. */
extern const char *const lm_random_words[];

/* The text, owned by the caller (free). */
char *lm_random_arpa(const struct lm_random *what, unsigned *seed);

#endif
