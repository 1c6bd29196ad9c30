#include "core/decode/grammar_spelling.h"

#include "core/decode/spelling.h"
#include "core/decode/vocab_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_FORM = GRAMMAR_MAX_WORD_BYTES * 4, /* bytes of a word in another case */
	MAX_NAMED = 8,                         /* words that a refusal names */
};

void spelling_finish(struct spelling *spelling)
{
	free(spelling->arcs);
	free(spelling->first);
	free(spelling->length);
	*spelling = (struct spelling){0};
}

static int spelling_arc(struct spelling *spelling, size_t from, size_t to, int token)
{
	if (spelling->n_arcs == spelling->capacity) {
		size_t capacity = spelling->capacity * 2 + 256;
		struct spelling_arc *arcs = realloc(spelling->arcs, capacity * sizeof(*arcs));

		if (arcs == NULL)
			return -ENOMEM;
		spelling->arcs = arcs;
		spelling->capacity = capacity;
	}
	spelling->arcs[spelling->n_arcs++] =
		(struct spelling_arc){(uint16_t)from, (uint16_t)to, token};
	return 0;
}

static int arcs_from(struct spelling *spelling, const struct vocab *vocab, const char *form,
		     size_t n, size_t from, bool *reached)
{
	size_t longest = n - from < vocab->longest_token ? n - from : vocab->longest_token;

	for (size_t length = 1; length <= longest; length++) {
		int token = vocab_find(vocab, form + from, length);

		if (!spelling_token(vocab, token))
			continue;
		if (spelling_arc(spelling, from, from + length, token) < 0)
			return -ENOMEM;
		reached[from + length] = true;
	}
	return 0;
}

/* Removes arcs that lead nowhere. */
static void prune_arcs(struct spelling *spelling, size_t first, size_t n)
{
	bool leads[MAX_FORM + 1] = {false};
	size_t kept = first;

	leads[n] = true;
	for (size_t i = spelling->n_arcs; i > first; i--) {
		if (leads[spelling->arcs[i - 1].to])
			leads[spelling->arcs[i - 1].from] = true;
	}
	for (size_t i = first; i < spelling->n_arcs; i++) {
		if (leads[spelling->arcs[i].to])
			spelling->arcs[kept++] = spelling->arcs[i];
	}
	spelling->n_arcs = kept;
}

/* 1: spelled, 0: cannot be. */
static int spell_form(struct spelling *spelling, const struct vocab *vocab, const char *form,
		      size_t n)
{
	bool reached[MAX_FORM + 1] = {true};
	size_t first = spelling->n_arcs;

	for (size_t from = 0; from < n; from++) {
		if (reached[from] && arcs_from(spelling, vocab, form, n, from, reached) < 0)
			return -ENOMEM;
	}
	if (n > 0 && reached[n]) {
		prune_arcs(spelling, first, n);
		return 1;
	}
	spelling->n_arcs = first;
	return 0;
}

static int spell_word(struct spelling *spelling, const struct vocab *vocab, const char *word,
		      uint16_t *length)
{
	const enum spelling_case *order = spelling_order(vocab);
	int spelled = 0;

	for (size_t i = 0; i < SPELLING_CASES && spelled == 0; i++) {
		char form[MAX_FORM];
		size_t n = spelling_form(word, strlen(word), order[i], form, sizeof(form));

		spelled = spell_form(spelling, vocab, form, n);
		*length = (uint16_t)n;
	}
	return spelled;
}

/* The words that nodes of the tree hold, by number; names of rules are none. */
static bool *words_used(const struct grammar_tree *tree)
{
	bool *used = calloc(tree->words.n + 1, sizeof(*used));

	for (size_t i = 0; used != NULL && i < tree->n_nodes; i++) {
		if (tree->nodes[i].kind == GRAMMAR_WORD)
			used[tree->nodes[i].value] = true;
	}
	return used;
}

static int refuse_words(const struct grammar_tree *tree, const uint32_t *words, size_t n)
{
	char list[160] = "";
	size_t named = n < MAX_NAMED ? n : MAX_NAMED, size = 0;
	size_t line = 0, column = 0;

	for (size_t i = 0; i < named; i++) {
		const char *text = grammar_word_text(&tree->words, words[i]);
		size_t length = strlen(text);

		if (size + length + 8 > sizeof(list)) {
			named = i;
			break;
		}
		size += (size_t)snprintf(list + size, sizeof(list) - size, "%s%s",
					 i > 0 ? ", " : "", text);
	}
	for (size_t i = 0; i < tree->n_nodes && line == 0; i++) {
		if (tree->nodes[i].kind == GRAMMAR_WORD && tree->nodes[i].value == words[0]) {
			line = tree->nodes[i].line;
			column = tree->nodes[i].column;
		}
	}
	return grammar_refuse(tree, -EINVAL, line, column, "the vocabulary cannot spell: %s%s",
			      list, n > named ? ", ..." : "");
}

int spelling_build(struct spelling *spelling, const struct grammar_tree *tree,
		   const struct vocab *vocab)
{
	bool *used = words_used(tree);
	uint32_t bad[MAX_NAMED];
	size_t words = tree->words.n, n_bad = 0;
	int spelled = 0;

	*spelling = (struct spelling){0};
	spelling->first = calloc(words + 1, sizeof(*spelling->first));
	spelling->length = calloc(words + 1, sizeof(*spelling->length));
	if (used == NULL || spelling->first == NULL || spelling->length == NULL)
		spelled = -ENOMEM;
	for (uint32_t i = 0; i < words && spelled >= 0; i++) {
		spelling->first[i] = (uint32_t)spelling->n_arcs;
		if (!used[i])
			continue;
		spelled = spell_word(spelling, vocab, grammar_word_text(&tree->words, i),
				     &spelling->length[i]);
		if (spelled == 0 && n_bad++ < MAX_NAMED)
			bad[n_bad - 1] = i;
	}
	free(used);
	if (spelled >= 0)
		spelling->first[words] = (uint32_t)spelling->n_arcs;
	if (spelled >= 0 && n_bad > 0)
		spelled = refuse_words(tree, bad, n_bad);
	if (spelled < 0) {
		spelling_finish(spelling);
		return spelled;
	}
	return 0;
}
