/* Vocabularies of a few tokens for tests of searches. */
#ifndef HEARD_TESTS_DECODE_LETTERS_H
#define HEARD_TESTS_DECODE_LETTERS_H

#include "core/decode/vocab.h"

#include <stdbool.h>
#include <stddef.h>

/* Token 0 is the blank, token 1 the delimiter where there is one, then `texts`,
 * [n]. Owned by the caller. */
struct vocab *letters_vocab(const char *const *texts, size_t n, bool delimiter, bool lower);

#endif
