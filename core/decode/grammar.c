#include "core/decode/grammar.h"

#include "core/decode/grammar_object.h"
#include "core/decode/vocab_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void grammar_destroy(struct grammar *grammar)
{
	grammar_words_finish(&grammar->words);
	network_finish(&grammar->network);
	spelling_finish(&grammar->spelling);
	graph_finish(&grammar->graph);
	free(grammar);
}

/* Where the words of the text are kept apart; a token that prints nothing of
 * the kind would not. */
static int delimiter_of(const struct vocab *vocab)
{
	int delimiter = vocab->delimiter;

	return delimiter >= 0 && vocab_entry(vocab, delimiter)->space ? delimiter : -1;
}

/* Tokens that the network can say something with. */
static size_t sayable_of(const struct vocab *vocab)
{
	size_t n = 0;

	for (size_t i = 0; i < vocab->size; i++) {
		const struct vocab_entry *entry = &vocab->entries[i];

		n += entry->known && !entry->blank && !entry->special ? 1 : 0;
	}
	return n;
}

static int compile_tree(const struct vocab *vocab, struct grammar_tree *tree, struct grammar **out)
{
	struct grammar *grammar;
	int error = grammar_check(tree);

	if (error < 0)
		return error;
	grammar = calloc(1, sizeof(*grammar));
	if (grammar == NULL)
		return -ENOMEM;
	atomic_init(&grammar->references, 1);
	grammar->delimiter = delimiter_of(vocab);
	grammar->tokens = vocab->size;
	error = network_build(&grammar->network, tree);
	if (error == 0)
		error = spelling_build(&grammar->spelling, tree, vocab);
	if (error == 0)
		error = graph_build(&grammar->graph, &grammar->network, &grammar->spelling,
				    grammar->delimiter, tree);
	if (error == 0)
		error = graph_expect(&grammar->graph, grammar->delimiter, sayable_of(vocab));
	if (error < 0) {
		grammar_destroy(grammar);
		return error;
	}
	grammar->words = tree->words;
	tree->words = (struct grammar_words){0};
	*out = grammar;
	return 0;
}

static int finish_compile(const struct vocab *vocab, struct grammar_tree *tree, int error,
			  struct grammar **out)
{
	if (error == 0)
		error = compile_tree(vocab, tree, out);
	if (error == -ENOMEM)
		grammar_refuse(tree, error, 0, 0, "no memory");
	grammar_tree_finish(tree);
	return error;
}

int grammar_compile_within(const struct vocab *vocab, const struct grammar_limits *limits,
			   const char *text, size_t size, struct grammar **out,
			   struct grammar_error *error)
{
	struct grammar_tree tree;

	*out = NULL;
	grammar_tree_init(&tree, error);
	if (limits != NULL)
		tree.limits = *limits;
	return finish_compile(vocab, &tree, grammar_parse(&tree, text, size), out);
}

int grammar_compile_phrases_within(const struct vocab *vocab, const struct grammar_limits *limits,
				   const char *const *phrases, size_t n, struct grammar **out,
				   struct grammar_error *error)
{
	struct grammar_tree tree;

	*out = NULL;
	grammar_tree_init(&tree, error);
	if (limits != NULL)
		tree.limits = *limits;
	return finish_compile(vocab, &tree, grammar_parse_phrases(&tree, phrases, n), out);
}

int grammar_compile(const struct vocab *vocab, const char *text, size_t size, struct grammar **out,
		    struct grammar_error *error)
{
	return grammar_compile_within(vocab, NULL, text, size, out, error);
}

int grammar_compile_phrases(const struct vocab *vocab, const char *const *phrases, size_t n,
			    struct grammar **out, struct grammar_error *error)
{
	return grammar_compile_phrases_within(vocab, NULL, phrases, n, out, error);
}

struct grammar *grammar_ref(struct grammar *grammar)
{
	atomic_fetch_add_explicit(&grammar->references, 1, memory_order_relaxed);
	return grammar;
}

void grammar_unref(struct grammar *grammar)
{
	/* Release: what this holder did happens before the free; acquire: by all. */
	if (grammar != NULL &&
	    atomic_fetch_sub_explicit(&grammar->references, 1, memory_order_acq_rel) == 1)
		grammar_destroy(grammar);
}

bool grammar_fits(const struct grammar *grammar, const struct vocab *vocab)
{
	return grammar->tokens == vocab->size && grammar->delimiter == delimiter_of(vocab);
}

struct grammar_size grammar_size(const struct grammar *grammar)
{
	const struct grammar_words *words = &grammar->words;
	const struct graph *graph = &grammar->graph;
	struct grammar_size size = {.states = graph->states, .arcs = graph->n_arcs};

	for (size_t i = 0; i < words->n; i++)
		size.words += grammar->spelling.length[i] > 0 ? 1 : 0;
	size.bytes =
		sizeof(*grammar) + words->capacity +
		words->offsets_capacity * sizeof(*words->offsets) +
		words->table_size * sizeof(*words->table) +
		grammar->network.capacity * sizeof(*grammar->network.nodes) +
		grammar->spelling.capacity * sizeof(*grammar->spelling.arcs) +
		words->n * (sizeof(*grammar->spelling.first) + sizeof(*grammar->spelling.length)) +
		graph->n_arcs * (sizeof(*graph->arcs) + sizeof(*graph->expected)) +
		graph->states *
			(sizeof(*graph->first) + sizeof(*graph->accepts) + sizeof(*graph->left));
	return size;
}
