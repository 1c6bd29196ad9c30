/*
 * How loud speech is, pauses left out: the active speech level of ITU-T P.56
 * (2011), method B. The envelope (two smoothings of 30 ms) is compared with
 * thresholds a factor of two apart, each held for 200 ms; the level is that of
 * the samples above the threshold which lies 15.9 dB below it.
 */
#ifndef HEARD_TOOLS_SPEECH_LEVEL_H
#define HEARD_TOOLS_SPEECH_LEVEL_H

#include <stddef.h>

/* Root mean square of the active part of samples (-1..1, rate in Hz); 0 where
 * nothing rises above a 16-bit recording's last bit. *activity (may be NULL) is
 * the share of the time that was active, 0..1. */
double speech_level(const float *samples, size_t n, unsigned rate, double *activity);

/* Root mean square of everything; 0 for no samples. */
double signal_level(const float *samples, size_t n);

#endif
