#include "tests/decode/lm_reference.h"

#include "tests/decode/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_GRAMS = 4096, MAX_TEXT = 256, MAX_ORDER = 5 };

struct gram {
	char words[MAX_TEXT]; /* joined with single spaces */
	double probability, backoff;
};

struct lm_reference {
	struct gram grams[MAX_GRAMS];
	size_t n;
	unsigned order;
};

const char *const lm_random_words[] = {"a",
				       "ab",
				       "abc",
				       "b",
				       "ba",
				       "hello",
				       "help",
				       "hell",
				       "x",
				       "\xc3\xa9",
				       "\xc3\xa9t\xc3\xa9",
				       "zebra",
				       "it's",
				       "understand",
				       "understanding",
				       "understands",
				       "understate",
				       "10",
				       NULL};

/* ---- reading ---- */

static void read_gram(struct lm_reference *reference, unsigned order, char *line)
{
	struct gram *gram = &reference->grams[reference->n++];
	char *save = NULL, *field = strtok_r(line, " \t", &save);

	assert_true(reference->n < MAX_GRAMS);
	gram->probability = strtod(field, NULL);
	gram->words[0] = '\0';
	for (unsigned i = 0; i < order; i++) {
		strcat(gram->words, i > 0 ? " " : "");
		strcat(gram->words, strtok_r(NULL, " \t", &save));
	}
	field = strtok_r(NULL, " \t", &save);
	gram->backoff = field ? strtod(field, NULL) : 0;
}

struct lm_reference *lm_reference_read(const char *arpa)
{
	struct lm_reference *reference = calloc(1, sizeof(*reference));
	char *copy = strdup(arpa), *save = NULL;
	unsigned order = 0, number;

	assert_non_null(reference);
	assert_non_null(copy);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "\\%u-grams:", &number) == 1)
			reference->order = order = number;
		else if (line[0] == '\\')
			order = 0;
		else if (order > 0)
			read_gram(reference, order, line);
	}
	free(copy);
	return reference;
}

void lm_reference_free(struct lm_reference *reference)
{
	free(reference);
}

/* ---- scores ---- */

static const struct gram *find(const struct lm_reference *reference, const char *words)
{
	for (size_t i = 0; i < reference->n; i++) {
		if (strcmp(reference->grams[i].words, words) == 0)
			return &reference->grams[i];
	}
	return NULL;
}

bool lm_reference_lists(const struct lm_reference *reference, const char *word)
{
	return strchr(word, ' ') == NULL && find(reference, word) != NULL;
}

bool lm_reference_begins(const struct lm_reference *reference, const char *text)
{
	for (size_t i = 0; i < reference->n; i++) {
		const char *words = reference->grams[i].words;

		if (strchr(words, ' ') == NULL && strcmp(words, "<s>") != 0 &&
		    strcmp(words, "</s>") != 0 && strcmp(words, "<unk>") != 0 &&
		    strncmp(words, text, strlen(text)) == 0)
			return true;
	}
	return false;
}

static void join(const char *const *words, size_t n, char out[MAX_TEXT])
{
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(out, i > 0 ? " " : "");
		strcat(out, words[i]);
	}
}

/* words[n - 1] is the predicted one; all of them are listed, or <unk>. */
static double back_off(const struct lm_reference *reference, const char *const *words, size_t n)
{
	char text[MAX_TEXT];
	const struct gram *gram;
	double backoff = 0;

	join(words, n, text);
	gram = find(reference, text);
	if (gram)
		return gram->probability;
	if (n == 1)
		return -100; /* of <unk>, unlisted */
	join(words, n - 1, text);
	gram = find(reference, text);
	if (gram)
		backoff = gram->backoff;
	return backoff + back_off(reference, words + 1, n - 1);
}

