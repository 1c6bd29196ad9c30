/*
 * The least time that the matrix products of the network can take on a machine
 * of known speed: for each product the longer of its arithmetic and of reading
 * its weights (of attention: keys and values) from memory, summed. Activations
 * are taken to cost nothing.
 */
#ifndef HEARD_TOOLS_BOUND_H
#define HEARD_TOOLS_BOUND_H

#include "core/base/weight_type.h"
#include "tools/options.h"

#include <stddef.h>

struct model_config;

struct machine {
	double ops[WEIGHT_TYPES]; /* operations a second with weights of each type */
	double bytes;             /* read from memory a second */
	enum weight_type weights; /* of the model */
};

/* Seconds of one step of `streams` streams whose left context is full. Of the
 * chunk's frames everything is new, of the lookahead's only what follows the
 * conv encoder. `width`: of a row of output, 0 without a head. */
double bound_step(const struct model_config *config, size_t width, const struct window *window,
		  size_t streams, const struct machine *machine);

/* Seconds of the offline pass over `samples` samples. */
double bound_utterance(const struct model_config *config, size_t width, size_t samples,
		       const struct machine *machine);

#endif
