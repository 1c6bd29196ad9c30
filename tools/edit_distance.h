/*
 * How one text becomes another with the fewest edits: the alignment behind word
 * and character error rates (Levenshtein 1966), every edit at a cost of one.
 *
 * Units are compared as bytes: fold case before, where case shall not count
 * (edit_fold).
 */
#ifndef HEARD_TOOLS_EDIT_DISTANCE_H
#define HEARD_TOOLS_EDIT_DISTANCE_H

#include <stddef.h>

/* A word or a character; text is borrowed, `size` bytes, not terminated. */
struct edit_unit {
	const char *text;
	size_t size;
};

struct edit_units {
	struct edit_unit *units; /* owned */
	size_t n;
};

/* Words: what white space separates. 0 or -ENOMEM; `out` borrows the text. */
int edit_words(const char *text, struct edit_units *out);
/* Characters: code points; white space between words counts as one space, at
 * the ends as nothing. Likewise. */
int edit_characters(const char *text, struct edit_units *out);
void edit_units_finish(struct edit_units *units);

/* The text in upper case (full mapping, no locale), owned by the caller; NULL:
 * no memory. */
char *edit_fold(const char *text);

struct edit_counts {
	size_t reference; /* units of the reference */
	size_t substitutions, insertions, deletions;
};

static inline size_t edit_errors(const struct edit_counts *counts)
{
	return counts->substitutions + counts->insertions + counts->deletions;
}

/* Adds the counts of a further text. */
void edit_counts_add(struct edit_counts *sum, const struct edit_counts *counts);

enum edit_kind { EDIT_EQUAL, EDIT_SUBSTITUTION, EDIT_INSERTION, EDIT_DELETION };

/* NULL where the kind has none: reference of an insertion, hypothesis of a deletion. */
struct edit_pair {
	enum edit_kind kind;
	const struct edit_unit *reference, *hypothesis; /* borrowed from the texts aligned */
};

struct edit_alignment {
	struct edit_pair *pairs; /* owned, in the order of the texts */
	size_t n;
	struct edit_counts counts;
};

/* The counts alone, those of edit_align: memory of one row. 0 or -ENOMEM. */
int edit_count(const struct edit_units *reference, const struct edit_units *hypothesis,
	       struct edit_counts *out);

/* The counts and what stands against what: memory of a byte for each pair of
 * units. Where several ways have the fewest edits, the one is taken that, seen
 * from the end, pairs units as long as it can, then deletes. 0 or -ENOMEM. */
int edit_align(const struct edit_units *reference, const struct edit_units *hypothesis,
	       struct edit_alignment *out);
void edit_alignment_finish(struct edit_alignment *alignment);

#endif
