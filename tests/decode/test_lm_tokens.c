/* Which text and which word of a language model each CTC token is. */
#include "core/decode/lm_tokens.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a vocabulary and a model by hand ---- */

/* "#" is the blank, "?" unknown, "|" the delimiter. */
static struct vocab *make_vocab(const char *const *texts)
{
	static char delimiter[] = "|", space[] = " ";
	struct tokenizer_token tokens[32] = {0};
	struct tokenizer tokenizer = {.tokens = tokens,
				      .pad_id = 0,
				      .unk_id = -1,
				      .bos_id = -1,
				      .eos_id = -1,
				      .delimiter_id = -1,
				      .delimiter = delimiter,
				      .replace_delimiter = space};
	struct vocab *vocab;

	for (int i = 0; texts[i] != NULL; i++) {
		tokens[i].text = (char *)(uintptr_t)texts[i];
		tokens[i].special = texts[i][0] == '#' || texts[i][0] == '?';
		if (strcmp(texts[i], "|") == 0)
			tokenizer.delimiter_id = i;
		tokenizer.n_tokens++;
	}
	assert_int_equal(vocab_create(&tokenizer, -1, &vocab), 0);
	return vocab;
}

/* Unigrams only: <unk> and these words, divided by spaces. */
static struct lm *make_lm(const struct scratch *scratch, const char *words)
{
	char *copy = strdup(words), *save = NULL, path[128];
	struct lm *lm;
	int n = 1;

