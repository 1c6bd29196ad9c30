/*
 * Transcripts as files that grow while they are made: SubRip (.srt), WebVTT (.vtt)
 * and plain text. After each transcript the file on disk is complete.
 */
#ifndef HEARD_CLIENT_SUBTITLES_H
#define HEARD_CLIENT_SUBTITLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum subtitles_format {
	SUBTITLES_SRT,
	SUBTITLES_VTT,
	SUBTITLES_TXT,
};

enum {
	SUBTITLES_LINE_CELLS = 42, /* what broadcasters put on a line */
	SUBTITLES_LINES = 2,
};

/* A cue stands no longer than this, and breaks where the speaker pauses so long. */
#define SUBTITLES_CUE_SECONDS   7.0
#define SUBTITLES_PAUSE_SECONDS 1.0

struct subtitles {
	FILE *file; /* owned; NULL: not wanted */
	char *path; /* owned */
	enum subtitles_format format;
	unsigned long cues;
	double last_end; /* seconds: cues do not overlap */
};

struct subtitles_word {
	const char *word;
	double start, end; /* seconds */
};

/* Creates the file, or empties it. Says why not on standard error and returns a
 * negative errno. */
int subtitles_open(struct subtitles *subtitles, enum subtitles_format format, const char *path);
/* Accepts a zeroed struct. */
void subtitles_close(struct subtitles *subtitles);

/* Adds a transcript: split into cues at its words, or one cue over [start, end)
 * where there are none. An empty text adds nothing. 0 or a negative errno,
 * reported on standard error. */
int subtitles_add(struct subtitles *subtitles, const char *text, double start, double end,
		  const struct subtitles_word *words, size_t n_words);

#endif
