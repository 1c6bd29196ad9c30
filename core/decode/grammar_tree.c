#include "core/decode/grammar_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void grammar_tree_init(struct grammar_tree *tree, struct grammar_error *error)
{
	*tree = (struct grammar_tree){
		.error = error,
		.limits = {GRAMMAR_MAX_NODES, GRAMMAR_MAX_STATES, GRAMMAR_MAX_WORK},
	};
	*error = (struct grammar_error){0};
}

void grammar_tree_finish(struct grammar_tree *tree)
{
	grammar_words_finish(&tree->words);
	free(tree->nodes);
	free(tree->rules);
	free(tree->rule_of);
	tree->nodes = NULL;
	tree->rules = NULL;
	tree->rule_of = NULL;
}

int grammar_refuse(const struct grammar_tree *tree, int code, size_t line, size_t column,
		   const char *format, ...)
{
	va_list arguments;

	tree->error->line = line;
	tree->error->column = column;
	va_start(arguments, format);
	vsnprintf(tree->error->message, sizeof(tree->error->message), format, arguments);
	va_end(arguments);
	return code;
}

/* ---- words ---- */

void grammar_words_finish(struct grammar_words *words)
{
	free(words->strings);
	free(words->offsets);
	free(words->table);
	*words = (struct grammar_words){0};
}

const char *grammar_word_text(const struct grammar_words *words, uint32_t word)
{
	return words->strings + words->offsets[word];
}

/* FNV-1a. */
static uint32_t hash_text(const char *text, size_t n)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619U;
	return hash;
}

/* Where the word is in the table, or where it belongs. */
static size_t word_place(const struct grammar_words *words, const char *text, size_t n)
{
	size_t mask = words->table_size - 1, at = hash_text(text, n) & mask;

	while (words->table[at] != GRAMMAR_NONE) {
		const char *known = grammar_word_text(words, words->table[at]);

		if (strncmp(known, text, n) == 0 && known[n] == '\0')
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static int words_grow_table(struct grammar_words *words)
{
	size_t size = words->table_size > 0 ? words->table_size * 2 : 64;
	uint32_t *table = malloc(size * sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	memset(table, 0xff, size * sizeof(*table)); /* GRAMMAR_NONE */
	free(words->table);
	words->table = table;
	words->table_size = size;
	for (uint32_t i = 0; i < words->n; i++) {
		const char *text = grammar_word_text(words, i);

		table[word_place(words, text, strlen(text))] = i;
	}
	return 0;
}

/* Grows *array of elements of `size` bytes to hold one more than n. */
static int array_grow(void *array, size_t size, size_t n, size_t *capacity, size_t more)
{
	void *old, *larger;
	size_t wanted = *capacity;

	if (n + more <= *capacity)
		return 0;
	while (wanted < n + more)
		wanted = wanted * 2 + 64;
	memcpy(&old, array, sizeof(old));
	larger = realloc(old, wanted * size);
	if (larger == NULL)
		return -ENOMEM;
	memcpy(array, &larger, sizeof(larger));
	*capacity = wanted;
	return 0;
}

int grammar_words_add(struct grammar_words *words, const char *text, size_t n, uint32_t *word)
{
	size_t place;

	if ((words->n + 1) * 2 > words->table_size && words_grow_table(words) < 0)
		return -ENOMEM;
	place = word_place(words, text, n);
	if (words->table[place] == GRAMMAR_NONE) {
		if (array_grow(&words->strings, 1, words->size, &words->capacity, n + 1) < 0 ||
		    array_grow(&words->offsets, sizeof(*words->offsets), words->n,
			       &words->offsets_capacity, 1) < 0)
			return -ENOMEM;
		memcpy(words->strings + words->size, text, n);
		words->strings[words->size + n] = '\0';
		words->offsets[words->n] = (uint32_t)words->size;
		words->size += n + 1;
		words->table[place] = (uint32_t)words->n++;
	}
	*word = words->table[place];
	return 0;
}

/* ---- nodes and rules ---- */

int grammar_tree_node(struct grammar_tree *tree, enum grammar_kind kind, size_t line, size_t column,
		      uint32_t *node)
{
	if (array_grow(&tree->nodes, sizeof(*tree->nodes), tree->n_nodes, &tree->nodes_capacity,
		       1) < 0)
		return -ENOMEM;
	tree->nodes[tree->n_nodes] = (struct grammar_node){
		.kind = kind,
		.child = GRAMMAR_NONE,
		.sibling = GRAMMAR_NONE,
		.value = GRAMMAR_NONE,
		.slot = GRAMMAR_NONE,
		.line = (uint32_t)line,
		.column = (uint32_t)column,
	};
	*node = (uint32_t)tree->n_nodes++;
	return 0;
}

static int rule_of_word(struct grammar_tree *tree, uint32_t name)
{
	size_t known = tree->rule_of_size;

	if (name < known)
		return 0;
	if (array_grow(&tree->rule_of, sizeof(*tree->rule_of), known, &tree->rule_of_size,
		       name + 1 - known) < 0)
		return -ENOMEM;
	memset(tree->rule_of + known, 0xff, (tree->rule_of_size - known) * sizeof(*tree->rule_of));
	return 0;
}

int grammar_tree_rule(struct grammar_tree *tree, uint32_t name, size_t line, size_t column,
		      uint32_t *rule)
{
	if (name != GRAMMAR_NONE) {
		if (rule_of_word(tree, name) < 0)
			return -ENOMEM;
		*rule = tree->rule_of[name];
		if (*rule != GRAMMAR_NONE)
			return 0;
	}
	if (tree->n_rules >= GRAMMAR_MAX_RULES)
		return grammar_refuse(tree, -E2BIG, line, column, "more than %d statements",
				      GRAMMAR_MAX_RULES);
	if (array_grow(&tree->rules, sizeof(*tree->rules), tree->n_rules, &tree->rules_capacity,
		       1) < 0)
		return -ENOMEM;
	tree->rules[tree->n_rules] = (struct grammar_rule){
		.name = name,
		.node = GRAMMAR_NONE,
		.line = (uint32_t)line,
		.column = (uint32_t)column,
	};
	*rule = (uint32_t)tree->n_rules++;
	if (name != GRAMMAR_NONE)
		tree->rule_of[name] = *rule;
	return 0;
}
