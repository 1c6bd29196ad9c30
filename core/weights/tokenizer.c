/*
 * Which token has which id, and which tokens are special, the way
 * Wav2Vec2CTCTokenizer.from_pretrained arrives at it:
 *
 *   1. roles (bos, eos, unk, sep, pad, cls, mask): the class defaults,
 *      overridden by tokenizer_config.json, overridden by special_tokens_map.json;
 *   2. ids: vocab.json (of one language), then added_tokens.json;
 *   3. special tokens that have no id yet follow at the end, in role order.
 *
 * Newer directories keep `added_tokens_decoder` in tokenizer_config.json; the
 * last two files are then not looked at.
 *
 * Ids must be dense: a model's logit without a token, or two tokens for one
 * logit, is a damaged vocabulary.
 */
#include "core/weights/tokenizer.h"

#include "core/base/log.h"
#include "core/base/mapping.h"
#include "core/weights/config_reader.h"
#include "core/weights/json_file.h"
#include "core/weights/tokenizer_json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ROLE_BOS, ROLE_EOS, ROLE_UNK, ROLE_SEP, ROLE_PAD, ROLE_CLS, ROLE_MASK, N_ROLES };

/* Each one costs a search through the vocabulary. */
enum { MAX_ADDITIONAL = 1024, MAX_TOKENS = 1 << 24 };

static const struct {
	const char *key;
	const char *fallback;
} roles[N_ROLES] = {
	[ROLE_BOS] = {"bos_token", "<s>"},   [ROLE_EOS] = {"eos_token", "</s>"},
	[ROLE_UNK] = {"unk_token", "<unk>"}, [ROLE_SEP] = {"sep_token", NULL},
	[ROLE_PAD] = {"pad_token", "<pad>"}, [ROLE_CLS] = {"cls_token", NULL},
	[ROLE_MASK] = {"mask_token", NULL},
};

static const char vocab_name[] = "vocab.json", config_name[] = "tokenizer_config.json",
		  special_name[] = "special_tokens_map.json", added_name[] = "added_tokens.json";

/* Everything that is read before ids are given. All text is borrowed from the
 * JSON files. */
struct settings {
	const char *roles[N_ROLES]; /* NULL: the tokenizer has no such token */
	const char *additional[MAX_ADDITIONAL];
	size_t n_additional;
	const char *delimiter; /* NULL: none */
	const char *replace_delimiter;
	const char *language;
	const cJSON *added_decoder; /* NULL in the older layout */
};

static int refuse(const struct tokenizer_files *files, const char *name, const char *key,
		  const char *reason)
{
	log_error("%s/%s: '%s' %s", files->dir, name, key, reason);
	return -EINVAL;
}

/* A token as a string or as an AddedToken object with its text in `content`;
 * null gives NULL. */
static int read_token(const struct tokenizer_files *files, const char *name, const char *key,
		      const cJSON *item, const char **text)
{
	const cJSON *content =
		cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, "content") : item;

	*text = NULL;
	if (cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsString(content))
		return refuse(files, name, key,
			      "is no token: a string or an object with 'content'");
	*text = content->valuestring;
	return 0;
}

static int read_token_key(const struct tokenizer_files *files, const char *name,
			  const cJSON *object, const char *key, const char **text)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return item ? read_token(files, name, key, item, text) : 0;
}

static int read_additional(const struct tokenizer_files *files, const char *name,
			   const cJSON *object, struct settings *settings)
{
	static const char key[] = "additional_special_tokens";
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
	const cJSON *item;

	if (list == NULL || cJSON_IsNull(list))
		return 0;
	if (!cJSON_IsArray(list))
		return refuse(files, name, key, "is not a list");
	cJSON_ArrayForEach(item, list)
	{
		const char *text;
		int rc = read_token(files, name, key, item, &text);
		if (rc < 0)
			return rc;
		if (settings->n_additional == MAX_ADDITIONAL)
			return refuse(files, name, key, "has too many entries");
		if (text)
			settings->additional[settings->n_additional++] = text;
	}
	return 0;
}

static int read_special(const struct tokenizer_files *files, const char *name, const cJSON *object,
			struct settings *settings)
{
	for (size_t i = 0; i < N_ROLES; i++) {
		int rc = read_token_key(files, name, object, roles[i].key, &settings->roles[i]);
		if (rc < 0)
			return rc;
	}
	return read_additional(files, name, object, settings);
}

