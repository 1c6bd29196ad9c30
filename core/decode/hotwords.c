/*
 * The automaton: a trie whose nodes are numbered as they are made, so a child
 * has a higher number than its parent; children in one hash table, because
 * phrases have an alphabet of a hundred bytes and nodes with one child.
 *
 * fail[v] is the node of the longest end of v's text that begins a phrase too.
 * What fail[v] completes and what it has under way count for v.
 */
#include "core/decode/hotwords.h"

#include "core/base/utf8.h"
#include "core/decode/hotwords_list.h"
#include "core/decode/spelling.h"
#include "core/decode/unicode.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	uint32_t parent, fail;
	uint16_t depth;     /* bytes */
	unsigned char byte; /* from the parent */
	float pending;
	float complete; /* weights of the phrases that end here */
};

struct hotwords {
	atomic_uint references;
	struct node *nodes; /* owned, [n]; 0 is the root */
	size_t n, capacity;
	uint32_t *table; /* owned, [slots]: the child's number, 0: free */
	size_t slots;    /* a power of two, at most half in use */
	bool spaces;     /* phrases have a space at both ends */
};

/* ---- trie ---- */

static size_t slot_of(const struct hotwords *hotwords, uint32_t parent, unsigned char byte)
{
	uint64_t key = ((uint64_t)parent << 8 | byte) * 0x9e3779b97f4a7c15ULL;
	size_t slot = (size_t)(key >> 32) & (hotwords->slots - 1);

	while (hotwords->table[slot] != 0) {
		const struct node *node = &hotwords->nodes[hotwords->table[slot]];

		if (node->parent == parent && node->byte == byte)
			break;
		slot = (slot + 1) & (hotwords->slots - 1);
	}
	return slot;
}

