/*
 * Test results in the TAP format, one line a check, the largest difference
 * beside each. What fails prints where it differs and both values.
 */
#ifndef HEARD_TESTS_GOLDEN_REPORT_H
#define HEARD_TESTS_GOLDEN_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* All return whether the check passed. `name` is printf-formatted beforehand
 * by report_name, whose result is valid until the sixteenth call after it. */
const char *report_name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

bool report_true(const char *name, bool ok);

/* |got - expected| <= tolerance for all of the n values. */
bool report_close(const char *name, const float *expected, size_t n_expected, const float *got,
		  size_t n_got, double tolerance);

bool report_ints(const char *name, const int *expected, size_t n_expected, const int *got,
		 size_t n_got);
bool report_int(const char *name, long long expected, long long got);
bool report_text(const char *name, const char *expected, const char *got);

/* A check that could not even begin; `reason` says why. */
void report_failure(const char *name, const char *reason);

/* Prints the plan; returns the exit status of the program. */
int report_finish(void);

#endif
