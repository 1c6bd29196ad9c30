/* Sounds of tests: made, never recorded. */
#ifndef HEARD_TESTS_TOOLS_SOUNDS_H
#define HEARD_TESTS_TOOLS_SOUNDS_H

#include <stddef.h>

/* `n` samples of a tone of this root mean square. */
void sounds_tone(float *samples, size_t n, unsigned rate, double hz, double level);

/* Uniform noise of this root mean square, the same for the same seed. */
void sounds_noise(float *samples, size_t n, unsigned seed, double level);

/* Writes DIR/NAME as 32-bit floats, mono; NAME ends in .wav. */
void sounds_write(const char *dir, const char *name, unsigned rate, const float *samples, size_t n);

#endif
