/* The part of tokenizer.c that works on parsed JSON: shared with the fuzz target. */
#ifndef HEARD_WEIGHTS_TOKENIZER_JSON_H
#define HEARD_WEIGHTS_TOKENIZER_JSON_H

#include "core/weights/tokenizer.h"

#include <cjson/cJSON.h>

/* The files of one directory; all but the vocabulary may be NULL. */
struct tokenizer_files {
	const char *dir;             /* for messages */
	const cJSON *vocab;          /* vocab.json */
	const cJSON *config;         /* tokenizer_config.json */
	const cJSON *special_tokens; /* special_tokens_map.json */
	const cJSON *added_tokens;   /* added_tokens.json */
};

/* As tokenizer_load. */
int tokenizer_from_json(const struct tokenizer_files *files, const char *language,
			struct tokenizer *out);

#endif
