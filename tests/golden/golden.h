/*
 * The parts of the golden test of one fixture directory. Tolerances are those
 * of README.md.
 */
#ifndef HEARD_TESTS_GOLDEN_GOLDEN_H
#define HEARD_TESTS_GOLDEN_GOLDEN_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct acoustic_model;
struct model_config;
struct vocab;

#define TOLERANCE_INPUT      1e-5
#define TOLERANCE_ATTENTION  1e-5
#define TOLERANCE_LOGITS     2e-4
#define TOLERANCE_CUMULATIVE 3e-4
#define TOLERANCE_LOSS       1e-5 /* relative */
#define MARGIN               1e-3 /* below it the reference's argmax is a matter of rounding */

struct subject {
	const char *dir;   /* where model and expectations lie */
	const char *label; /* printed before the name of each check */
	struct acoustic_model *model;
	const struct model_config *config;
};

/* The vocabulary of `language` (NULL: the directory's own), or NULL where the
 * directory has none. Owned: vocab_destroy. */
struct vocab *golden_vocab(const struct subject *subject, const char *language);

/* STEM.wav (`wav` where it has another name) through the offline pass, every
 * tensor of STEM.safetensors and every value of STEM.json. */
void check_offline(const struct subject *subject, const char *stem, const char *wav, int adapter,
		   const struct vocab *vocab);

/* Every setting of streaming.json, for many splits of the samples. */
void check_streaming(const struct subject *subject, const struct vocab *vocab);

/* All texts and offsets that `expected` names for these ids. */
void check_texts(const char *label, const struct vocab *vocab, const int *ids, size_t n,
		 const cJSON *expected);

/* decode.json */
void check_decode(const struct subject *subject, const struct vocab *vocab);

/* Index of the largest of n values, and its distance to the second. */
int golden_argmax(const float *row, size_t n, float *margin);

#endif
