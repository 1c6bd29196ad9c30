/*
 * Which text a token is to the language model. Models of one language are
 * written in upper or in lower case by the taste of their makers, and so are
 * vocabularies: the case is chosen by which more words can be spelled.
 */
#include "core/decode/lm_tokens.h"

#include "core/base/log.h"
#include "core/base/utf8.h"
#include "core/decode/lm_image.h"
#include "core/decode/unicode.h"
#include "core/decode/vocab_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* U+2581, in front of sentence pieces that begin a word. */
#define PIECE_MARK "\xe2\x96\x81"

/* What models of characters write for a space, after the delimiter itself. */
static const char *const space_marks[] = {"|", PIECE_MARK, "<space>", "<SPACE>", "_"};

enum { N_SPACE_MARKS = sizeof(space_marks) / sizeof(space_marks[0]) };

enum letter_case { CASE_AS_IS, CASE_LOWER, CASE_UPPER, N_CASES };

/* Words looked at to choose the case, evenly spread. */
enum { SAMPLE = 20000 };

struct lm_tokens {
	enum lm_unit unit;
	size_t n;
	struct lm_token *tokens; /* owned, [n] */
	char *strings;           /* owned */
	struct lm_token outside;
};

struct builder {
	const struct lm *lm;
	const struct vocab *vocab;
	const char *const *labels; /* [n_labels] */
	size_t n_labels;
	bool pieces;       /* tokens carry the mark of a beginning word */
	uint32_t *letters; /* owned, [n_letters] sorted: code points of the tokens in some case */
	size_t n_letters;
};

static const char *raw_text(const struct builder *builder, size_t id)
{
	return id < builder->n_labels ? builder->labels[id] : builder->vocab->entries[id].printed;
}

static bool is_space(const struct builder *builder, size_t id)
{
	return id < builder->n_labels ? strcmp(builder->labels[id], " ") == 0
				      : builder->vocab->entries[id].space;
}

static enum lm_token_kind kind_of(const struct builder *builder, size_t id)
{
	const struct vocab_entry *entry = &builder->vocab->entries[id];

	if (entry->blank)
		return LM_TOKEN_SILENT;
	if (is_space(builder, id))
		return LM_TOKEN_SPACE;
	return entry->special || !entry->known || raw_text(builder, id)[0] == '\0' ? LM_TOKEN_SILENT
										   : LM_TOKEN_TEXT;
}

static bool has_mark(const char *text)
{
	return strncmp(text, PIECE_MARK, strlen(PIECE_MARK)) == 0;
}

/* The text without marks of word boundaries; *n its bytes. */
static const char *inner_text(const struct builder *builder, size_t id, size_t *n)
{
	const char *text = raw_text(builder, id);
	const size_t mark = strlen(PIECE_MARK);

	if (builder->pieces && has_mark(text))
		text += mark;
	*n = strlen(text);
	if (builder->pieces && *n >= mark && has_mark(text + *n - mark))
		*n -= mark;
	return text;
}

static int fold(uint32_t c, enum letter_case to, uint32_t out[UNICODE_MAX_EXPANSION])
{
	if (to == CASE_LOWER)
		return unicode_lower(c, out);
	if (to == CASE_UPPER)
		return unicode_upper(c, out);
	out[0] = c;
	return 1;
}

/* Writes text in a case; out has room for 4 * UNICODE_MAX_EXPANSION bytes for
 * each byte. Returns the length. */
static size_t fold_text(const char *text, size_t n, enum letter_case to, char *out)
{
	size_t position = 0, length = 0;
	uint32_t codes[UNICODE_MAX_EXPANSION];

	while (position < n) {
		int expanded = fold(unicode_next(text, n, &position), to, codes);

		for (int i = 0; i < expanded; i++) {
			char bytes[4];
			size_t width = unicode_put(bytes, codes[i]);

			memcpy(out + length, bytes, width);
			length += width;
		}
	}
	return length;
}

