/* A grammar or list of phrases from a file, compiled for a model. */
#ifndef HEARD_CORE_GRAMMAR_FILE_H
#define HEARD_CORE_GRAMMAR_FILE_H

#include "core/decode/grammar.h"

/* A file whose name ends with .json is a list of phrases, any other the text of a
 * grammar. *out is the caller's reference. Logs file, line, column and reason and
 * returns a negative errno on failure. */
int grammar_file_compile(const char *path, const struct vocab *vocab, struct grammar **out);

#endif