static int trie_grow(struct hotwords *hotwords)
{
	size_t capacity = hotwords->capacity > 0 ? 2 * hotwords->capacity : 256;
	struct node *nodes = realloc(hotwords->nodes, capacity * sizeof(*nodes));
	uint32_t *table;

	if (nodes == NULL)
		return -ENOMEM;
	hotwords->nodes = nodes;
	table = calloc(2 * capacity, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	free(hotwords->table);
	hotwords->capacity = capacity;
	hotwords->table = table;
	hotwords->slots = 2 * capacity;
	for (uint32_t i = 1; i < hotwords->n; i++)
		table[slot_of(hotwords, nodes[i].parent, nodes[i].byte)] = i;
	return 0;
}

static int trie_child(struct hotwords *hotwords, uint32_t parent, unsigned char byte,
		      uint32_t *child)
{
	size_t slot = slot_of(hotwords, parent, byte);

	if (hotwords->table[slot] == 0) {
		if (hotwords->n == HOTWORDS_MAX_STATES)
			return -E2BIG;
		if (hotwords->n == hotwords->capacity) {
			if (trie_grow(hotwords) < 0)
				return -ENOMEM;
			slot = slot_of(hotwords, parent, byte);
		}
		hotwords->nodes[hotwords->n] = (struct node){
			.parent = parent,
			.depth = (uint16_t)(hotwords->nodes[parent].depth + 1),
			.byte = byte,
		};
		hotwords->table[slot] = (uint32_t)hotwords->n++;
	}
	*child = hotwords->table[slot];
	return 0;
}

/* text: the phrase as it is searched for, spaces at its ends included. */
static int trie_add(struct hotwords *hotwords, const char *text, size_t n, float weight)
{
	size_t lead = hotwords->spaces ? 1 : 0;
	float bytes = (float)(n - 2 * lead);
	uint32_t node = 0;

	for (size_t i = 0; i < n; i++) {
		float matched = (float)(i + 1 - lead);
		int error = trie_child(hotwords, node, (unsigned char)text[i], &node);
		float pending;

		if (error < 0)
			return error;
		pending = weight * matched / bytes;
		if (i + 1 < n && pending > hotwords->nodes[node].pending)
			hotwords->nodes[node].pending = pending;
	}
	/* Without a space behind it the last byte completes it. */
	hotwords->nodes[node].complete += weight;
	return 0;
}

static uint32_t follow(const struct hotwords *hotwords, uint32_t state, unsigned char byte)
{
	for (;;) {
		uint32_t child = hotwords->table[slot_of(hotwords, state, byte)];

		if (child != 0 || state == 0)
			return child;
		state = hotwords->nodes[state].fail;
	}
}

/* Depth by depth: what a node fails to is always less deep. */
static int trie_link(struct hotwords *hotwords)
{
	enum { DEPTHS = HOTWORDS_MAX_BYTES * 4 + 3 };
	size_t first[DEPTHS + 1] = {0};
	uint32_t *order = malloc((hotwords->n + 1) * sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < hotwords->n; i++)
		first[hotwords->nodes[i].depth + 1]++;
	for (size_t d = 1; d <= DEPTHS; d++)
		first[d] += first[d - 1];
	for (uint32_t i = 0; i < hotwords->n; i++)
		order[first[hotwords->nodes[i].depth]++] = i;
	for (size_t i = 1; i < hotwords->n; i++) {
		struct node *node = &hotwords->nodes[order[i]];
		const struct node *fail;

		if (node->parent != 0)
			node->fail =
				follow(hotwords, hotwords->nodes[node->parent].fail, node->byte);
		fail = &hotwords->nodes[node->fail];
		node->complete += fail->complete;
		if (fail->pending > node->pending)
			node->pending = fail->pending;
	}
	free(order);
	return 0;
}

/* ---- compiling ---- */

static int refuse(struct hotwords_error *error, size_t phrase, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(struct hotwords_error *error, size_t phrase, int code, const char *format, ...)
{
	va_list arguments;

	error->phrase = phrase;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return code;
}

struct compiler {
	const struct vocab *vocab;
	enum spelling_words words;
	struct hotwords *hotwords;
	struct hotwords_error *error;
	char text[HOTWORDS_MAX_BYTES * 4 + 2];
	size_t n;
};

static int compile_word(struct compiler *compiler, size_t index, const char *word, size_t n)
{
	size_t spelled;

	if (compiler->n > 1 && compiler->words != SPELLING_NONE)
		compiler->text[compiler->n++] = ' ';
	spelled =
		spelling_of(compiler->vocab, compiler->words, word, n, compiler->text + compiler->n,
			    sizeof(compiler->text) - 1 - compiler->n);
	if (spelled == 0)
		return refuse(compiler->error, index, -EINVAL, "the vocabulary cannot spell: %.*s",
			      (int)n, word);
	compiler->n += spelled;
	return 0;
}

static int compile_phrase(struct compiler *compiler, size_t index, const struct hotword *hotword)
{
	const char *phrase = hotword->phrase;
	size_t size = strlen(phrase), position = 0, start = 0;
	bool in_word = false, any = false;
	int error = 0;

	if (size > HOTWORDS_MAX_BYTES)
		return refuse(compiler->error, index, -EINVAL, "a phrase has more than %d bytes",
			      HOTWORDS_MAX_BYTES);
	if (!utf8_valid(phrase, size))
		return refuse(compiler->error, index, -EINVAL, "a phrase is not UTF-8");
	if (!isfinite(hotword->weight) || fabsf(hotword->weight) > HOTWORDS_MAX_WEIGHT)
		return refuse(compiler->error, index, -EINVAL, "a weight is not within +-%.0f: %s",
			      (double)HOTWORDS_MAX_WEIGHT, phrase);
	compiler->n = 0;
	if (compiler->hotwords->spaces)
		compiler->text[compiler->n++] = ' ';
	while (position <= size && error == 0) {
		size_t at = position;
		bool space = at == size || unicode_is_space(unicode_next(phrase, size, &position));

		if (space && in_word)
			error = compile_word(compiler, index, phrase + start, at - start);
		else if (!space && !in_word)
			start = at;
		any = any || !space;
		in_word = !space;
		if (at == size)
			break;
	}
	if (error < 0)
		return error;
	if (!any)
		return refuse(compiler->error, index, -EINVAL, "a phrase is empty");
	if (compiler->hotwords->spaces)
		compiler->text[compiler->n++] = ' ';
	error = trie_add(compiler->hotwords, compiler->text, compiler->n, hotword->weight);
	if (error == -E2BIG)
		return refuse(compiler->error, index, error,
			      "the phrases have more than %d different beginnings",
			      HOTWORDS_MAX_STATES);
	return error;
}

static void hotwords_free(struct hotwords *hotwords)
{
	if (hotwords == NULL)
		return;
	free(hotwords->nodes);
	free(hotwords->table);
	free(hotwords);
}

int hotwords_compile(const struct vocab *vocab, const struct hotword *list, size_t n,
		     struct hotwords **out, struct hotwords_error *error)
{
	struct compiler compiler = {.vocab = vocab, .words = spelling_words(vocab), .error = error};
	struct hotwords *hotwords = calloc(1, sizeof(*hotwords));
	int code = 0;

	*out = NULL;
	*error = (struct hotwords_error){.message = "out of memory"};
	if (n > HOTWORDS_MAX_PHRASES) {
		free(hotwords);
		return refuse(error, HOTWORDS_MAX_PHRASES, -E2BIG, "more than %d phrases",
			      HOTWORDS_MAX_PHRASES);
	}
	if (hotwords == NULL || trie_grow(hotwords) < 0) {
		hotwords_free(hotwords);
		return -ENOMEM;
	}
	atomic_init(&hotwords->references, 1);
	hotwords->nodes[0] = (struct node){0};
	hotwords->n = 1;
	hotwords->spaces = compiler.words != SPELLING_NONE;
	compiler.hotwords = hotwords;
	for (size_t i = 0; i < n && code == 0; i++)
		code = compile_phrase(&compiler, i, &list[i]);
	if (code == 0)
		code = trie_link(hotwords);
	if (code < 0) {
		hotwords_release(hotwords);
		return code;
	}
	*out = hotwords;
	return 0;
}

int hotwords_compile_text(const struct vocab *vocab, const char *text, size_t size,
			  struct hotwords **out, struct hotwords_error *error)
{
	struct hotwords_list list;
	int code = hotwords_list_read(&list, text, size, error);

	*out = NULL;
	if (code < 0)
		return code;
	code = hotwords_compile(vocab, list.items, list.n, out, error);
	if (code == -EINVAL || code == -E2BIG)
		error->phrase = error->phrase < list.n ? list.lines[error->phrase] : 0;
	hotwords_list_finish(&list);
	return code;
}

struct hotwords *hotwords_hold(struct hotwords *hotwords)
{
	if (hotwords != NULL)
		atomic_fetch_add_explicit(&hotwords->references, 1, memory_order_relaxed);
	return hotwords;
}

void hotwords_release(struct hotwords *hotwords)
{
	/* What other holders did with it happens before it is freed. */
	if (hotwords != NULL &&
	    atomic_fetch_sub_explicit(&hotwords->references, 1, memory_order_acq_rel) == 1)
		hotwords_free(hotwords);
}

size_t hotwords_states(const struct hotwords *hotwords)
{
	return hotwords->n;
}

/* ---- walking ---- */

uint32_t hotwords_begin(const struct hotwords *hotwords)
{
	return hotwords->spaces ? follow(hotwords, 0, ' ') : 0;
}

uint32_t hotwords_push(const struct hotwords *hotwords, uint32_t state, const char *text, size_t n,
		       double *sum)
{
	for (size_t i = 0; i < n; i++) {
		state = follow(hotwords, state, (unsigned char)text[i]);
		*sum += (double)hotwords->nodes[state].complete;
	}
	return state;
}

float hotwords_pending(const struct hotwords *hotwords, uint32_t state)
{
	return hotwords->nodes[state].pending;
}

float hotwords_end(const struct hotwords *hotwords, uint32_t state)
{
	return hotwords->spaces ? hotwords->nodes[follow(hotwords, state, ' ')].complete : 0.0F;
}