static int read_flags(const struct tokenizer_files *files, struct settings *settings,
		      struct tokenizer *out)
{
	/* The phoneme tokenizer joins tokens in another way. */
	static const char *const classes[] = {"Wav2Vec2CTCTokenizer", "Wav2Vec2Tokenizer", NULL};
	char *path = mapping_path(files->dir, config_name);
	struct config_reader reader = {files->config, path, 0};

	if (path == NULL)
		return -ENOMEM;
	if (config_read_item(&reader, "tokenizer_class"))
		config_read_choice(&reader, "tokenizer_class", classes, 0);
	out->do_lower_case = config_read_flag(&reader, "do_lower_case", false);
	out->clean_up_spaces = config_read_flag(&reader, "clean_up_tokenization_spaces", false);
	settings->replace_delimiter = config_read_text(&reader, "replace_word_delimiter_char", " ");
	const char *own = config_read_text(&reader, "target_lang", NULL);
	if (settings->language == NULL)
		settings->language = own;
	free(path);
	return reader.error;
}

static int read_settings(const struct tokenizer_files *files, struct settings *settings,
			 struct tokenizer *out)
{
	int rc = read_flags(files, settings, out);

	for (size_t i = 0; i < N_ROLES; i++)
		settings->roles[i] = roles[i].fallback;
	settings->delimiter = "|";
	if (rc == 0)
		rc = read_token_key(files, config_name, files->config, "word_delimiter_token",
				    &settings->delimiter);
	if (rc == 0)
		rc = read_special(files, config_name, files->config, settings);
	if (rc < 0)
		return rc;

	const cJSON *decoder =
		cJSON_GetObjectItemCaseSensitive(files->config, "added_tokens_decoder");
	if (decoder && !cJSON_IsObject(decoder))
		return refuse(files, config_name, "added_tokens_decoder", "is not an object");
	settings->added_decoder = decoder;
	if (decoder == NULL)
		rc = read_special(files, special_name, files->special_tokens, settings);
	return rc;
}

/* The vocabulary of the wanted language, or the flat one. */
static int select_vocab(const struct tokenizer_files *files, const char *language,
			const cJSON **vocab)
{
	if (!cJSON_IsObject(files->vocab) || files->vocab->child == NULL) {
		log_error("%s/%s: not a JSON object with tokens", files->dir, vocab_name);
		return -EINVAL;
	}
	bool nested = cJSON_IsObject(files->vocab->child);
	if (!nested && language) {
		log_error("%s/%s: the vocabulary is not divided by language, '%s' is asked for",
			  files->dir, vocab_name, language);
		return -ENOENT;
	}
	if (!nested) {
		*vocab = files->vocab;
		return 0;
	}
	if (language == NULL) {
		log_error("%s/%s: the vocabulary is divided by language, but no 'target_lang' "
			  "chooses one",
			  files->dir, vocab_name);
		return -EINVAL;
	}
	const cJSON *chosen = cJSON_GetObjectItemCaseSensitive(files->vocab, language);
	if (chosen == NULL) {
		log_error("%s/%s: no language '%s'", files->dir, vocab_name, language);
		return -ENOENT;
	}
	if (!cJSON_IsObject(chosen) || chosen->child == NULL)
		return refuse(files, vocab_name, language, "is not an object with tokens");
	*vocab = chosen;
	return 0;
}

/* Puts one token at its id. `room` bounds the ids: dense ones stay below the
 * number of entries of all files. */
static int place(const struct tokenizer_files *files, const char *name, const char *text, size_t id,
		 size_t room, bool added, struct tokenizer *out)
{
	if (id >= room) {
		log_error("%s/%s: token '%s' has id %zu, which leaves a hole: there are only %zu "
			  "tokens",
			  files->dir, name, text, id, room);
		return -EINVAL;
	}
	struct tokenizer_token *token = &out->tokens[id];
	if (token->text && strcmp(token->text, text) != 0) {
		log_error("%s/%s: tokens '%s' and '%s' both have id %zu", files->dir, name,
			  token->text, text, id);
		return -EINVAL;
	}
	if (token->text == NULL)
		token->text = strdup(text);
	if (token->text == NULL)
		return -ENOMEM;
	token->added |= added;
	if (id >= out->n_tokens)
		out->n_tokens = id + 1;
	return 0;
}

