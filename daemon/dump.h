/*
 * --dump: what the engine was given of the live source, as a WAV file of 32-bit
 * floats whose sample k is the stream's clock k. What the gate left out and
 * what was lost is silence in it.
 *
 * Loop thread. Writing may block: this is for finding faults.
 */
#ifndef HEARD_DAEMON_DUMP_H
#define HEARD_DAEMON_DUMP_H

#include <stddef.h>
#include <stdint.h>

struct dump;

/* Logs and returns a negative errno on failure. */
int dump_open(const char *path, unsigned rate, struct dump **out);
/* Each accepts NULL. A failed write is logged once and ends the dump. */
void dump_close(struct dump *dump);
void dump_samples(struct dump *dump, const float *samples, size_t n);
void dump_silence(struct dump *dump, int64_t n);

#endif
