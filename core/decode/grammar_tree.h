/*
 * A grammar as it was written: what grammar_parse.c reads and grammar_network.c
 * expands. Nodes, words and rules are numbered; children of a node are a list.
 */
#ifndef HEARD_DECODE_GRAMMAR_TREE_H
#define HEARD_DECODE_GRAMMAR_TREE_H

#include "core/decode/grammar.h"

#define GRAMMAR_NONE UINT32_MAX

enum grammar_kind {
	GRAMMAR_WORD,     /* value: word */
	GRAMMAR_SEQUENCE, /* of the children */
	GRAMMAR_CHOICE,   /* of the children */
	GRAMMAR_REPEAT,   /* the child, least to most times */
	GRAMMAR_RULE,     /* value: rule; slot: word that names it, or GRAMMAR_NONE */
};

struct grammar_node {
	enum grammar_kind kind;
	uint32_t child, sibling; /* first child, next child of the parent; GRAMMAR_NONE */
	uint32_t value, slot;
	uint32_t least, most;
	uint32_t line, column;
};

struct grammar_rule {
	uint32_t name;         /* word; GRAMMAR_NONE for a statement without */
	uint32_t node;         /* GRAMMAR_NONE: referred to, not (yet) defined */
	uint32_t line, column; /* of the definition, else of the first reference */
	bool is_public, referred, command;
	/* grammar_check.c */
	bool visiting, visited, empty; /* empty: nothing at all matches too */
	size_t nodes, depth, words;    /* of its expansion; words of its longest phrase */
};

/* Texts, each once; also names of rules and slots. */
struct grammar_words {
	char *strings; /* owned */
	size_t size, capacity;
	uint32_t *offsets; /* owned, [n] */
	size_t n, offsets_capacity;
	uint32_t *table; /* owned: hash table of word numbers, [table_size] */
	size_t table_size;
};

struct grammar_tree {
	struct grammar_words words;
	struct grammar_node *nodes; /* owned */
	size_t n_nodes, nodes_capacity;
	struct grammar_rule *rules; /* owned */
	size_t n_rules, rules_capacity;
	uint32_t *rule_of; /* owned, [words.n at most]: rule by its name's word */
	size_t rule_of_size;
	struct grammar_error *error;  /* borrowed */
	struct grammar_limits limits; /* on what it may become */
};

void grammar_tree_init(struct grammar_tree *tree, struct grammar_error *error);
void grammar_tree_finish(struct grammar_tree *tree);

/* Fills tree->error and returns `code`. */
int grammar_refuse(const struct grammar_tree *tree, int code, size_t line, size_t column,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

const char *grammar_word_text(const struct grammar_words *words, uint32_t word);
/* 0 or -ENOMEM. */
int grammar_words_add(struct grammar_words *words, const char *text, size_t n, uint32_t *word);
void grammar_words_finish(struct grammar_words *words);

/* Number of a new node without children, or -ENOMEM. */
int grammar_tree_node(struct grammar_tree *tree, enum grammar_kind kind, size_t line, size_t column,
		      uint32_t *node);
/* The rule of this name, made where there is none; name GRAMMAR_NONE: a new one. */
int grammar_tree_rule(struct grammar_tree *tree, uint32_t name, size_t line, size_t column,
		      uint32_t *rule);

/* grammar_parse.c: 0 or an error as grammar_compile. */
int grammar_parse(struct grammar_tree *tree, const char *text, size_t size);
int grammar_parse_phrases(struct grammar_tree *tree, const char *const *phrases, size_t n);

/* grammar_check.c: finds the commands; refuses names without a rule, recursion,
 * commands that nothing at all would match, and what expands beyond the limits. */
int grammar_check(struct grammar_tree *tree);

#endif
