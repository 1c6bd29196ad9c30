#include "tools/edit_distance.h"

#include "core/base/checked.h"
#include "core/decode/unicode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

/* Appends a unit; no text has more units than bytes, which is the room there is. */
static void add(struct edit_units *out, const char *text, size_t size)
{
	out->units[out->n++] = (struct edit_unit){text, size};
}

static int units_init(const char *text, struct edit_units *out)
{
	size_t bytes;

	out->n = 0;
	out->units = NULL;
	if (checked_mul(strlen(text) + 1, sizeof(*out->units), &bytes))
		out->units = malloc(bytes);
	return out->units ? 0 : -ENOMEM;
}

int edit_words(const char *text, struct edit_units *out)
{
	size_t size = strlen(text);
	size_t begin = 0;

	int error = units_init(text, out);
	if (error)
		return error;
	for (size_t at = 0; at < size;) {
		size_t next = at;
		if (unicode_is_space(unicode_next(text, size, &next))) {
			if (begin < at)
				add(out, text + begin, at - begin);
			begin = next;
		}
		at = next;
	}
	if (begin < size)
		add(out, text + begin, size - begin);
	return 0;
}

int edit_characters(const char *text, struct edit_units *out)
{
	size_t size = strlen(text);
	bool space = false;

	int error = units_init(text, out);
	if (error)
		return error;
	for (size_t at = 0; at < size;) {
		size_t next = at;
		if (unicode_is_space(unicode_next(text, size, &next))) {
			space = true;
		} else {
			if (space && out->n > 0)
				add(out, " ", 1);
			add(out, text + at, next - at);
			space = false;
		}
		at = next;
	}
	return 0;
}

void edit_units_finish(struct edit_units *units)
{
	free(units->units);
	*units = (struct edit_units){0};
}

char *edit_fold(const char *text)
{
	enum { MAX_BYTES = 4 * UNICODE_MAX_EXPANSION }; /* of one code point's fold */
	size_t size = strlen(text);
	size_t bytes, n = 0;

	if (!checked_mul(size + 1, MAX_BYTES, &bytes))
		return NULL;
	char *out = malloc(bytes);
	if (!out)
		return NULL;
	for (size_t at = 0; at < size;) {
		uint32_t upper[UNICODE_MAX_EXPANSION];
		int count = unicode_upper(unicode_next(text, size, &at), upper);
		for (int i = 0; i < count; i++)
			n += unicode_put(out + n, upper[i]);
	}
	out[n] = '\0';
	return out;
}

/* ---- counts ---- */

void edit_counts_add(struct edit_counts *sum, const struct edit_counts *counts)
{
	sum->reference += counts->reference;
	sum->substitutions += counts->substitutions;
	sum->insertions += counts->insertions;
	sum->deletions += counts->deletions;
}

/* ---- the table ----
 *
 * Cell (i, j) is the best way from the first i units of the reference to the
 * first j of the hypothesis. Rows are computed from top to bottom, one is kept;
 * a cell holds the counts of its way, so their sum is its cost. `kinds`, if
 * given, [n + 1, m + 1], keeps the last edit of each cell's way. */

static bool equal(const struct edit_unit *a, const struct edit_unit *b)
{
	return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* The best way into a cell from the cells above left, above and left. */
static struct edit_counts best(const struct edit_counts *diagonal, const struct edit_counts *above,
			       const struct edit_counts *left, bool same, enum edit_kind *kind)
{
	size_t pair = edit_errors(diagonal) + !same;
	size_t deletion = edit_errors(above) + 1;
	size_t insertion = edit_errors(left) + 1;
	struct edit_counts out;

	if (pair <= deletion && pair <= insertion) {
		*kind = same ? EDIT_EQUAL : EDIT_SUBSTITUTION;
		out = *diagonal;
		out.substitutions += !same;
	} else if (deletion <= insertion) {
		*kind = EDIT_DELETION;
		out = *above;
		out.deletions++;
	} else {
		*kind = EDIT_INSERTION;
		out = *left;
		out.insertions++;
	}
	return out;
}

static int fill(const struct edit_units *reference, const struct edit_units *hypothesis,
		unsigned char *kinds, struct edit_counts *out)
{
	size_t m = hypothesis->n;
	struct edit_counts *row = calloc(m + 1, sizeof(*row));

	if (!row)
		return -ENOMEM;
	for (size_t j = 0; j <= m; j++) {
		row[j].insertions = j;
		if (kinds)
			kinds[j] = EDIT_INSERTION;
	}
	for (size_t i = 1; i <= reference->n; i++) {
		struct edit_counts diagonal = row[0];
		row[0].deletions = i;
		if (kinds)
			kinds[i * (m + 1)] = EDIT_DELETION;
		for (size_t j = 1; j <= m; j++) {
			struct edit_counts above = row[j];
			enum edit_kind kind;
			bool same = equal(&reference->units[i - 1], &hypothesis->units[j - 1]);
			row[j] = best(&diagonal, &above, &row[j - 1], same, &kind);
			diagonal = above;
			if (kinds)
				kinds[i * (m + 1) + j] = (unsigned char)kind;
		}
	}
	*out = row[m];
	out->reference = reference->n;
	free(row);
	return 0;
}

int edit_count(const struct edit_units *reference, const struct edit_units *hypothesis,
	       struct edit_counts *out)
{
	return fill(reference, hypothesis, NULL, out);
}

/* Walks back from the last cell, then turns the pairs round. */
static void trace(const struct edit_units *reference, const struct edit_units *hypothesis,
		  const unsigned char *kinds, struct edit_alignment *out)
{
	size_t i = reference->n;
	size_t j = hypothesis->n;
	size_t width = hypothesis->n + 1;

	out->n = 0;
	while (i > 0 || j > 0) {
		struct edit_pair pair = {.kind = (enum edit_kind)kinds[i * width + j]};
		if (pair.kind != EDIT_INSERTION)
			pair.reference = &reference->units[--i];
		if (pair.kind != EDIT_DELETION)
			pair.hypothesis = &hypothesis->units[--j];
		out->pairs[out->n++] = pair;
	}
	for (size_t a = 0, b = out->n; a + 1 < b; a++) {
		struct edit_pair pair = out->pairs[a];
		out->pairs[a] = out->pairs[--b];
		out->pairs[b] = pair;
	}
}

int edit_align(const struct edit_units *reference, const struct edit_units *hypothesis,
	       struct edit_alignment *out)
{
	size_t cells;
	unsigned char *kinds = NULL;
	int error = -ENOMEM;

	*out = (struct edit_alignment){0};
	if (checked_mul(reference->n + 1, hypothesis->n + 1, &cells))
		kinds = malloc(cells);
	out->pairs = malloc((reference->n + hypothesis->n + 1) * sizeof(*out->pairs));
	if (kinds && out->pairs)
		error = fill(reference, hypothesis, kinds, &out->counts);
	if (!error)
		trace(reference, hypothesis, kinds, out);
	else
		edit_alignment_finish(out);
	free(kinds);
	return error;
}

void edit_alignment_finish(struct edit_alignment *alignment)
{
	free(alignment->pairs);
	*alignment = (struct edit_alignment){0};
}