/* Objects {token: id}. */
static int place_by_name(const struct tokenizer_files *files, const char *name, const cJSON *map,
			 size_t room, bool added, struct tokenizer *out)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, map)
	{
		size_t id;
		if (!json_to_size(item, &id)) {
			log_error("%s/%s: token '%s' has no integer id from 0 on", files->dir, name,
				  item->string);
			return -EINVAL;
		}
		int rc = place(files, name, item->string, id, room, added, out);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Objects {"id": {"content": token}}. */
static int place_by_id(const struct tokenizer_files *files, const cJSON *map, size_t room,
		       struct tokenizer *out)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, map)
	{
		const char *text;
		char *end;
		errno = 0;
		unsigned long id = strtoul(item->string, &end, 10);
		if (item->string[0] < '0' || item->string[0] > '9' || *end != '\0' || errno)
			return refuse(files, config_name, item->string,
				      "in added_tokens_decoder is no id");
		int rc = read_token(files, config_name, item->string, item, &text);
		if (rc < 0)
			return rc;
		if (text == NULL)
			return refuse(files, config_name, item->string,
				      "in added_tokens_decoder is null");
		rc = place(files, config_name, text, id, room, true, out);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static size_t count_entries(const cJSON *object)
{
	const cJSON *item;
	size_t n = 0;

	cJSON_ArrayForEach(item, object) n++;
	return n;
}

/* Added tokens are searched first, as the reference does. -1: no such token. */
static int find_token(const struct tokenizer *tokenizer, const char *text)
{
	int found = -1;

	for (size_t i = 0; text && i < tokenizer->n_tokens; i++) {
		if (strcmp(tokenizer->tokens[i].text, text) != 0)
			continue;
		if (tokenizer->tokens[i].added)
			return (int)i;
		if (found < 0)
			found = (int)i;
	}
	return found;
}

/* Marks a special token, giving it the next id where it has none. */
static int mark_special(struct tokenizer *out, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return 0;
	int id = find_token(out, text);
	if (id < 0) {
		id = (int)out->n_tokens;
		out->tokens[id].text = strdup(text);
		if (out->tokens[id].text == NULL)
			return -ENOMEM;
		out->tokens[id].added = true;
		out->n_tokens++;
	}
	out->tokens[id].special = true;
	return 0;
}

static int place_all(const struct tokenizer_files *files, const struct settings *settings,
		     const cJSON *vocab, struct tokenizer *out)
{
	const cJSON *added =
		settings->added_decoder ? settings->added_decoder : files->added_tokens;
	size_t room = count_entries(vocab) + count_entries(added);

	if (room > MAX_TOKENS) {
		log_error("%s/%s: %zu tokens are too many", files->dir, vocab_name, room);
		return -EINVAL;
	}
	out->tokens = calloc(room + N_ROLES + settings->n_additional, sizeof(*out->tokens));
	if (out->tokens == NULL)
		return -ENOMEM;
	int rc = place_by_name(files, vocab_name, vocab, room, false, out);
	if (rc == 0)
		rc = settings->added_decoder
			     ? place_by_id(files, added, room, out)
			     : place_by_name(files, added_name, added, room, true, out);
	for (size_t i = 0; rc == 0 && i < out->n_tokens; i++) {
		if (out->tokens[i].text == NULL) {
			log_error("%s/%s: the vocabulary has a hole: no token has id %zu, the "
				  "largest id is %zu",
				  files->dir, vocab_name, i, out->n_tokens - 1);
			rc = -EINVAL;
		}
	}
	for (size_t i = 0; rc == 0 && i < N_ROLES; i++)
		rc = mark_special(out, settings->roles[i]);
	for (size_t i = 0; rc == 0 && i < settings->n_additional; i++)
		rc = mark_special(out, settings->additional[i]);
	return rc;
}

static int copy_text(const char *text, char **out)
{
	*out = text ? strdup(text) : NULL;
	return text && *out == NULL ? -ENOMEM : 0;
}

int tokenizer_from_json(const struct tokenizer_files *files, const char *language,
			struct tokenizer *out)
{
	struct settings settings = {.language = language};
	const struct {
		const char *name;
		const cJSON *object;
	} optional[] = {
		{config_name, files->config},
		{special_name, files->special_tokens},
		{added_name, files->added_tokens},
	};
	const cJSON *vocab;

	*out = (struct tokenizer){0};
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (optional[i].object && !cJSON_IsObject(optional[i].object)) {
			log_error("%s/%s: not a JSON object", files->dir, optional[i].name);
			return -EINVAL;
		}
	}
	int rc = read_settings(files, &settings, out);
	if (rc == 0)
		rc = select_vocab(files, settings.language, &vocab);
	if (rc == 0)
		rc = place_all(files, &settings, vocab, out);
	if (rc == 0)
		rc = copy_text(settings.language, &out->language);
	if (rc == 0)
		rc = copy_text(settings.delimiter, &out->delimiter);
	if (rc == 0)
		rc = copy_text(settings.replace_delimiter, &out->replace_delimiter);
	if (rc < 0) {
		tokenizer_finish(out);
		return rc;
	}
	out->pad_id = find_token(out, settings.roles[ROLE_PAD]);
	out->unk_id = find_token(out, settings.roles[ROLE_UNK]);
	out->bos_id = find_token(out, settings.roles[ROLE_BOS]);
	out->eos_id = find_token(out, settings.roles[ROLE_EOS]);
	out->delimiter_id = find_token(out, settings.delimiter);
	return 0;
}

