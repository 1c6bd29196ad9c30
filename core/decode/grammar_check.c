/*
 * What a grammar expands to is counted before anything is expanded, each rule
 * once: doubling rules 30 times over costs 30 additions here.
 */
#include "core/decode/grammar_tree.h"

#include <errno.h>

/* Of a node, with all rules put in. Counts stop at SIZE_MAX. */
struct expansion {
	size_t nodes; /* of the network: at most so many */
	size_t words; /* of the longest phrase */
	size_t depth; /* of brackets, repetitions and rules */
	bool empty;
};

static size_t add(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t multiply(size_t a, size_t b)
{
	return b > 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static const char *name_of(const struct grammar_tree *tree, const struct grammar_rule *rule)
{
	return grammar_word_text(&tree->words, rule->name);
}

static int check_node(struct grammar_tree *tree, uint32_t index, size_t depth,
		      struct expansion *out);

static int check_rule(struct grammar_tree *tree, uint32_t index, size_t line, size_t column,
		      size_t depth)
{
	struct grammar_rule *rule = &tree->rules[index];
	struct expansion body;
	int error;

	if (rule->visited)
		return 0;
	if (rule->node == GRAMMAR_NONE)
		return grammar_refuse(tree, -EINVAL, line, column, "there is no rule <%.64s>",
				      name_of(tree, rule));
	if (rule->visiting)
		return grammar_refuse(tree, -EINVAL, line, column,
				      "<%.64s> leads to itself: recursion is not possible",
				      name_of(tree, rule));
	rule->visiting = true;
	error = check_node(tree, rule->node, depth, &body);
	if (error < 0)
		return error;
	rule->visiting = false;
	rule->visited = true;
	rule->nodes = body.nodes;
	rule->depth = body.depth;
	rule->words = body.words;
	rule->empty = body.empty;
	return 0;
}

static int check_children(struct grammar_tree *tree, const struct grammar_node *node, size_t depth,
			  struct expansion *out)
{
	bool choice = node->kind == GRAMMAR_CHOICE;

	*out = (struct expansion){.nodes = 1, .empty = !choice};
	for (uint32_t child = node->child; child != GRAMMAR_NONE;
	     child = tree->nodes[child].sibling) {
		struct expansion one;
		int error = check_node(tree, child, depth, &one);

		if (error < 0)
			return error;
		out->nodes = add(out->nodes, add(one.nodes, choice ? 1 : 0));
		out->depth = one.depth > out->depth ? one.depth : out->depth;
		if (choice) {
			out->words = one.words > out->words ? one.words : out->words;
			out->empty = out->empty || one.empty;
		} else {
			out->words = add(out->words, one.words);
			out->empty = out->empty && one.empty;
		}
	}
	return 0;
}

static int check_repeat(struct grammar_tree *tree, const struct grammar_node *node, size_t depth,
			struct expansion *out)
{
	int error = check_node(tree, node->child, depth, out);

	if (error < 0)
		return error;
	/* Each copy beyond the least has a branch before it. */
	out->nodes = multiply(add(out->nodes, 1), node->most);
	out->words = multiply(out->words, node->most);
	out->empty = out->empty || node->least == 0;
	return 0;
}

static int check_reference(struct grammar_tree *tree, const struct grammar_node *node, size_t depth,
			   struct expansion *out)
{
	const struct grammar_rule *rule;
	int error = check_rule(tree, node->value, node->line, node->column, depth);

	if (error < 0)
		return error;
	rule = &tree->rules[node->value];
	*out = (struct expansion){add(rule->nodes, 2), rule->words, rule->depth, rule->empty};
	return 0;
}

/* Nodes of tree->nodes do not move here. */
static int check_node(struct grammar_tree *tree, uint32_t index, size_t depth,
		      struct expansion *out)
{
	const struct grammar_node *node = &tree->nodes[index];
	int error = 0;

	*out = (struct expansion){.nodes = 1, .words = 1};
	if (depth > GRAMMAR_MAX_DEPTH)
		return grammar_refuse(tree, -E2BIG, node->line, node->column,
				      "more than %d brackets and rules inside each other",
				      GRAMMAR_MAX_DEPTH);
	switch (node->kind) {
	case GRAMMAR_WORD:
		break;
	case GRAMMAR_SEQUENCE:
	case GRAMMAR_CHOICE:
		error = check_children(tree, node, depth, out);
		break;
	case GRAMMAR_REPEAT:
		error = check_repeat(tree, node, depth + 1, out);
		out->depth++;
		break;
	case GRAMMAR_RULE:
		error = check_reference(tree, node, depth + 1, out);
		out->depth++;
		break;
	}
	if (error == 0 && out->depth > GRAMMAR_MAX_DEPTH)
		return grammar_refuse(tree, -E2BIG, node->line, node->column,
				      "more than %d brackets and rules inside each other",
				      GRAMMAR_MAX_DEPTH);
	if (error == 0 && out->nodes > tree->limits.nodes)
		return grammar_refuse(tree, -E2BIG, node->line, node->column,
				      "expands to more than %zu words and branches",
				      tree->limits.nodes);
	if (error == 0 && out->words > GRAMMAR_MAX_PHRASE_WORDS)
		return grammar_refuse(tree, -E2BIG, node->line, node->column,
				      "allows phrases of more than %d words",
				      GRAMMAR_MAX_PHRASE_WORDS);
	return error;
}

static void find_commands(struct grammar_tree *tree)
{
	bool any_public = false;

	for (size_t i = 0; i < tree->n_rules; i++)
		any_public = any_public || tree->rules[i].is_public;
	for (size_t i = 0; i < tree->n_rules; i++) {
		struct grammar_rule *rule = &tree->rules[i];

		rule->command = rule->is_public || rule->name == GRAMMAR_NONE ||
				(!any_public && !rule->referred);
	}
}

int grammar_check(struct grammar_tree *tree)
{
	size_t nodes = 0, commands = 0;

	find_commands(tree);
	for (uint32_t i = 0; i < tree->n_rules; i++) {
		const struct grammar_rule *rule = &tree->rules[i];
		int error = check_rule(tree, i, rule->line, rule->column, 0);

		if (error < 0)
			return error;
		if (!rule->command)
			continue;
		commands++;
		nodes = add(nodes, add(rule->nodes, 2));
		if (rule->empty)
			return grammar_refuse(tree, -EINVAL, rule->line, rule->column,
					      "saying nothing at all would be this command");
		if (nodes > tree->limits.nodes)
			return grammar_refuse(
				tree, -E2BIG, rule->line, rule->column,
				"with what is above it expands to more than %zu words "
				"and branches",
				tree->limits.nodes);
	}
	/* Rules that all refer to each other were refused as recursion. */
	return commands > 0 ? 0 : grammar_refuse(tree, -EINVAL, 1, 1, "there is no command");
}
