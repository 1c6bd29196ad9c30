/*
 * Loading a language model and what a look-up in it costs.
 *
 * usage: bench-lm LM [SECONDS]
 *
 * LM is packed or ARPA. Sentences are drawn from the model itself: with the
 * given odds the next word is one that the model lists behind the last two, else
 * any word, so that look-ups end at all depths.
 */
#include "core/base/log.h"
#include "core/decode/lm_fusion.h"
#include "core/decode/lm_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS = 1 << 16 };

struct bench {
	const struct lm *lm;
	double seconds;
	uint32_t words[WORDS];
	uint64_t random;
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static uint32_t draw(struct bench *bench, size_t below)
{
	bench->random = bench->random * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)((bench->random >> 33) % below);
}

/* Goes to some child of the entry: the words of a listed n-gram, backwards. */
static unsigned draw_ngram(struct bench *bench, uint32_t words[LM_MAX_ORDER])
{
	const struct lm *lm = bench->lm;
	uint32_t node = draw(bench, lm_size(lm));
	unsigned n = 1;

	words[0] = node;
	while (n < lm_order(lm)) {
		const struct lm_entry *entry = &lm->at.entries[n - 1][node];

		if (entry[0].child == entry[1].child)
			break;
		node = entry[0].child + draw(bench, entry[1].child - entry[0].child);
		words[n] = lm->at.keys[n][node];
		n++;
	}
	return n;
}

static void draw_text(struct bench *bench)
{
	size_t n = 0;

	while (n < WORDS) {
		uint32_t ngram[LM_MAX_ORDER];
		unsigned length = draw_ngram(bench, ngram);

		while (length > 0 && n < WORDS)
			bench->words[n++] = ngram[--length];
	}
}

static void report(const char *what, size_t n, double seconds)
{
	printf("%-28s %8.1f ns\n", what, 1e9 * seconds / (double)n);
}

static void bench_scores(struct bench *bench)
{
	double begin = now_s(), sum = 0;
	size_t n = 0, matched = 0;

	do {
		struct lm_state state;

		lm_begin(bench->lm, true, &state);
		for (size_t i = 0; i < WORDS; i++) {
			sum += (double)lm_score(bench->lm, &state, bench->words[i], &state);
			matched += state.length;
		}
		n += WORDS;
	} while (now_s() - begin < bench->seconds);
	report("score of a word", n, now_s() - begin);
	printf("%-28s %8.2f words kept, log10 %.2f a word\n", "", (double)matched / (double)n,
	       sum / (double)n);
}

/* As a decoder does it: letter by letter, then the word. */
static void bench_cursors(struct bench *bench)
{
	double begin = now_s();
	size_t bytes = 0, words = 0, wrong = 0;

	do {
		for (size_t i = 0; i < WORDS; i++) {
			struct lm_cursor cursor;
			size_t n;
			const char *word = lm_word(bench->lm, bench->words[i], &n);

			lm_cursor_begin(bench->lm, &cursor);
			for (size_t k = 0; k < n; k++)
				lm_cursor_push(bench->lm, &cursor, word + k, 1);
			wrong += lm_cursor_word(bench->lm, &cursor) != bench->words[i];
			bytes += n;
		}
		words += WORDS;
	} while (now_s() - begin < bench->seconds);
	report("letter of an open word", bytes, now_s() - begin);
	printf("%-28s %8.2f letters a word%s\n", "", (double)bytes / (double)words,
	       wrong ? ": WRONG WORDS" : "");
}

static void bench_find(struct bench *bench)
{
	double begin = now_s();
	size_t words = 0;

	do {
		for (size_t i = 0; i < WORDS; i++) {
			size_t n;
			const char *word = lm_word(bench->lm, bench->words[i], &n);

			if (lm_find(bench->lm, word, n) != bench->words[i])
				abort();
		}
		words += WORDS;
	} while (now_s() - begin < bench->seconds);
	report("word by its bytes", words, now_s() - begin);
}

int main(int argc, char **argv)
{
	static struct bench bench = {.seconds = 1, .random = 1};
	struct lm *lm;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: bench-lm LM [SECONDS]\n");
		return 2;
	}
	if (argc > 2)
		bench.seconds = strtod(argv[2], NULL);
	for (int i = 0; i < 3; i++) {
		double begin = now_s();

		if (lm_open(argv[1], &lm) < 0)
			return 1;
		printf("%-28s %8.1f ms\n", "open", 1e3 * (now_s() - begin));
		if (i < 2)
			lm_close(lm);
	}
	bench.lm = lm;
	printf("order %u, %zu words, %.1f MB\n", lm_order(lm), lm_size(lm),
	       (double)lm->at.bytes / 1e6);
	draw_text(&bench);
	bench_scores(&bench);
	bench_cursors(&bench);
	bench_find(&bench);
	lm_close(lm);
	return 0;
}
