/*
 * How far the activations of networks are from those of another, stage by stage:
 * the same samples run through all, first the reference, then each of the others.
 * Errors are summed up over utterances, so that a share of a stage's size comes
 * out that does not hang on where one of them is loud.
 */
#ifndef HEARD_TOOLS_DEVIATION_H
#define HEARD_TOOLS_DEVIATION_H

#include "core/acoustic/acoustic.h"

#include <stddef.h>

struct deviation;

enum { DEVIATION_NAME_BYTES = 32, DEVIATION_MAX_OTHERS = 8 };

/* Sums over all values of a stage so far, of one of the others. */
struct deviation_stage {
	char name[DEVIATION_NAME_BYTES]; /* as `features` calls it */
	double error;                    /* of squared differences */
	double reference;                /* of the reference's squares */
	double largest;                  /* difference */
	size_t values;
};

/* 0 or -ENOMEM, logged. */
int deviation_create(struct deviation **out);
void deviation_destroy(struct deviation *deviation); /* NULL is allowed */

/* Begins an utterance: to be given to its run through the reference, whose
 * stages are kept. Valid as long as the deviation. */
const struct acoustic_tap *deviation_keep(struct deviation *deviation);
/* Then to a run of the same samples that is compared with it: that of network
 * `other`, below DEVIATION_MAX_OTHERS. Valid until the next call. */
const struct acoustic_tap *deviation_compare(struct deviation *deviation, size_t other);
/* After that: 0, or -ENOMEM, logged, where not everything could be kept. */
int deviation_error(const struct deviation *deviation);

/* In the order of the network; borrowed until the next call. */
size_t deviation_stages(const struct deviation *deviation);
const struct deviation_stage *deviation_stage(const struct deviation *deviation, size_t i,
					      size_t other);

/* Root mean square and largest error, both in units of the root mean square of
 * the reference; NAN of a stage without values. */
double deviation_rms(const struct deviation_stage *stage);
double deviation_max(const struct deviation_stage *stage);

#endif
