/*
 * What `heard-model verify` has found out: verify.c runs, verify_report.c prints.
 */
#ifndef HEARD_TOOLS_VERIFY_H
#define HEARD_TOOLS_VERIFY_H

#include "core/base/weight_type.h"
#include "core/weights/config.h"
#include "tools/deviation.h"
#include "tools/edit_distance.h"
#include "tools/options.h"

#include <stdbool.h>
#include <stddef.h>

/* How often two networks say the same, whatever is said. */
struct agreement {
	size_t utterances, utterances_equal; /* by their tokens */
	size_t frames, frames_equal;         /* by the best token; of a classifier: labels */
	struct edit_counts tokens;           /* greedy, repeats and blanks dropped */
};

/* One type of weights against the reference. */
struct verdict {
	enum weight_type type;
	size_t weights_bytes;
	struct agreement agreement;
	struct edit_counts words; /* of the transcripts; reference 0: there are none */
};

struct verify_report {
	const struct options *options;
	const struct model_config *config;
	enum weight_type against;
	size_t weights_bytes; /* of the reference, whose words follow */
	struct edit_counts words;
	double seconds;                    /* of audio */
	const struct deviation *deviation; /* borrowed; others are numbered as below */
	const struct verdict *verdicts;
	size_t n_verdicts;
};

/* On standard output: tables, or with --json an object for each type. */
void verify_report(const struct verify_report *report);

#endif
