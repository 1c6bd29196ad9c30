/* The search against enumerations of all paths of small random lattices. */
#include "core/decode/ctc_grammar.h"
#include "tests/decode/fixture.h"
#include "tests/decode/letters.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLANK, BAR, A, B, TOKENS };

enum { MAX_FRAMES = 6, MAX_TEXT = 2048, MAX_PHRASES = 400, PHRASE = 24 };

#define DEFAULT_PRIOR_SCALE 0.6

static const char *const letters[] = {"A", "B"};

/* ---- random grammars with the list of their phrases ---- */

struct phrases {
	char items[MAX_PHRASES][PHRASE];
	size_t n;
};

static bool some_left_out;

static void phrases_add(struct phrases *phrases, const char *a, const char *b)
{
	char joined[2 * PHRASE];

	snprintf(joined, sizeof(joined), "%s%s%s", a, *a != '\0' && *b != '\0' ? " " : "", b);
	if (strlen(joined) >= PHRASE || phrases->n == MAX_PHRASES) {
		some_left_out = true;
		return;
	}
	for (size_t i = 0; i < phrases->n; i++) {
		if (strcmp(phrases->items[i], joined) == 0)
			return;
	}
	snprintf(phrases->items[phrases->n++], PHRASE, "%s", joined);
}

static void append(char *text, const char *more)
{
	size_t n = strlen(text);

	assert_true(n + strlen(more) < MAX_TEXT);
	snprintf(text + n, MAX_TEXT - n, "%s", more);
}

static void random_choice(unsigned *random, int depth, char *text, struct phrases *out);

static void random_item(unsigned *random, int depth, char *text, struct phrases *out)
{
	static const char *const words[] = {"a", "b", "ab", "ba", "aa"};
	struct phrases inner = {.n = 0};
	unsigned kind = depth > 0 ? fixture_random(random, 5) : 0;

	out->n = 0;
	if (kind < 2) {
		const char *word = words[fixture_random(random, 5)];

		append(text, word);
		phrases_add(out, word, "");
		return;
	}
	append(text, kind == 2 ? "[" : "(");
	random_choice(random, depth - 1, text, &inner);
	append(text, kind == 2 ? "]" : ")");
	*out = inner;
	if (kind == 2)
		phrases_add(out, "", "");
	if (kind == 4) { /* once or twice */
		append(text, "{1,2}");
		for (size_t i = 0; i < inner.n; i++) {
			for (size_t j = 0; j < inner.n; j++)
				phrases_add(out, inner.items[i], inner.items[j]);
		}
	}
}

static void random_choice(unsigned *random, int depth, char *text, struct phrases *out)
{
	unsigned choices = 1 + fixture_random(random, 2);

	out->n = 0;
	for (unsigned c = 0; c < choices; c++) {
		struct phrases so_far = {.n = 0};
		unsigned items = 1 + fixture_random(random, 2);

		if (c > 0)
			append(text, "|");
		phrases_add(&so_far, "", "");
		for (unsigned i = 0; i < items; i++) {
			struct phrases item, longer = {.n = 0};

			append(text, " ");
			random_item(random, depth, text, &item);
			for (size_t j = 0; j < so_far.n; j++) {
				for (size_t k = 0; k < item.n; k++)
					phrases_add(&longer, so_far.items[j], item.items[k]);
			}
			so_far = longer;
		}
		for (size_t i = 0; i < so_far.n; i++)
			phrases_add(out, so_far.items[i], "");
	}
}

/* The text that labels print as, in lower case, with a space at the end where a
 * delimiter is. Returns its length. */
static size_t text_of(const int *labels, size_t n, char text[static 2 * PHRASE])
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		if (labels[i] != BAR)
			text[length++] = labels[i] == A ? 'a' : 'b';
		else if (length > 0 && text[length - 1] != ' ')
			text[length++] = ' ';
	}
	text[length] = '\0';
	return length;
}

/* ... is a phrase. */
static bool is_phrase(const struct phrases *phrases, const int *labels, size_t n)
{
	char text[2 * PHRASE];
	size_t length = text_of(labels, n, text);

	if (length > 0 && text[length - 1] == ' ')
		text[--length] = '\0';
	for (size_t i = 0; i < phrases->n && length > 0; i++) {
		if (strcmp(phrases->items[i], text) == 0)
			return true;
	}
	return false;
}

