/* A JSON list of strings, as files of phrases are. */
#ifndef HEARD_WEIGHTS_PHRASE_LIST_H
#define HEARD_WEIGHTS_PHRASE_LIST_H

#include <stddef.h>

/* Reads text, which ends with a zero. *phrases, [*n], is owned by the caller
 * (phrase_list_free). 0, -EINVAL (it is something else) or -ENOMEM. Not logged. */
int phrase_list_parse(const char *text, char ***phrases, size_t *n);
void phrase_list_free(char **phrases, size_t n);

#endif
