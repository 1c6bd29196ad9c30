/*
 * ARPA text (SRILM's ngram-format(5)) into tables of n-grams. Read as KenLM
 * reads it: fields divided by blanks or tabs, positive log-probabilities and
 * words that are no unigram refused; text before \data\ is skipped.
 */
#ifndef HEARD_DECODE_LM_ARPA_H
#define HEARD_DECODE_LM_ARPA_H

#include "core/decode/lm_grams.h"
#include "core/decode/lm_text.h"

/* Fills the zeroed *grams, which the caller finishes in any case. Logs file and
 * line once; -EINVAL, -ENOTSUP (a KenLM binary, an order above LM_MAX_ORDER),
 * -EFBIG, -ENOMEM or an errno of reading. */
int lm_arpa_read(struct lm_text *text, struct lm_grams *grams);

#endif
