/* Built from the end: each piece is told what follows it. The recursion is
 * as deep as grammar_check allows brackets, rules and words to be. */
#include "core/decode/grammar_network.h"

#include <errno.h>
#include <stdlib.h>

struct builder {
	struct network *network;
	const struct grammar_tree *tree;
	int error;
};

void network_finish(struct network *network)
{
	free(network->nodes);
	network->nodes = NULL;
}

/* After an error it returns nodes that are there, so that building can go on to its end. */
static uint32_t add(struct builder *builder, enum network_kind kind, uint32_t next, uint32_t value)
{
	struct network *network = builder->network;

	if (builder->error < 0)
		return 0;
	if (network->n == network->capacity) {
		size_t capacity = network->capacity * 2 + 64;
		struct network_node *nodes =
			realloc(network->nodes, capacity * sizeof(*network->nodes));

		if (nodes == NULL) {
			builder->error = -ENOMEM;
			return 0;
		}
		network->nodes = nodes;
		network->capacity = capacity;
	}
	network->nodes[network->n] = (struct network_node){kind, next, value};
	return (uint32_t)network->n++;
}

static uint32_t build(struct builder *builder, uint32_t index, uint32_t next);

static uint32_t build_sequence(struct builder *builder, uint32_t child, uint32_t next)
{
	if (child == GRAMMAR_NONE)
		return next;
	next = build_sequence(builder, builder->tree->nodes[child].sibling, next);
	return build(builder, child, next);
}

/* Appends a branch to a chain of forks that begins at *first; *last is its end. */
static void chain(struct builder *builder, uint32_t branch, bool more, uint32_t *first,
		  uint32_t *last)
{
	uint32_t link = more ? add(builder, NETWORK_FORK, branch, GRAMMAR_NONE) : branch;

	if (builder->error < 0)
		return;
	if (*last == GRAMMAR_NONE)
		*first = link;
	else
		builder->network->nodes[*last].value = link;
	*last = link;
}

static uint32_t build_choice(struct builder *builder, uint32_t child, uint32_t next)
{
	const struct grammar_node *nodes = builder->tree->nodes;
	uint32_t first = 0, last = GRAMMAR_NONE;

	for (; child != GRAMMAR_NONE && builder->error == 0; child = nodes[child].sibling)
		chain(builder, build(builder, child, next), nodes[child].sibling != GRAMMAR_NONE,
		      &first, &last);
	return first;
}

/* x{1,3} is x [x [x]]. */
static uint32_t build_repeat(struct builder *builder, const struct grammar_node *node,
			     uint32_t next)
{
	uint32_t entry = next;

	for (uint32_t i = node->most; i > 0 && builder->error == 0; i--) {
		entry = build(builder, node->child, entry);
		if (i > node->least)
			entry = add(builder, NETWORK_FORK, entry, next);
	}
	return entry;
}

static uint32_t build_rule(struct builder *builder, const struct grammar_node *node, uint32_t next)
{
	uint32_t body = builder->tree->rules[node->value].node;

	if (node->slot == GRAMMAR_NONE)
		return build(builder, body, next);
	next = build(builder, body, add(builder, NETWORK_CLOSE, next, node->slot));
	return add(builder, NETWORK_OPEN, next, node->slot);
}

static uint32_t build(struct builder *builder, uint32_t index, uint32_t next)
{
	const struct grammar_node *node = &builder->tree->nodes[index];

	if (builder->error < 0)
		return 0;
	switch (node->kind) {
	case GRAMMAR_WORD:
		return add(builder, NETWORK_WORD, next, node->value);
	case GRAMMAR_SEQUENCE:
		return build_sequence(builder, node->child, next);
	case GRAMMAR_CHOICE:
		return build_choice(builder, node->child, next);
	case GRAMMAR_REPEAT:
		return build_repeat(builder, node, next);
	case GRAMMAR_RULE:
		return build_rule(builder, node, next);
	}
	abort();
}

int network_build(struct network *network, const struct grammar_tree *tree)
{
	struct builder builder = {.network = network, .tree = tree};
	uint32_t first = 0, last = GRAMMAR_NONE;
	size_t commands = 0;

	*network = (struct network){0};
	network->end = add(&builder, NETWORK_END, GRAMMAR_NONE, GRAMMAR_NONE);
	for (size_t i = 0; i < tree->n_rules; i++)
		commands += tree->rules[i].command ? 1 : 0;
	for (size_t i = 0; i < tree->n_rules && builder.error == 0; i++) {
		const struct grammar_rule *rule = &tree->rules[i];
		uint32_t entry;

		if (!rule->command)
			continue;
		entry = build(&builder, rule->node, network->end);
		entry = add(&builder, NETWORK_COMMAND, entry, rule->name);
		chain(&builder, entry, --commands > 0, &first, &last);
	}
	network->start = first;
	if (builder.error < 0)
		network_finish(network);
	return builder.error;
}
