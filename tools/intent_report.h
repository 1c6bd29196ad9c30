/*
 * Commands understood and speech rejected, by the threshold. Of commands: right
 * (accepted as what was said), wrong (accepted as another), rejected. Of other
 * speech: accepted, which is false, or rejected.
 */
#ifndef HEARD_TOOLS_INTENT_REPORT_H
#define HEARD_TOOLS_INTENT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct options;

struct intent_counts {
	struct intent_outcome {
		float confidence;
		bool command, right; /* right: where it is accepted */
	} * outcomes;                /* owned */
	size_t n, capacity;
	double seconds; /* of audio */
};

/* 0 or -ENOMEM, logged. */
int intent_counts_command(struct intent_counts *counts, float confidence, bool right);
int intent_counts_other(struct intent_counts *counts, float confidence);
void intent_counts_finish(struct intent_counts *counts);

/* Shares of the clips of their kind, 0..1; NAN where there is none. */
struct intent_rates {
	double right, wrong, rejected; /* of commands */
	double accepted;               /* of other speech */
};

/* Confidences of at least `threshold` are accepted. */
struct intent_rates intent_rates_at(const struct intent_counts *counts, double threshold);

/* The rates at the threshold of the options and the curve, on standard output. */
void intent_report_text(const struct intent_counts *counts, const struct options *options);
void intent_report_json(const struct intent_counts *counts, const struct options *options);

#endif
