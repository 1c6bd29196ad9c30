/* vocab.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json
 * and the wanted language, divided by 0xff; an empty piece is a missing file. */
#include "core/weights/json_file.h"
#include "core/weights/tokenizer_json.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"

#include <stdlib.h>

static void check(const struct tokenizer *tokenizer)
{
	const int ids[] = {tokenizer->pad_id, tokenizer->unk_id, tokenizer->bos_id,
			   tokenizer->eos_id, tokenizer->delimiter_id};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (ids[i] < -1 || ids[i] >= (int)tokenizer->n_tokens)
			abort();
	}
	for (size_t i = 0; i < tokenizer->n_tokens; i++) {
		if (tokenizer->tokens[i].text == NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { FILES = 4 };
	struct piece pieces[FILES + 1];
	cJSON *json[FILES] = {NULL};
	struct tokenizer tokenizer;
	char *language = NULL;
	int rc = 0;

	quiet_log();
	pieces_split(data, size, pieces, FILES + 1);
	for (size_t i = 0; i < FILES && rc == 0; i++) {
		if (pieces[i].size > 0)
			rc = json_parse(pieces[i].text, pieces[i].size, "fuzz", &json[i]);
	}
	if (pieces[FILES].size > 0)
		language = strndup(pieces[FILES].text, pieces[FILES].size);
	struct tokenizer_files files = {"fuzz", json[0], json[1], json[2], json[3]};
	if (rc == 0 && json[0] && tokenizer_from_json(&files, language, &tokenizer) == 0) {
		check(&tokenizer);
		tokenizer_finish(&tokenizer);
	}
	free(language);
	for (size_t i = 0; i < FILES; i++)
		cJSON_Delete(json[i]);
	return 0;
}
