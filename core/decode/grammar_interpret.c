/*
 * Which way through the network the tokens took: depth first, the preferred
 * branch first, so that the first reading found is the one that comes first in
 * the grammar. A place (node, token) that was left without success is
 * remembered and never entered again; with that the search takes at most nodes
 * times tokens steps, and far fewer in practice, as a word that does not match
 * ends its branch.
 */
#include "core/decode/grammar_object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A step of the way: what was decided at a node. */
struct step {
	uint32_t node;
	uint32_t at;      /* token */
	bool alternative; /* a fork whose second branch is taken */
};

struct reader {
	const struct grammar *grammar;
	const int *tokens;
	size_t n;

	struct step *way; /* owned */
	size_t n_way, way_capacity;

	uint64_t *visited; /* owned: hash set of node << 32 | token; UINT64_MAX is free */
	size_t n_visited, visited_size;
};

/* ---- places entered ---- */

static size_t visited_place(const struct reader *reader, uint64_t key)
{
	size_t mask = reader->visited_size - 1;
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15U >> 32) & mask;

	while (reader->visited[at] != UINT64_MAX && reader->visited[at] != key)
		at = (at + 1) & mask;
	return at;
}

static int visited_grow(struct reader *reader)
{
	uint64_t *old = reader->visited;
	size_t size = reader->visited_size;

	reader->visited_size = size > 0 ? size * 2 : 1024;
	reader->visited = malloc(reader->visited_size * sizeof(*old));
	if (reader->visited == NULL) {
		free(old);
		return -ENOMEM;
	}
	memset(reader->visited, 0xff, reader->visited_size * sizeof(*old));
	for (size_t i = 0; i < size; i++) {
		if (old[i] != UINT64_MAX)
			reader->visited[visited_place(reader, old[i])] = old[i];
	}
	free(old);
	return 0;
}

/* Appends a step unless its place was entered before. 1, 0 or -ENOMEM. */
static int enter(struct reader *reader, uint32_t node, uint32_t at)
{
	uint64_t key = (uint64_t)node << 32 | at;
	size_t place;

	if (reader->n_visited * 2 >= reader->visited_size && visited_grow(reader) < 0)
		return -ENOMEM;
	place = visited_place(reader, key);
	if (reader->visited[place] == key)
		return 0;
	reader->visited[place] = key;
	reader->n_visited++;
	if (reader->n_way == reader->way_capacity) {
		size_t capacity = reader->way_capacity * 2 + 256;
		struct step *way = realloc(reader->way, capacity * sizeof(*way));

		if (way == NULL)
			return -ENOMEM;
		reader->way = way;
		reader->way_capacity = capacity;
	}
	reader->way[reader->n_way++] = (struct step){node, at, false};
	return 1;
}

/* ---- the way ---- */

static uint32_t skip_delimiters(const struct reader *reader, uint32_t at)
{
	while (at < reader->n && reader->tokens[at] == reader->grammar->delimiter)
		at++;
	return at;
}

/* Reads the word at `at`. Returns the token behind it, or 0 where it is another. */
static uint32_t read_word(const struct reader *reader, uint32_t word, uint32_t at)
{
	const struct spelling *spelling = &reader->grammar->spelling;
	uint32_t position = 0;

	while (position < spelling->length[word]) {
		uint32_t i = spelling->first[word];

		if (at == reader->n)
			return 0;
		while (i < spelling->first[word + 1] &&
		       (spelling->arcs[i].from != position ||
			spelling->arcs[i].token != reader->tokens[at]))
			i++;
		if (i == spelling->first[word + 1])
			return 0;
		position = spelling->arcs[i].to;
		at++;
	}
	/* A delimiter or the end has to follow: "on" is not in "one". */
	if (reader->grammar->delimiter >= 0 && at < reader->n &&
	    reader->tokens[at] != reader->grammar->delimiter)
		return 0;
	return at;
}

/* Goes on from the last step. 1: entered the next, 0: no way on, 2: at the end. */
static int advance(struct reader *reader)
{
	const struct step *step = &reader->way[reader->n_way - 1];
	const struct network_node *node = &reader->grammar->network.nodes[step->node];
	uint32_t at = step->at;

	switch ((enum network_kind)node->kind) {
	case NETWORK_END:
		return skip_delimiters(reader, at) == reader->n ? 2 : 0;
	case NETWORK_WORD:
		at = read_word(reader, node->value, skip_delimiters(reader, at));
		return at > 0 ? enter(reader, node->next, at) : 0;
	case NETWORK_FORK:
		return enter(reader, step->alternative ? node->value : node->next, at);
	case NETWORK_OPEN:
	case NETWORK_CLOSE:
	case NETWORK_COMMAND:
		return enter(reader, node->next, at);
	}
	abort();
}

/* Back to the last fork whose second branch was not tried. False: none is left. */
static bool back(struct reader *reader)
{
	const struct network_node *nodes = reader->grammar->network.nodes;

	for (; reader->n_way > 0; reader->n_way--) {
		struct step *step = &reader->way[reader->n_way - 1];

		if (nodes[step->node].kind == NETWORK_FORK && !step->alternative) {
			step->alternative = true;
			return true;
		}
	}
	return false;
}