/* Absence is fine for all files but the vocabulary. */
static int read_optional(const char *dir, const char *name, cJSON **out)
{
	int rc = json_file_read(dir, name, out);

	return rc == -ENOENT ? 0 : rc;
}

int tokenizer_load(const char *dir, const char *language, struct tokenizer *out)
{
	cJSON *vocab = NULL, *config = NULL, *special_tokens = NULL, *added_tokens = NULL;

	*out = (struct tokenizer){0};
	int rc = json_file_read(dir, vocab_name, &vocab);
	if (rc == -ENOENT)
		log_error("%s: no %s", dir, vocab_name);
	if (rc == 0)
		rc = read_optional(dir, config_name, &config);
	if (rc == 0)
		rc = read_optional(dir, special_name, &special_tokens);
	if (rc == 0)
		rc = read_optional(dir, added_name, &added_tokens);
	if (rc == 0) {
		struct tokenizer_files files = {dir, vocab, config, special_tokens, added_tokens};
		rc = tokenizer_from_json(&files, language, out);
	}
	cJSON_Delete(vocab);
	cJSON_Delete(config);
	cJSON_Delete(special_tokens);
	cJSON_Delete(added_tokens);
	return rc;
}

void tokenizer_finish(struct tokenizer *tokenizer)
{
	for (size_t i = 0; tokenizer->tokens && i < tokenizer->n_tokens; i++)
		free(tokenizer->tokens[i].text);
	free(tokenizer->tokens);
	free(tokenizer->language);
	free(tokenizer->delimiter);
	free(tokenizer->replace_delimiter);
	*tokenizer = (struct tokenizer){0};
}

int tokenizer_languages(const char *dir, char ***names)
{
	cJSON *vocab;
	const cJSON *item;
	size_t n = 0;

	*names = NULL;
	int rc = json_file_read(dir, vocab_name, &vocab);
	if (rc == -ENOENT)
		log_error("%s: no %s", dir, vocab_name);
	if (rc < 0)
		return rc;
	bool nested = cJSON_IsObject(vocab) && cJSON_IsObject(vocab->child);
	const cJSON *languages = nested ? vocab : NULL;
	char **list = calloc(count_entries(languages) + 1, sizeof(*list));
	if (list == NULL) {
		cJSON_Delete(vocab);
		return -ENOMEM;
	}
	cJSON_ArrayForEach(item, languages)
	{
		list[n] = strdup(item->string);
		if (list[n++] == NULL) {
			tokenizer_free_languages(list);
			cJSON_Delete(vocab);
			return -ENOMEM;
		}
	}
	cJSON_Delete(vocab);
	*names = list;
	return (int)n;
}

void tokenizer_free_languages(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}
