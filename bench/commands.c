/*
 * What a long list of commands costs: compiling it, its memory, and searching it
 * for each frame, on made-up phrases and logits; or what a grammar does.
 *
 *	bench-commands [PHRASES|GRAMMAR [BEAM]]
 */
#include "core/decode/ctc_grammar.h"
#include "core/grammar_file.h"
#include "core/weights/tokenizer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOKENS = 32, FRAMES = 1500, PHRASE_BYTES = 96, SYLLABLES = 24, WORDS = 2000 };

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525U + 1013904223U;
	return (uint32_t)(((uint64_t)seed * below) >> 32);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Blank, delimiter, A to Z, apostrophe and three that are never said. */
static struct vocab *letters(void)
{
	static char texts[TOKENS][4], bar[] = "|", space[] = " ";
	static struct tokenizer_token tokens[TOKENS];
	struct tokenizer tokenizer = {.n_tokens = TOKENS,
				      .tokens = tokens,
				      .unk_id = -1,
				      .delimiter_id = 1,
				      .delimiter = bar,
				      .replace_delimiter = space};
	struct vocab *vocab;

	for (int i = 0; i < TOKENS; i++) {
		if (i == 0)
			snprintf(texts[i], sizeof(texts[i]), "#");
		else if (i == 1)
			snprintf(texts[i], sizeof(texts[i]), "|");
		else if (i == 28)
			snprintf(texts[i], sizeof(texts[i]), "'");
		else if (i < 28)
			snprintf(texts[i], sizeof(texts[i]), "%c", 'A' + i - 2);
		else
			snprintf(texts[i], sizeof(texts[i]), "%d", i % 10);
		tokens[i].text = texts[i];
	}
	return vocab_create(&tokenizer, 0, &vocab) == 0 ? vocab : NULL;
}

/* Three to six of 2000 words of one to three syllables. */
static char *make_phrases(size_t n, const char **phrases)
{
	static const char *const syllables[SYLLABLES] = {
		"ba",  "ter", "lin", "mo",  "ka", "sen", "ri",  "dol", "ta",  "ver", "shi", "no",
		"gra", "le",  "pu",  "wen", "co", "fi",  "har", "jo",  "zen", "qua", "du",  "mis"};
	static char words[WORDS][16];
	char *text = calloc(n, PHRASE_BYTES);

	for (size_t i = 0; i < WORDS; i++) {
		for (uint32_t k = 1 + draw(3); k > 0; k--)
			strcat(words[i], syllables[draw(SYLLABLES)]);
	}
	for (size_t i = 0; text != NULL && i < n; i++) {
		char *phrase = text + i * PHRASE_BYTES;

		for (uint32_t k = 3 + draw(4); k > 0; k--) {
			strcat(phrase, words[draw(WORDS)]);
			strcat(phrase, k > 1 ? " " : "");
		}
		phrases[i] = phrase;
	}
	return text;
}

static int compile_phrases(const struct vocab *vocab, size_t n, struct grammar **out,
			   struct grammar_error *error)
{
	const char **phrases = calloc(n + 1, sizeof(*phrases));
	char *text = phrases != NULL ? make_phrases(n, phrases) : NULL;
	int code = text != NULL ? grammar_compile_phrases(vocab, phrases, n, out, error) : -ENOMEM;

	free(text);
	free(phrases);
	return code;
}

/* A token in each third frame, with others not far below. */
static void make_logits(float *logits)
{
	for (size_t f = 0; f < FRAMES; f++) {
		float *row = logits + f * TOKENS;

		for (size_t t = 0; t < TOKENS; t++)
			row[t] = (float)draw(1000) / 100.0F;
		row[f % 3 == 0 ? 1 + draw(27) : 0] += 8.0F;
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "10000";
	char *end;
	size_t n = strtoul(what, &end, 10);
	size_t beam = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	float *logits = malloc(sizeof(*logits) * FRAMES * TOKENS);
	struct vocab *vocab = letters();
	struct ctc_grammar *search = NULL;
	struct grammar *grammar = NULL;
	struct grammar_error error = {0};
	double start = now(), compiled;

	if (logits == NULL || vocab == NULL ||
	    (*end == '\0' ? compile_phrases(vocab, n, &grammar, &error)
			  : grammar_file_compile(what, vocab, &grammar)) < 0 ||
	    ctc_grammar_create(vocab, grammar,
			       &(struct ctc_grammar_options){.beam = beam, .threshold = -1.0F},
			       TOKENS, FRAMES, &search) < 0) {
		fprintf(stderr, "bench-commands: %s\n",
			error.message[0] != '\0' ? error.message : "not measured");
		return 1;
	}
	compiled = now() - start;
	make_logits(logits);
	start = now();
	for (int i = 0; i < 4; i++) {
		ctc_grammar_reset(search);
		ctc_grammar_commit(search, logits, FRAMES);
	}
	printf("%s%s: compiled in %.1f ms, %zu states, %zu arcs, %.2f MB; %.1f us a frame\n", what,
	       *end == '\0' ? " phrases" : "", compiled * 1e3, grammar_size(grammar).states,
	       grammar_size(grammar).arcs, (double)grammar_size(grammar).bytes / 1e6,
	       (now() - start) * 1e6 / (4.0 * FRAMES));
	ctc_grammar_destroy(search);
	grammar_unref(grammar);
	vocab_destroy(vocab);
	free(logits);
	return 0;
}