/* A phrase begins with what labels print as. */
static bool is_beginning(const struct phrases *phrases, const int *labels, size_t n)
{
	char text[2 * PHRASE], phrase[PHRASE + 1];
	size_t length = text_of(labels, n, text);

	for (size_t i = 0; i < phrases->n; i++) {
		snprintf(phrase, sizeof(phrase), "%s ", phrases->items[i]);
		if (strncmp(phrase, text, length) == 0)
			return true;
	}
	return false;
}

/* A delimiter behind labels is before the first word, behind the last one, or one more. */
static bool is_idle(const struct phrases *phrases, const int *labels, size_t n)
{
	char text[2 * PHRASE];
	size_t length = text_of(labels, n, text);

	if (length == 0 || text[length - 1] == ' ')
		return true;
	for (size_t i = 0; i < phrases->n; i++) {
		if (strncmp(phrases->items[i], text, length) == 0 &&
		    phrases->items[i][length] != '\0')
			return false;
	}
	return true;
}

/* What labels earn for being expected: each is one of those that may follow. */
static double expected_of(const struct phrases *phrases, const int *labels, size_t n,
			  double prior_scale)
{
	double sum = 0.0;

	for (size_t i = 0; i < n && prior_scale > 0.0; i++) {
		bool idle = is_idle(phrases, labels, i);
		int begun[MAX_FRAMES] = {0};
		unsigned choices = 0;

		if (idle && labels[i] == BAR)
			continue;
		memcpy(begun, labels, i * sizeof(*labels));
		for (int token = idle ? A : BAR; token < TOKENS; token++) {
			begun[i] = token;
			choices += is_beginning(phrases, begun, i + 1) ? 1 : 0;
		}
		sum += prior_scale * log((TOKENS - 1) / (double)choices);
	}
	return sum;
}

/* ---- scores by definition ---- */

struct lattice {
	float logits[MAX_FRAMES][TOKENS];
	size_t frames;
	double filler_cost, prior_scale;
};

static void random_lattice(unsigned *random, struct lattice *lattice)
{
	static const double scales[] = {-1.0, DEFAULT_PRIOR_SCALE, 2.0};

	lattice->frames = 1 + fixture_random(random, MAX_FRAMES);
	lattice->filler_cost = fixture_random(random, 2) == 0
				       ? (double)INFINITY
				       : 0.5 + fixture_random(random, 100) / 50.0;
	lattice->prior_scale = scales[fixture_random(random, 3)];
	for (size_t f = 0; f < MAX_FRAMES; f++) {
		for (size_t t = 0; t < TOKENS; t++)
			lattice->logits[f][t] = (float)fixture_random(random, 1000) / 150.0F;
	}
}

static int free_token(const struct lattice *lattice, size_t frame)
{
	int best = 0;

	for (int t = 1; t < TOKENS; t++) {
		if (lattice->logits[frame][t] > lattice->logits[frame][best])
			best = t;
	}
	return best;
}

static double score_of(const struct lattice *lattice, size_t frame, int token)
{
	return (double)(lattice->logits[frame][token] -
			lattice->logits[frame][free_token(lattice, frame)]);
}

static double filler_of(const struct lattice *lattice, size_t frame)
{
	int token = free_token(lattice, frame);

	if (lattice->filler_cost < (double)INFINITY &&
	    (token == BLANK || token == BAR ||
	     (frame > 0 && free_token(lattice, frame - 1) == token)))
		return 0.0;
	return lattice->filler_cost;
}

/* Frames [first, last) as `labels`: the best of all alignments, one by one. */
static double aligned(const struct lattice *lattice, size_t first, size_t last, const int *labels,
		      size_t n)
{
	size_t frames = last - first, paths = 1;
	double best = -INFINITY;

	for (size_t f = 0; f < frames; f++)
		paths *= TOKENS;
	for (size_t path = 0; path < paths; path++) {
		size_t rest = path, made = 0;
		int before = BLANK;
		double score = 0.0;
		bool same = true;

		for (size_t f = first; f < last && same; f++, rest /= TOKENS) {
			int token = (int)(rest % TOKENS);

			score += score_of(lattice, f, token);
			if (token != BLANK && token != before) {
				same = made < n && labels[made] == token;
				made++;
			}
			before = token;
		}
		if (same && made == n && score > best)
			best = score;
	}
	return best;
}