static int compare_codes(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void collect_letters(struct builder *builder, enum letter_case to)
{
	builder->n_letters = 0;
	for (size_t id = 0; id < builder->vocab->size; id++) {
		size_t n, position = 0;
		const char *text = inner_text(builder, id, &n);

		if (kind_of(builder, id) != LM_TOKEN_TEXT)
			continue;
		while (position < n)
			builder->n_letters += (size_t)fold(unicode_next(text, n, &position), to,
							   builder->letters + builder->n_letters);
	}
	qsort(builder->letters, builder->n_letters, sizeof(*builder->letters), compare_codes);
}

static bool is_special(const struct lm *lm, uint32_t id)
{
	return id == lm->header.unknown || id == lm->header.begin || id == lm->header.end;
}

/* Every character of the word is one of `letters`. */
static bool spells(const struct builder *builder, uint32_t id)
{
	size_t n, position = 0;
	const char *word = lm_string(&builder->lm->at, id, &n);

	while (position < n) {
		uint32_t code = unicode_next(word, n, &position);

		if (bsearch(&code, builder->letters, builder->n_letters, sizeof(code),
			    compare_codes) == NULL)
			return false;
	}
	return n > 0;
}

/* The case in which more of the model's words can be spelled, the vocabulary's
 * own where it makes no difference. *share: how many of them. */
static enum letter_case choose_case(struct builder *builder, double *share)
{
	size_t words = lm_size(builder->lm), step = 1 + words / SAMPLE, most = 0;
	enum letter_case best = CASE_AS_IS;

	*share = 0;
	for (int to = 0; to < N_CASES; to++) {
		size_t spelled = 0, seen = 0;

		collect_letters(builder, (enum letter_case)to);
		for (size_t id = 0; id < words; id += step) {
			if (is_special(builder->lm, (uint32_t)id))
				continue;
			seen++;
			spelled += spells(builder, (uint32_t)id);
		}
		if (spelled > most) {
			most = spelled;
			best = (enum letter_case)to;
			*share = (double)spelled / (double)seen;
		}
	}
	return best;
}

/* ---- units ---- */

static bool is_space_mark(const struct builder *builder, const char *word, size_t n)
{
	const char *delimiter = builder->vocab->delimiter_text;

	if (strlen(delimiter) == n && memcmp(word, delimiter, n) == 0)
		return true;
	for (int i = 0; i < N_SPACE_MARKS; i++) {
		if (strlen(space_marks[i]) == n && memcmp(word, space_marks[i], n) == 0)
			return true;
	}
	return false;
}

static bool is_one_character(const char *word, size_t n)
{
	size_t position = 0;

	if (n > 0)
		unicode_next(word, n, &position);
	return n > 0 && position == n;
}

/* Some token is the word, in any case. */
static bool is_token(const struct builder *builder, const char *word, size_t n)
{
	for (size_t id = 0; id < builder->vocab->size; id++) {
		const char *text = raw_text(builder, id);
		size_t length = strlen(text);
		char folded[256];

		/* Cases change the length of a text by no more than this. */
		if (kind_of(builder, id) != LM_TOKEN_TEXT || length > 20 || n > sizeof(folded))
			continue;
		for (int to = 0; to < N_CASES; to++) {
			if (fold_text(text, length, (enum letter_case)to, folded) == n &&
			    memcmp(folded, word, n) == 0)
				return true;
		}
	}
	return false;
}

static enum lm_unit guess_unit(const struct builder *builder)
{
	for (uint32_t id = 0; id < lm_size(builder->lm); id++) {
		size_t n;
		const char *word = lm_string(&builder->lm->at, id, &n);

		if (!is_special(builder->lm, id) && !is_one_character(word, n) &&
		    !is_space_mark(builder, word, n) && !is_token(builder, word, n))
			return LM_UNIT_WORD;
	}
	return LM_UNIT_TOKEN;
}

static uint32_t find_space(const struct builder *builder)
{
	const struct lm *lm = builder->lm;
	const char *delimiter = builder->vocab->delimiter_text;
	uint32_t id = lm_find(lm, delimiter, strlen(delimiter));

	for (int i = 0; i < N_SPACE_MARKS && id == lm_unknown(lm); i++)
		id = lm_find(lm, space_marks[i], strlen(space_marks[i]));
	return id;
}

/* ---- the tokens ---- */

static size_t strings_capacity(const struct builder *builder)
{
	size_t bytes = 0;

	for (size_t id = 0; id < builder->vocab->size; id++)
		bytes += strlen(raw_text(builder, id)) * 4 * UNICODE_MAX_EXPANSION + 1;
	return bytes;
}

/* An LM of pieces lists them with their marks. */
static uint32_t find_token(const struct builder *builder, size_t id, enum letter_case to,
			   char *room, const struct lm_token *token)
{
	const char *text = raw_text(builder, id);
	uint32_t found;

	if (token->kind == LM_TOKEN_SPACE)
		return find_space(builder);
	found = lm_find(builder->lm, room, fold_text(text, strlen(text), to, room));
	if (found == lm_unknown(builder->lm))
		found = lm_find(builder->lm, token->text, token->bytes);
	return found;
}

/* Returns the number of tokens of text that the model lists. */
static size_t fill_tokens(const struct builder *builder, enum letter_case to,
			  struct lm_tokens *tokens)
{
	char *end = tokens->strings;
	size_t listed = 0;

	for (size_t id = 0; id < tokens->n; id++) {
		struct lm_token *token = &tokens->tokens[id];
		size_t n;
		const char *text = inner_text(builder, id, &n);

		*token = (struct lm_token){.kind = kind_of(builder, id), .text = end};
		if (token->kind == LM_TOKEN_TEXT) {
			token->bytes = fold_text(text, n, to, end);
			token->begins_word = builder->pieces && has_mark(raw_text(builder, id));
		}
		end += token->bytes;
		*end++ = '\0';
		token->id = lm_unknown(builder->lm);
		if (token->kind != LM_TOKEN_SILENT)
			token->id = find_token(builder, id, to, end, token);
		listed += token->kind == LM_TOKEN_TEXT && token->id != lm_unknown(builder->lm);
	}
	return listed;
}

static int fill(struct builder *builder, enum lm_unit unit, struct lm_tokens *tokens)
{
	double share;
	enum letter_case to = choose_case(builder, &share);
	size_t listed;

	tokens->unit = unit != LM_UNIT_AUTO ? unit : guess_unit(builder);
	listed = fill_tokens(builder, to, tokens);
	if (tokens->unit == LM_UNIT_TOKEN && listed == 0) {
		log_error("the language model has none of the vocabulary's tokens");
		return -EINVAL;
	}
	if (tokens->unit == LM_UNIT_WORD && share < 0.1)
		log_warn("of the language model's words only %.1f %% can be spelled with the "
			 "vocabulary",
			 100 * share);
	return 0;
}

int lm_tokens_create(const struct lm *lm, const struct vocab *vocab, const char *const *labels,
		     size_t n_labels, enum lm_unit unit, struct lm_tokens **out)
{
	struct builder builder = {.lm = lm, .vocab = vocab, .labels = labels};
	struct lm_tokens *tokens = calloc(1, sizeof(*tokens));
	int rc = -ENOMEM;

	*out = NULL;
	if (tokens == NULL)
		return -ENOMEM;
	if (labels != NULL)
		builder.n_labels = n_labels < vocab->size ? n_labels : vocab->size;
	for (size_t id = 0; id < vocab->size && !builder.pieces; id++)
		builder.pieces = has_mark(raw_text(&builder, id)) && !is_space(&builder, id);
	tokens->n = vocab->size;
	tokens->outside = (struct lm_token){.text = "", .id = lm_unknown(lm)};
	/* Twice: behind the last text a token is folded to be looked up. */
	size_t capacity = 2 * strings_capacity(&builder) + 1;
	tokens->tokens = calloc(tokens->n + 1, sizeof(*tokens->tokens));
	tokens->strings = malloc(capacity);
	builder.letters = malloc(capacity * sizeof(*builder.letters));
	if (tokens->tokens && tokens->strings && builder.letters)
		rc = fill(&builder, unit, tokens);
	free(builder.letters);
	if (rc < 0) {
		lm_tokens_destroy(tokens);
		return rc;
	}
	*out = tokens;
	return 0;
}

void lm_tokens_destroy(struct lm_tokens *tokens)
{
	if (tokens == NULL)
		return;
	free(tokens->tokens);
	free(tokens->strings);
	free(tokens);
}

enum lm_unit lm_tokens_unit(const struct lm_tokens *tokens)
{
	return tokens->unit;
}

const struct lm_token *lm_tokens_get(const struct lm_tokens *tokens, int id)
{
	return id >= 0 && (size_t)id < tokens->n ? &tokens->tokens[id] : &tokens->outside;
}
