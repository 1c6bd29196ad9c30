/*
 * Noise laid under recordings, the same for the same seed on every machine,
 * whichever other clips are run.
 *
 * The signal-to-noise ratio is that of the active speech level (ITU-T P.56,
 * speech_level.h) to the root mean square of the noise under the clip. Sums
 * beyond -1..1 are left as they are.
 *
 * One thread at a time.
 */
#ifndef HEARD_TOOLS_NOISE_H
#define HEARD_TOOLS_NOISE_H

#include <stddef.h>
#include <stdint.h>

struct noise;

/* Lists the audio files in a folder (names that libsndfile's formats usually
 * have; a file is a list of one). rate in Hz. Logs and returns a negative errno
 * where there is none. */
int noise_open(const char *path, unsigned rate, uint64_t seed, struct noise **out);
void noise_close(struct noise *noise); /* NULL is allowed */

/* Adds noise to a clip. The file and the place in it where the noise begins are
 * drawn from seed, name and position, which tell one clip from another; at its
 * end the file begins anew; where all of it is silent it is drawn again, a few
 * times. Returns 1; 0 where the clip is silent (nothing to be in proportion to) or
 * the noise still is, and then it is as it was; or a negative errno, logged. */
int noise_mix(struct noise *noise, const char *name, uint64_t position, double snr_db,
	      float *samples, size_t n);

#endif