/* What comes before and after is cut off where it is best. */
static double phrase_score(const struct lattice *lattice, const int *labels, size_t n)
{
	double best = aligned(lattice, 0, lattice->frames, labels, n), before = 0.0;

	for (size_t first = 0; first <= lattice->frames; first++) {
		double after = 0.0;

		for (size_t last = lattice->frames; last > first; last--) {
			double score = before + aligned(lattice, first, last, labels, n) + after;

			best = score > best ? score : best;
			after -= filler_of(lattice, last - 1);
		}
		if (first < lattice->frames)
			before -= filler_of(lattice, first);
	}
	return best;
}

/* The best of all label sequences that are phrases. */
static double enumerate(const struct lattice *lattice, const struct phrases *phrases, int *best,
			size_t *n_best)
{
	double score = -INFINITY;

	for (size_t n = 1, sequences = TOKENS - 1; n <= lattice->frames;
	     n++, sequences *= TOKENS - 1) {
		for (size_t s = 0; s < sequences; s++) {
			int labels[MAX_FRAMES];
			size_t rest = s;
			double one;

			for (size_t i = 0; i < n; i++, rest /= TOKENS - 1)
				labels[i] = 1 + (int)(rest % (TOKENS - 1));
			if (!is_phrase(phrases, labels, n))
				continue;
			one = phrase_score(lattice, labels, n) +
			      expected_of(phrases, labels, n, lattice->prior_scale);
			if (one > score) {
				score = one;
				memcpy(best, labels, n * sizeof(*labels));
				*n_best = n;
			}
		}
	}
	return score;
}

static struct grammar *compile(const struct vocab *vocab, const char *text)
{
	struct grammar_error error;
	struct grammar *grammar;
	int code = grammar_compile(vocab, text, strlen(text), &grammar, &error);

	if (code < 0)
		fail_msg("%zu:%zu: %s in %s", error.line, error.column, error.message, text);
	return grammar;
}

static void check_lattice(struct ctc_grammar *search, const struct lattice *lattice,
			  const struct phrases *phrases, const char *text)
{
	bool fillers = lattice->filler_cost < (double)INFINITY;
	int labels[MAX_FRAMES], said[MAX_FRAMES];
	size_t n = 0;
	double best = enumerate(lattice, phrases, labels, &n), score;
	struct ctc_match match;

	ctc_grammar_reset(search);
	assert_int_equal(ctc_grammar_commit(search, lattice->logits[0], lattice->frames), 0);
	ctc_grammar_match(search, &match);
	if (n == 0) {
		assert_int_equal(match.n, 0);
		return;
	}
	assert_true(match.n > 0 && match.n <= MAX_FRAMES);
	for (size_t i = 0; i < match.n; i++)
		said[i] = match.tokens[i].token;
	/* Being expected helps in the search, and is no part of a result. */
	score = match.score + expected_of(phrases, said, match.n, lattice->prior_scale);
	if (fabs(score - best) > 1e-4)
		fail_msg("%s: %f, not %f", text, score, best);
	if (fillers)
		return;
	assert_int_equal(match.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(said[i], labels[i]);
}

static bool has_empty(const struct phrases *phrases)
{
	for (size_t i = 0; i < phrases->n; i++) {
		if (phrases->items[i][0] == '\0')
			return true;
	}
	return false;
}

static void test_enumeration(void **state)
{
	struct vocab *vocab = letters_vocab(letters, 2, true, false);
	static struct phrases phrases;
	unsigned random = 5, grammars = 0;

	(void)state;
	while (grammars < 60) {
		char text[MAX_TEXT] = "";
		struct grammar *grammar;

		some_left_out = false;
		random_choice(&random, 2, text, &phrases);
		if (has_empty(&phrases) || some_left_out)
			continue;
		grammars++;
		grammar = compile(vocab, text);
		for (int i = 0; i < 2; i++) {
			struct ctc_grammar *search;
			struct lattice lattice;

			random_lattice(&random, &lattice);
			if (i == 0)
				lattice.filler_cost = INFINITY;
			double scale = lattice.prior_scale == DEFAULT_PRIOR_SCALE
					       ? 0.0
					       : lattice.prior_scale;
			assert_int_equal(ctc_grammar_create(
						 vocab, grammar,
						 &(struct ctc_grammar_options){
							 .beam = 2000,
							 .beam_score = 1000.0F,
							 .filler_cost = (float)lattice.filler_cost,
							 .prior_scale = (float)scale,
						 },
						 TOKENS, MAX_FRAMES, &search),
					 0);
			check_lattice(search, &lattice, &phrases, text);
			ctc_grammar_destroy(search);
		}
		grammar_unref(grammar);
	}
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
	};

	return cmocka_run_group_tests_name("ctc_grammar", tests, NULL, NULL);
}
