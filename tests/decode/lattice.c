#include "tests/decode/lattice.h"

#include "core/weights/tokenizer.h"
#include "tests/decode/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct vocab *lattice_vocab(const char *const *texts, size_t n)
{
	static char delimiter[] = "|", space[] = " ";
	struct tokenizer_token tokens[64] = {{0}};
	struct tokenizer tokenizer = {
		.n_tokens = n,
		.tokens = tokens,
		.pad_id = 0,
		.unk_id = -1,
		.delimiter_id = -1,
		.delimiter = delimiter,
		.replace_delimiter = space,
	};
	struct vocab *vocab;

	assert_in_range(n, 1, 64);
	for (size_t i = 0; i < n; i++) {
		tokens[i].text = (char *)(uintptr_t)texts[i];
		if (strcmp(texts[i], "|") == 0)
			tokenizer.delimiter_id = (int)i;
	}
	assert_int_equal(vocab_create(&tokenizer, -1, &vocab), 0);
	return vocab;
}

void lattice_random(float *logits, size_t frames, size_t tokens, float spread, unsigned *random)
{
	for (size_t i = 0; i < frames * tokens; i++)
		logits[i] = spread * (float)fixture_random(random, 10000) / 10000.0F;
}

void lattice_peaky(float *logits, size_t frames, size_t tokens, unsigned *random)
{
	int token = 0;

	lattice_random(logits, frames, tokens, 3.0F, random);
	for (size_t f = 0; f < frames; f++) {
		unsigned kind = fixture_random(random, 8);

		if (kind < 3)
			token = 0;
		else if (kind < 6)
			token = (int)fixture_random(random, (unsigned)tokens);
		logits[f * tokens + (size_t)token] +=
			kind == 7 ? 0.5F : 3.0F + (float)fixture_random(random, 5);
	}
}

double lattice_ln(const float *logits, size_t tokens, size_t frame, int token)
{
	const float *row = logits + frame * tokens;
	double sum = 0.0;

	for (size_t i = 0; i < tokens; i++)
		sum += exp((double)row[i] - (double)row[token]);
	return -log(sum);
}

static struct labelling *find(struct labelling *labellings, size_t *n, size_t capacity,
			      const struct labelling *like)
{
	for (size_t i = 0; i < *n; i++) {
		if (labellings[i].n == like->n &&
		    memcmp(labellings[i].labels, like->labels, like->n * sizeof(int)) == 0)
			return &labellings[i];
	}
	assert_true(*n < capacity);
	labellings[*n] = *like;
	labellings[*n].sum = labellings[*n].best = 0.0;
	return &labellings[(*n)++];
}

size_t lattice_enumerate(const float *logits, size_t frames, size_t tokens,
			 struct labelling *labellings, size_t capacity)
{
	size_t paths = 1, n = 0;

	assert_true(frames <= LATTICE_LABELS);
	for (size_t f = 0; f < frames; f++)
		paths *= tokens;
	assert_true(paths <= LATTICE_PATHS);
	for (size_t path = 0; path < paths; path++) {
		struct labelling labelling = {.n = 0}, *found;
		size_t rest = path;
		double p = 1.0;
		int last = 0;

		for (size_t f = 0; f < frames; f++) {
			int token = (int)(rest % tokens);

			rest /= tokens;
			p *= exp(lattice_ln(logits, tokens, f, token));
			if (token != 0 && token != last)
				labelling.labels[labelling.n++] = token;
			last = token;
		}
		found = find(labellings, &n, capacity, &labelling);
		found->sum += p;
		found->best = p > found->best ? p : found->best;
	}
	return n;
}

void lattice_text(const struct vocab *vocab, const int *labels, size_t n, char *out)
{
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *text = vocab_token(vocab, labels[i]);

		strcat(out, strcmp(text, "|") == 0 ? " " : text);
	}
}

const struct labelling *lattice_find(const struct labelling *labellings, size_t n,
				     const int *labels, size_t n_labels)
{
	for (size_t i = 0; i < n; i++) {
		if (labellings[i].n == n_labels &&
		    memcmp(labellings[i].labels, labels, n_labels * sizeof(*labels)) == 0)
			return &labellings[i];
	}
	fail();
	return NULL;
}

size_t lattice_labels(const struct vocab *vocab, const struct transcript *transcript, int *labels)
{
	for (size_t i = 0; i < transcript->n_chars; i++) {
		const char *text = transcript->chars[i].text;

		labels[i] = -1;
		for (size_t t = 1; t < vocab_size(vocab); t++) {
			const char *token = vocab_token(vocab, (int)t);

			if (strcmp(strcmp(token, "|") == 0 ? " " : token, text) == 0)
				labels[i] = (int)t;
		}
		assert_true(labels[i] > 0);
	}
	return transcript->n_chars;
}

void lattice_near(double got, double expected)
{
	if (!(fabs(got - expected) <= 1e-5 * (1.0 + fabs(expected))))
		fail_msg("%.9g is not %.9g", got, expected);
}
