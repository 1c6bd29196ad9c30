/*
 * How restless partials are: of the unstable words shown, how many were
 * changed or taken back later. A last word that merely grows is not changed.
 */
#ifndef HEARD_DECODE_FLICKER_H
#define HEARD_DECODE_FLICKER_H

#include <stdint.h>

enum { FLICKER_BYTES = 2048 };

struct flicker {
	uint64_t shown;           /* unstable words displayed; a changed word counts anew */
	uint64_t revised;         /* of those, changed or taken back */
	unsigned base;            /* number in the utterance of the first word of `last` */
	char last[FLICKER_BYTES]; /* the unstable words of the last partial */
};

/* Counts one partial, whose whole text is stable followed by unstable. */
void flicker_partial(struct flicker *flicker, const char *stable, const char *unstable);

/* Counts the unstable words that a final contradicts, and starts afresh. */
void flicker_final(struct flicker *flicker, const char *text);

#endif
