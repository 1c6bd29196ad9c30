/*
 * A keyword model: the classifier and which of its labels are no keyword.
 */
#ifndef HEARD_DAEMON_KEYWORDS_H
#define HEARD_DAEMON_KEYWORDS_H

#include "core/classifier.h"
#include "daemon/settings.h"

struct keywords {
	struct classifier *classifier; /* owned */
	size_t labels;
	bool *ignored;        /* owned, [labels] */
	float *probabilities; /* owned, [labels]: scratch of whoever runs it */
	size_t max_samples;   /* of a window */
};

/* On a worker: loads a model for windows of so many seconds. Logs and returns a
 * negative errno. An ignored label that the model lacks is worth a warning. */
int keywords_open(const char *dir, unsigned threads, double window_s,
		  const struct string_list *ignore, struct keywords **out);
void keywords_close(struct keywords *keywords); /* NULL is allowed */

#endif
