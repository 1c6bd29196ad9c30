/*
 * A scratch directory and the log of one test: each test writes the files it
 * wants to see read or refused and compares the one line that came out.
 */
#ifndef HEARD_TESTS_WEIGHTS_SCRATCH_H
#define HEARD_TESTS_WEIGHTS_SCRATCH_H

#include <stddef.h>

struct scratch {
	char dir[64];
	char log[2048]; /* the last error line since scratch_quiet */
	int errors;     /* lines at error level since scratch_quiet */
};

/* cmocka setup and teardown; *state is the struct scratch. The log goes to it. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* Forgets what was logged. */
void scratch_quiet(struct scratch *scratch);

/* Writes DIR/NAME, replacing it; the second form takes text. */
void scratch_write(const struct scratch *scratch, const char *name, const void *data, size_t size);
void scratch_write_text(const struct scratch *scratch, const char *name, const char *text);
void scratch_remove(const struct scratch *scratch, const char *name);

/* Fails the test unless exactly one error line was logged that holds `file` and
 * `what`; then forgets it. */
void scratch_expect(struct scratch *scratch, const char *file, const char *what);

/* Writes a safetensors file of this header text (padded with `padding` spaces)
 * and `size` bytes of data. */
void scratch_write_safetensors(const struct scratch *scratch, const char *name, const char *header,
			       size_t padding, const void *data, size_t size);

#endif
