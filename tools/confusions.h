/*
 * Which words were taken for which: what an alignment found wrong, counted.
 */
#ifndef HEARD_TOOLS_CONFUSIONS_H
#define HEARD_TOOLS_CONFUSIONS_H

#include "tools/edit_distance.h"

struct confusion {
	enum edit_kind kind; /* never EDIT_EQUAL */
	char *reference;     /* owned; NULL of an insertion */
	char *hypothesis;    /* owned; NULL of a deletion */
	size_t count;
};

/* Zeroed: none. */
struct confusions {
	struct confusion *entries; /* owned */
	size_t n, capacity;
};

void confusions_finish(struct confusions *confusions);

/* Counts a pair once; equal ones not. 0 or -ENOMEM. */
int confusions_add(struct confusions *confusions, const struct edit_pair *pair);
/* Adds all of `from`. 0 or -ENOMEM. */
int confusions_merge(struct confusions *confusions, const struct confusions *from);

/* Every confusion once from now on (until the next add or merge), substitutions
 * before insertions before deletions, the most frequent first, equally frequent
 * ones by their text. */
void confusions_rank(struct confusions *confusions);

#endif