static int find_way(struct reader *reader)
{
	int moved = enter(reader, reader->grammar->network.start, 0);

	while (moved == 1 || moved == 0) {
		if (moved == 0 && !back(reader))
			return -EINVAL;
		moved = advance(reader);
	}
	return moved == 2 ? 0 : moved;
}

/* ---- from the way to the phrase ---- */

static void phrase_slots(const struct reader *reader, struct grammar_phrase *out, size_t *open)
{
	const struct grammar *grammar = reader->grammar;
	size_t words = 0, depth = 0;

	for (size_t i = 0; i < reader->n_way; i++) {
		const struct network_node *node = &grammar->network.nodes[reader->way[i].node];

		if (node->kind == NETWORK_OPEN) {
			open[depth++] = out->n_slots;
			out->slots[out->n_slots++] = (struct grammar_slot){
				grammar_word_text(&grammar->words, node->value), words, words};
		} else if (node->kind == NETWORK_CLOSE) {
			out->slots[open[--depth]].last = words;
		} else if (node->kind == NETWORK_WORD) {
			words++;
		} else if (node->kind == NETWORK_COMMAND && node->value != GRAMMAR_NONE) {
			out->rule = grammar_word_text(&grammar->words, node->value);
		}
	}
}

static size_t phrase_words(const struct reader *reader, struct grammar_phrase *out)
{
	const struct grammar *grammar = reader->grammar;
	size_t bytes = 0;

	for (size_t i = 0; i < reader->n_way; i++) {
		const struct step *step = &reader->way[i];
		const struct network_node *node = &grammar->network.nodes[step->node];

		if (node->kind != NETWORK_WORD)
			continue;
		/* A word is never the last step: the end is. */
		out->words[out->n_words++] =
			(struct grammar_word){grammar_word_text(&grammar->words, node->value),
					      skip_delimiters(reader, step->at), step[1].at};
		bytes += strlen(out->words[out->n_words - 1].text) + 1;
	}
	return bytes;
}

static int phrase_text(struct grammar_phrase *out, size_t bytes)
{
	char *end = out->text = malloc(bytes + 1);

	if (end == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < out->n_words; i++) {
		size_t n = strlen(out->words[i].text);

		if (i > 0)
			*end++ = ' ';
		memcpy(end, out->words[i].text, n);
		end += n;
	}
	*end = '\0';
	return 0;
}

static int read_phrase(const struct reader *reader, struct grammar_phrase *out)
{
	size_t *open = calloc(reader->n_way + 1, sizeof(*open));
	int error = -ENOMEM;

	out->words = calloc(reader->n_way + 1, sizeof(*out->words));
	out->slots = calloc(reader->n_way + 1, sizeof(*out->slots));
	if (open != NULL && out->words != NULL && out->slots != NULL) {
		phrase_slots(reader, out, open);
		error = phrase_text(out, phrase_words(reader, out));
	}
	free(open);
	return error;
}

int grammar_interpret(const struct grammar *grammar, const int *tokens, size_t n,
		      struct grammar_phrase *out)
{
	struct reader reader = {.grammar = grammar, .tokens = tokens, .n = n};
	int error;

	*out = (struct grammar_phrase){0};
	if (n > UINT32_MAX)
		return -EINVAL;
	error = find_way(&reader);
	if (error == 0)
		error = read_phrase(&reader, out);
	free(reader.way);
	free(reader.visited);
	if (error < 0)
		grammar_phrase_finish(out);
	return error;
}

void grammar_phrase_finish(struct grammar_phrase *phrase)
{
	free(phrase->text);
	free(phrase->words);
	free(phrase->slots);
	*phrase = (struct grammar_phrase){0};
}

static bool same_name(const struct grammar_phrase *phrase, size_t i, size_t j)
{
	return strcmp(phrase->slots[i].name, phrase->slots[j].name) == 0;
}

int grammar_phrase_slot(const struct grammar_phrase *phrase, size_t i, char **value)
{
	size_t bytes = 1;
	char *end;

	*value = NULL;
	for (size_t j = 0; j < i; j++) {
		if (same_name(phrase, i, j))
			return 0;
	}
	for (size_t j = i; j < phrase->n_slots; j++) {
		for (size_t w = phrase->slots[j].first; w < phrase->slots[j].last; w++)
			bytes += strlen(phrase->words[w].text) + 1;
	}
	end = *value = malloc(bytes);
	if (end == NULL)
		return -ENOMEM;
	*end = '\0';
	for (size_t j = i; j < phrase->n_slots; j++) {
		for (size_t w = phrase->slots[j].first;
		     same_name(phrase, i, j) && w < phrase->slots[j].last; w++) {
			size_t n = strlen(phrase->words[w].text);

			if (end > *value)
				*end++ = ' ';
			memcpy(end, phrase->words[w].text, n + 1);
			end += n;
		}
	}
	return 1;
}
