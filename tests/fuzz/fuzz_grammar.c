/*
 * Grammars and their search. First byte: the beam (low six bits, 0: the default)
 * and whether the text is a list of phrases, one a line (64). Then the tokens,
 * divided by newlines, up to a byte 0xff: id 0 is the blank, 1 the delimiter.
 * Then the grammar up to another 0xff. Then the frames: a byte is the likely
 * token of one; 0xff ends a push.
 */
#include "core/decode/ctc_grammar.h"
#include "tests/fuzz/search.h"
#include "tests/fuzz/target.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 32, MAX_FRAMES = 256, MAX_TEXT = 4096, MAX_LINES = 64 };

static struct grammar *read_grammar(const struct vocab *vocab, char *text, bool list)
{
	const char *lines[MAX_LINES];
	struct grammar_error error;
	struct grammar *grammar;
	char *save = NULL;
	size_t n = 0;
	int code;

	if (!list) {
		code = grammar_compile(vocab, text, strlen(text), &grammar, &error);
	} else {
		for (char *line = strtok_r(text, "\n", &save); line != NULL && n < MAX_LINES;
		     line = strtok_r(NULL, "\n", &save))
			lines[n++] = line;
		code = grammar_compile_phrases(vocab, lines, n, &grammar, &error);
	}
	check((code == 0) == (grammar != NULL));
	check(code == 0 || error.message[0] != '\0');
	return grammar;
}

/* What the search found is a phrase of the grammar, with spans in order. */
static void check_match(const struct grammar *grammar, struct ctc_grammar *search, size_t frames)
{
	int tokens[MAX_FRAMES], end = 0;
	struct grammar_phrase phrase;
	struct ctc_match match;

	ctc_grammar_match(search, &match);
	check(match.n <= frames && match.confidence >= 0.0F && match.confidence <= 1.0F);
	for (size_t i = 0; i < match.n; i++) {
		tokens[i] = match.tokens[i].token;
		check(match.tokens[i].start_frame >= end);
		end = match.tokens[i].end_frame;
		check(end > match.tokens[i].start_frame && (size_t)end <= frames);
	}
	if (match.n == 0)
		return;
	check(grammar_interpret(grammar, tokens, match.n, &phrase) == 0);
	check(phrase.n_words > 0 && strlen(phrase.text) > 0);
	for (size_t i = 0; i < phrase.n_slots; i++)
		check(phrase.slots[i].first <= phrase.slots[i].last &&
		      phrase.slots[i].last <= phrase.n_words);
	grammar_phrase_finish(&phrase);
}

static void run(const struct vocab *vocab, struct grammar *grammar, size_t beam,
		const uint8_t *data, size_t size)
{
	struct ctc_grammar_options options = {.beam = beam};
	struct ctc_grammar *pushed, *whole;
	struct ctc_match a, b;
	size_t frames = 0;

	check(ctc_grammar_create(vocab, grammar, &options, WIDTH, MAX_FRAMES, &pushed) == 0);
	check(ctc_grammar_create(vocab, grammar, &options, WIDTH, MAX_FRAMES, &whole) == 0);
	for (size_t i = 0; i < size && frames < MAX_FRAMES; i++) {
		float row[WIDTH] = {0};

		if (data[i] == 0xff) {
			check_match(grammar, pushed, frames);
			ctc_grammar_text(pushed);
			continue;
		}
		row[data[i] % WIDTH] = 1.0F + (float)(data[i] / WIDTH);
		check(ctc_grammar_provisional(pushed, row, 1) == 0);
		check(ctc_grammar_commit(pushed, row, 1) == 0);
		check(ctc_grammar_commit(whole, row, 1) == 0);
		frames++;
	}
	check_match(grammar, pushed, frames);
	ctc_grammar_match(pushed, &a);
	ctc_grammar_match(whole, &b);
	check(a.n == b.n && (a.n == 0 || a.score == b.score));
	ctc_grammar_destroy(pushed);
	ctc_grammar_destroy(whole);
}

/* The next piece of the input as a text; NULL where there is none. */
static char *take_text(const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, 0xff, *size);
	size_t n;
	char *text;

	if (end == NULL)
		return NULL;
	n = (size_t)(end - *data);
	text = strndup((const char *)*data, n < MAX_TEXT ? n : MAX_TEXT);
	check(text != NULL);
	*data = end + 1;
	*size -= n + 1;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *tokens, *text = NULL;
	uint8_t first;

	if (size < 3)
		return 0;
	first = data[0];
	data++;
	size--;
	tokens = take_text(&data, &size);
	if (tokens != NULL)
		text = take_text(&data, &size);
	if (text != NULL) {
		struct vocab *vocab = read_vocab(tokens, false);
		struct grammar *grammar =
			vocab != NULL ? read_grammar(vocab, text, (first & 64) != 0) : NULL;

		if (grammar != NULL)
			run(vocab, grammar, first & 63, data, size);
		grammar_unref(grammar);
		vocab_destroy(vocab);
	}
	free(tokens);
	free(text);
	return 0;
}