double lm_reference_score(const struct lm_reference *reference, const char *const *history,
			  size_t n, const char *word)
{
	const char *words[MAX_ORDER];
	size_t kept = n < reference->order - 1 ? n : reference->order - 1;

	for (size_t i = 0; i < kept; i++)
		words[i] = history[n - kept + i];
	words[kept] = word;
	for (size_t i = 0; i <= kept; i++) {
		if (find(reference, words[i]) == NULL)
			words[i] = "<unk>";
	}
	return back_off(reference, words, kept + 1);
}

/* ---- random files ---- */

struct maker {
	const struct lm_random *what;
	unsigned *seed;
	const char *words[40];
	size_t n_words;
	struct lm_reference *made; /* scores unset */
	size_t counts[MAX_ORDER];
};

static void add(struct maker *maker, const char *const *words, size_t n)
{
	char text[MAX_TEXT];

	join(words, n, text);
	if (find(maker->made, text))
		return;
	assert_true(maker->made->n < MAX_GRAMS);
	strcpy(maker->made->grams[maker->made->n++].words, text);
	maker->counts[n - 1]++;
}

static void add_whole(struct maker *maker, const char *const *words, size_t n)
{
	add(maker, words, n);
	if (n > 2 && maker->what->whole) {
		add_whole(maker, words, n - 1);
		add_whole(maker, words + 1, n - 1);
	}
}

static void choose_words(struct maker *maker)
{
	maker->words[maker->n_words++] = "<s>";
	if (maker->what->unknown)
		maker->words[maker->n_words++] = "<unk>";
	if (maker->what->end)
		maker->words[maker->n_words++] = "</s>";
	for (size_t i = 0; lm_random_words[i]; i++) {
		if (fixture_random(maker->seed, 4) > 0)
			maker->words[maker->n_words++] = lm_random_words[i];
	}
	for (size_t i = 0; i < maker->n_words; i++)
		add(maker, &maker->words[i], 1);
}

static void choose_ngrams(struct maker *maker)
{
	for (unsigned order = 2; order <= maker->what->order; order++) {
		unsigned wanted = 1 + fixture_random(maker->seed, 60);

		for (unsigned i = 0; i < wanted; i++) {
			const char *words[MAX_ORDER];

			for (unsigned k = 0; k < order; k++)
				words[k] = maker->words[fixture_random(maker->seed,
								       (unsigned)maker->n_words)];
			add_whole(maker, words, order);
		}
	}
}

static unsigned order_of(const char *words)
{
	unsigned order = 1;

	for (; *words; words++)
		order += *words == ' ';
	return order;
}

static double random_score(struct maker *maker, unsigned below)
{
	return (double)fixture_random(maker->seed, below * 100000) / 1e5;
}

static void print_section(struct maker *maker, unsigned order, FILE *file)
{
	fprintf(file, "\n\\%u-grams:\n", order);
	for (size_t i = 0; i < maker->made->n; i++) {
		const char *words = maker->made->grams[i].words;

		if (order_of(words) != order)
			continue;
		fprintf(file, "%.5f\t%s", -random_score(maker, 6), words);
		/* Some back-offs are missing, some 0, a few positive. */
		if (order < maker->what->order && fixture_random(maker->seed, 3) > 0)
			fprintf(file, "\t%.5f",
				fixture_random(maker->seed, 8) > 0 ? 0.2 - random_score(maker, 2)
								   : 0.0);
		fputc('\n', file);
	}
}

char *lm_random_arpa(const struct lm_random *what, unsigned *seed)
{
	struct maker maker = {.what = what, .seed = seed, .made = calloc(1, sizeof(*maker.made))};
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(maker.made);
	assert_non_null(file);
	choose_words(&maker);
	choose_ngrams(&maker);
	fputs("a line before the data\n\n\\data\\\n", file);
	for (unsigned k = 0; k < what->order; k++)
		fprintf(file, "ngram %u=%zu\n", k + 1, maker.counts[k]);
	for (unsigned order = 1; order <= what->order; order++)
		print_section(&maker, order, file);
	fputs("\n\\end\\\n", file);
	fclose(file);
	free(maker.made);
	return text;
}
