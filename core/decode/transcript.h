/*
 * Text with the times and confidences of its words and characters.
 */
#ifndef HEARD_DECODE_TRANSCRIPT_H
#define HEARD_DECODE_TRANSCRIPT_H

#include <stddef.h>

/* A character or word with its frames [start, end). text points into the
 * struct transcript it belongs to. */
struct span {
	const char *text;
	int start_frame, end_frame;
	float confidence; /* 0..1 */
};

struct transcript {
	char *text; /* owned */
	size_t n_chars, n_words;
	struct span *chars; /* owned */
	struct span *words; /* owned */
	char *strings;      /* owned storage of the spans' text */
};

/* Frees what it owns and zeroes it. */
void transcript_finish(struct transcript *transcript);

/* Joins n transcripts: texts with a space between those that are not empty, frames of part i
 * moved by frames[i]. *out is owned by the caller, whoever owns the parts. 0 or -ENOMEM. */
int transcript_join(const struct transcript *parts, const int *frames, size_t n,
		    struct transcript *out);
/* Likewise of one. */
int transcript_copy(const struct transcript *transcript, struct transcript *out);

#endif
