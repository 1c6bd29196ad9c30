/* The golden fixtures as the tests of decode and recognizer read them. */
#ifndef HEARD_TESTS_DECODE_FIXTURE_H
#define HEARD_TESTS_DECODE_FIXTURE_H

#include "core/decode/vocab.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Directory of a case; valid until the next call. */
const char *fixture_dir(const char *name);

/* Names of the cases that have `file`, NULL-terminated, owned by the fixture module. */
char **fixture_cases(const char *file);

/* Parses a JSON file of a case; fails the test where it cannot. Owned by the
 * caller. NULL where the file does not exist. */
cJSON *fixture_json(const char *name, const char *file);

/* Vocabulary of a case for `language` (NULL: its own). Owned by the caller. */
struct vocab *fixture_vocab(const char *name, const char *language);

/* A tensor of a case's safetensors file as floats, owned by the caller (free);
 * rows and columns may be NULL (a vector has one column). */
float *fixture_tensor(const char *name, const char *file, const char *tensor, size_t *rows,
		      size_t *columns);

/* A JSON array of integers, owned by the caller. */
int *fixture_ints(const cJSON *array, size_t *n);
const char *fixture_string(const cJSON *object, const char *key);

/* Small deterministic random numbers for property tests. */
unsigned fixture_random(unsigned *state, unsigned below);

#endif