	assert_non_null(copy);
	snprintf(path, sizeof(path), "%s/lm.arpa", scratch->dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (const char *c = words; *c; c++)
		n += *c == ' ';
	fprintf(file, "\\data\\\nngram 1=%d\n\n\\1-grams:\n-1\t<unk>\n", n + 1);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		fprintf(file, "-1\t%s\n", word);
	fputs("\\end\\\n", file);
	fclose(file);
	free(copy);
	assert_int_equal(lm_open(path, &lm), 0);
	return lm;
}

struct pair {
	struct vocab *vocab;
	struct lm *lm;
	struct lm_tokens *tokens;
};

static struct pair pair_up(const struct scratch *scratch, const char *const *texts,
			   const char *words, enum lm_unit unit)
{
	struct pair pair = {.vocab = make_vocab(texts), .lm = make_lm(scratch, words)};

	assert_int_equal(lm_tokens_create(pair.lm, pair.vocab, NULL, 0, unit, &pair.tokens), 0);
	return pair;
}

static void part(struct pair *pair)
{
	lm_tokens_destroy(pair->tokens);
	lm_close(pair->lm);
	vocab_destroy(pair->vocab);
}

static void expect_token(const struct pair *pair, int id, enum lm_token_kind kind, const char *text,
			 const char *word)
{
	const struct lm_token *token = lm_tokens_get(pair->tokens, id);

	assert_int_equal(token->kind, kind);
	assert_string_equal(token->text, text);
	assert_int_equal(token->bytes, strlen(text));
	if (word == NULL) {
		assert_int_equal(token->id, lm_unknown(pair->lm));
	} else {
		size_t n;
		const char *listed = lm_word(pair->lm, token->id, &n);

		assert_int_equal(n, strlen(word));
		assert_memory_equal(listed, word, n);
	}
}

static const char *const letters[] = {"#", "|", "A", "B", "'", "?", NULL};

/* ---- tests ---- */

static void test_words(void **state)
{
	struct pair pair = pair_up(*state, letters, "AB BA A'B A", LM_UNIT_AUTO);

	assert_int_equal(lm_tokens_unit(pair.tokens), LM_UNIT_WORD);
	expect_token(&pair, 0, LM_TOKEN_SILENT, "", NULL);
	expect_token(&pair, 1, LM_TOKEN_SPACE, "", NULL);
	expect_token(&pair, 2, LM_TOKEN_TEXT, "A", "A");
	expect_token(&pair, 3, LM_TOKEN_TEXT, "B", NULL);
	expect_token(&pair, 4, LM_TOKEN_TEXT, "'", NULL);
	expect_token(&pair, 5, LM_TOKEN_SILENT, "", NULL);
	expect_token(&pair, 6, LM_TOKEN_SILENT, "", NULL);
	expect_token(&pair, -1, LM_TOKEN_SILENT, "", NULL);
	part(&pair);
}

/* A model in lower case for a vocabulary in upper case, and the reverse. */
static void test_cases(void **state)
{
	static const char *const small[] = {"#", "|", "\xc3\xa9", "b", NULL};
	struct pair pair = pair_up(*state, letters, "ab ba a'b AB", LM_UNIT_AUTO);

	expect_token(&pair, 2, LM_TOKEN_TEXT, "a", NULL);
	expect_token(&pair, 4, LM_TOKEN_TEXT, "'", NULL);
	part(&pair);
	pair = pair_up(*state, small, "B\xc3\x89 \xc3\x89", LM_UNIT_WORD);
	expect_token(&pair, 2, LM_TOKEN_TEXT, "\xc3\x89", "\xc3\x89");
	expect_token(&pair, 3, LM_TOKEN_TEXT, "B", NULL);
	part(&pair);
	/* Where it makes no difference nothing is changed. */
	pair = pair_up(*state, letters, "AB ab", LM_UNIT_AUTO);
	expect_token(&pair, 2, LM_TOKEN_TEXT, "A", NULL);
	part(&pair);
}

static void test_characters(void **state)
{
	static const char *const marks[] = {"|", "\xe2\x96\x81", "<space>", "_"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		char words[64];

		snprintf(words, sizeof(words), "a b %s", marks[i]);
		struct pair pair = pair_up(*state, letters, words, LM_UNIT_AUTO);
		assert_int_equal(lm_tokens_unit(pair.tokens), LM_UNIT_TOKEN);
		expect_token(&pair, 0, LM_TOKEN_SILENT, "", NULL);
		expect_token(&pair, 1, LM_TOKEN_SPACE, "", marks[i]);
		expect_token(&pair, 2, LM_TOKEN_TEXT, "a", "a");
		expect_token(&pair, 3, LM_TOKEN_TEXT, "b", "b");
		expect_token(&pair, 4, LM_TOKEN_TEXT, "'", NULL);
		part(&pair);
	}
}

#define MARK "\xe2\x96\x81"

static void test_pieces(void **state)
{
	static const char *const pieces[] = {"#", MARK, MARK "HE", "LLO", MARK "YOU" MARK, NULL};
	struct pair pair = pair_up(*state, pieces, "HELLO YOU", LM_UNIT_AUTO);

	assert_int_equal(lm_tokens_unit(pair.tokens), LM_UNIT_WORD);
	expect_token(&pair, 1, LM_TOKEN_TEXT, "", NULL);
	assert_true(lm_tokens_get(pair.tokens, 1)->begins_word);
	expect_token(&pair, 2, LM_TOKEN_TEXT, "HE", NULL);
	assert_true(lm_tokens_get(pair.tokens, 2)->begins_word);
	expect_token(&pair, 3, LM_TOKEN_TEXT, "LLO", NULL);
	assert_false(lm_tokens_get(pair.tokens, 3)->begins_word);
	expect_token(&pair, 4, LM_TOKEN_TEXT, "YOU", "YOU");
	part(&pair);

	/* A model of the pieces themselves. */
	pair = pair_up(*state, pieces, MARK "he llo", LM_UNIT_AUTO);
	assert_int_equal(lm_tokens_unit(pair.tokens), LM_UNIT_TOKEN);
	expect_token(&pair, 2, LM_TOKEN_TEXT, "he", MARK "he");
	expect_token(&pair, 3, LM_TOKEN_TEXT, "llo", "llo");
	part(&pair);
}

/* alphabet.json says what the tokens print. */
static void test_labels(void **state)
{
	static const char *const labels[] = {"", " ", "x", "y", "'", "\xe2\x81\x87"};
	struct pair pair = {.vocab = make_vocab(letters), .lm = make_lm(*state, "xy yx'")};

	assert_int_equal(
		lm_tokens_create(pair.lm, pair.vocab, labels, 6, LM_UNIT_AUTO, &pair.tokens), 0);
	expect_token(&pair, 0, LM_TOKEN_SILENT, "", NULL);
	expect_token(&pair, 1, LM_TOKEN_SPACE, "", NULL);
	expect_token(&pair, 2, LM_TOKEN_TEXT, "x", NULL);
	expect_token(&pair, 3, LM_TOKEN_TEXT, "y", NULL);
	part(&pair);
}

static void test_strangers(void **state)
{
	struct scratch *scratch = *state;
	struct vocab *vocab = make_vocab(letters);
	struct lm *lm = make_lm(scratch, "x y z");
	struct lm_tokens *tokens;

	scratch_quiet(scratch);
	assert_int_equal(lm_tokens_create(lm, vocab, NULL, 0, LM_UNIT_AUTO, &tokens), -EINVAL);
	scratch_expect(scratch, "language model", "none of the vocabulary's tokens");
	assert_null(tokens);
	lm_close(lm);
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_cases, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_characters, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_pieces, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_labels, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_strangers, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
