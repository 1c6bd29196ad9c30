/* Shared by the tests of core/acoustic: fixture models and synthetic audio. */
#ifndef TESTS_ACOUSTIC_HELPERS_H
#define TESTS_ACOUSTIC_HELPERS_H

#include "core/acoustic/acoustic.h"

#include <stddef.h>

struct pool;

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The directory of fixture `name`. Static storage, until the next call. */
const char *fixture_dir(const char *name);

/* Loads, with the weights that HEARD_TEST_WEIGHTS names (f32), or fails the test. */
struct acoustic_model *load_fixture(const char *name, struct pool *pool);

/* Deterministic audio that keeps changing: chirps, noise and pauses. Owned. */
float *make_audio(size_t n, unsigned seed);

/* All that a stream says over its life. */
struct record {
	size_t width;
	size_t n_committed, n_provisional, n_steps; /* rows, rows, steps */
	float *committed, *provisional;             /* owned */
};
void record_finish(struct record *record);

/* Appends the last step's output. */
void record_step(struct record *record, const struct acoustic_stream *stream);

/* Pushes samples in pieces drawn from `split` (0: random up to 5000), steps
 * alone whenever ready, ends, and steps until done. */
void run_stream(struct acoustic_batch *batch, struct acoustic_stream *stream, const float *samples,
		size_t n, size_t split, size_t width, struct record *record);

/* Bit for bit, except where OpenBLAS computes. */
void assert_same_record(const struct record *a, const struct record *b);

/* Largest absolute difference of n floats. */
float max_difference(const float *a, const float *b, size_t n);

#endif
