/*
 * Reading what lies in a fixture directory: recordings, expected tensors and
 * JSON. Any failure ends the program with a message; a broken fixture is no
 * test result.
 */
#ifndef HEARD_TESTS_GOLDEN_FIXTURE_H
#define HEARD_TESTS_GOLDEN_FIXTURE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct weights;

/* DIR/NAME; owned by the caller. */
char *fixture_path(const char *dir, const char *name);
bool fixture_exists(const char *dir, const char *name);

/* 16-bit mono, as floats -1..1; owned by the caller. */
float *fixture_samples(const char *dir, const char *name, size_t *n);

cJSON *fixture_json(const char *dir, const char *name);
struct weights *fixture_tensors(const char *dir, const char *name);

struct values {
	float *data; /* owned: values_finish */
	size_t n;
	size_t dims[3]; /* 1 behind the last */
};

/* A tensor as floats; false where the file has none of this name. */
bool fixture_values(const struct weights *weights, const char *name, struct values *out);
void values_finish(struct values *values);
float values_max_abs(const struct values *values);

/* A JSON array of numbers; owned by the caller. */
int *fixture_ints(const cJSON *array, size_t *n);

/* A temporary directory with links to all files of `dir` but those whose name
 * starts with `without`; valid until the next call or the end of the program,
 * which removes it. */
const char *fixture_copy(const char *dir, const char *without);

void *fixture_allocate(size_t count, size_t size);
void fixture_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
