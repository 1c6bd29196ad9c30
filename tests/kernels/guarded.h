/*
 * Float buffers with guard values around them, and random numbers, for tests
 * of code that must not touch anything outside of what it was given.
 */
#ifndef HEARD_TESTS_GUARDED_H
#define HEARD_TESTS_GUARDED_H

#include <stddef.h>
#include <stdint.h>

/* Uniform in [-1, 1), from a fixed seed that random_seed sets. */
float random_float(void);
/* Uniform in [0, below). */
size_t random_below(size_t below);
void random_seed(uint64_t seed);

/* `n` floats, `misalign` floats (0 to 15) off a 64-byte boundary, with guards
 * on both sides. The contents are guard values too. */
struct guarded {
	float *data; /* [n] */
	size_t n;
	float *whole; /* owned */
	size_t whole_floats;
};

void guarded_init(struct guarded *buffer, size_t n, size_t misalign);
void guarded_finish(struct guarded *buffer);
void guarded_fill_random(struct guarded *buffer, float scale);

/* Fails the running cmocka test where a guard was overwritten. */
void guarded_check(const struct guarded *buffer, const char *what);

/* Is this the value that guards and fresh buffers hold? */
int guarded_is_guard(float value);

#endif
