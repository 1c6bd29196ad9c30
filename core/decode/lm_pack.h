/*
 * ARPA to the packed form of lm_image.h, in memory: what `heard-model lm-pack`
 * writes to a file and lm_open does with a text.
 */
#ifndef HEARD_DECODE_LM_PACK_H
#define HEARD_DECODE_LM_PACK_H

#include "core/base/arena.h"
#include "core/decode/lm.h"

struct lm_text;

struct lm_packed {
	struct arena memory; /* owned; holds data */
	unsigned char *data;
	size_t size; /* bytes of the image: the packed file */
	unsigned order;
	uint32_t counts[LM_MAX_ORDER]; /* n-grams of each order, 1 first */
	uint32_t added;                /* of them: contexts and endings the file left out */
};

/* Reads and packs the ARPA text, plain or gzip. Takes some 1.5 times the
 * size of a plain text in memory meanwhile. Logs; 0 or a negative errno, *out
 * is then zeroed. */
int lm_pack(const char *path, struct lm_packed *out);
/* The same of an open text, which it closes. */
int lm_pack_text(struct lm_text *text, struct lm_packed *out);
/* Accepts a zeroed struct. */
void lm_packed_finish(struct lm_packed *packed);

#endif
