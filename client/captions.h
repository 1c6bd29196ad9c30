/*
 * Captions on standard output: on a terminal the utterance in progress is redrawn in
 * place, stable text plain and unstable text dim; elsewhere each transcript is a
 * line, and partials are not shown.
 */
#ifndef HEARD_CLIENT_CAPTIONS_H
#define HEARD_CLIENT_CAPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { CAPTIONS_MAX_ROWS = 256, CAPTIONS_TEXT_BYTES = 64 * 1024 };

struct captions {
	int fd;
	bool live; /* redraws in place */
	/* What the last drawing left below and beside the cursor: rows and their
	 * cells, as they were laid out, so that a narrower window can be cleared. */
	size_t rows;
	size_t widths[CAPTIONS_MAX_ROWS];
	char text[CAPTIONS_TEXT_BYTES]; /* of the utterance in progress */
	size_t stable;                  /* bytes of it */
	size_t length;
};

void captions_init(struct captions *captions, int fd);

/* Shows the utterance in progress. All return 0 or a negative errno of write(2). */
int captions_partial(struct captions *captions, const char *stable, const char *unstable);
/* The utterance is over: its text as a line for good; an empty one where `always`. */
int captions_final(struct captions *captions, const char *text, bool always);
/* Takes the utterance in progress off the screen, for something else to be
 * printed; captions_restore draws it again. */
int captions_hide(struct captions *captions);
int captions_restore(struct captions *captions);

#endif
