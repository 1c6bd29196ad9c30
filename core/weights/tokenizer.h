/*
 * vocab.json, tokenizer_config.json, special_tokens_map.json and
 * added_tokens.json as plain values: what Wav2Vec2CTCTokenizer knows after
 * from_pretrained (transformers 4.48).
 */
#ifndef HEARD_WEIGHTS_TOKENIZER_H
#define HEARD_WEIGHTS_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

struct tokenizer_token {
	char *text;   /* owned UTF-8, never NULL: a vocabulary with holes is refused */
	bool special; /* pad, bos, eos, unk, additional special or added as special */
	bool added;   /* from added_tokens.json or a special token outside vocab.json */
};

struct tokenizer {
	char *language; /* owned; target_lang of a nested vocabulary, else NULL */
	size_t n_tokens;
	struct tokenizer_token *tokens; /* owned, [n_tokens], index = id */
	int pad_id;                     /* blank; -1 where absent, likewise below */
	int unk_id;
	int bos_id;
	int eos_id;
	int delimiter_id;
	char *delimiter;         /* owned: word_delimiter_token, "|" by default; NULL: none */
	char *replace_delimiter; /* owned: replace_word_delimiter_char, " " by default */
	bool do_lower_case;
	bool clean_up_spaces; /* clean_up_tokenization_spaces */
};

/* Reads the tokenizer of `dir` for `language` (NULL: the directory's own
 * target_lang). Logs file and key once; returns -ENOENT (no vocab.json, or no
 * such language), -EINVAL, -ENOTSUP (another class of tokenizer) or -ENOMEM;
 * *out is then zeroed. */
int tokenizer_load(const char *dir, const char *language, struct tokenizer *out);
void tokenizer_finish(struct tokenizer *tokenizer);

/* Languages of a nested vocab.json, for lists and messages. *names is a
 * NULL-terminated owned array (free with tokenizer_free_languages); an
 * unnested vocabulary gives an empty one. Returns the count or negative errno. */
int tokenizer_languages(const char *dir, char ***names);
void tokenizer_free_languages(char **names);

#endif
