/* Small vocabularies and random lattices for the tests of the beam search, and an
 * enumeration of all paths through a lattice. */
#ifndef HEARD_TESTS_DECODE_LATTICE_H
#define HEARD_TESTS_DECODE_LATTICE_H

#include "core/decode/vocab.h"

#include <stddef.h>

/* Tokens by their texts; the first is the blank, "|" the delimiter. Owned by the
 * caller. */
struct vocab *lattice_vocab(const char *const *texts, size_t n);

/* Logits in [0, spread), [frames, tokens]. */
void lattice_random(float *logits, size_t frames, size_t tokens, float spread, unsigned *random);
/* Frames as a trained network makes them: mostly one token far above the rest,
 * runs of blanks, some frames in doubt. */
void lattice_peaky(float *logits, size_t frames, size_t tokens, unsigned *random);

enum { LATTICE_LABELS = 16, LATTICE_PATHS = 4096 };

/* A labelling and the sum over its paths; ids of equal text are not told apart
 * here, so give each token its own text. */
struct labelling {
	int labels[LATTICE_LABELS];
	size_t n;
	double sum;  /* probability */
	double best; /* of the best path */
};

/* All labellings of a lattice of at most LATTICE_PATHS paths, blank 0. Returns
 * their number. */
size_t lattice_enumerate(const float *logits, size_t frames, size_t tokens,
			 struct labelling *labellings, size_t capacity);
/* ln p(token | frame). */
double lattice_ln(const float *logits, size_t tokens, size_t frame, int token);
/* The tokens' texts joined, the delimiter as a space. */
void lattice_text(const struct vocab *vocab, const int *labels, size_t n, char *out);

/* The labelling of these ids; fails the test where there is none. */
const struct labelling *lattice_find(const struct labelling *labellings, size_t n,
				     const int *labels, size_t n_labels);
/* The characters of a transcript as ids; returns their number. */
size_t lattice_labels(const struct vocab *vocab, const struct transcript *transcript, int *labels);
/* Fails the test unless both are equal to single precision. */
void lattice_near(double got, double expected);

#endif
