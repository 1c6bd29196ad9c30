/*
 * Makes the tables whole: for every n-gram its context (without the last word)
 * and its ending (without the first) shall be listed, which pruning may have
 * broken. What is added scores as backing off does, so that no score changes:
 *
 *	p(w | h) = backoff(h) + p(w | h')	backoff(h w) = 0
 *
 * From the longest n-grams down for what is missing, then up for the scores.
 */
#include "core/decode/lm_grams.h"
#include "core/decode/lm_image.h"
#include "core/decode/lm_sort.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t *row_of(struct lm_table *table, size_t i)
{
	return table->rows + i * (table->order + 2);
}

static int compare_rows(const uint32_t *a, const uint32_t *b, unsigned keys)
{
	for (unsigned i = 0; i < keys; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}

/* Where the rows of each first word begin. */
static int index_table(struct lm_table *table, size_t n_words)
{
	size_t row = 0;

	free(table->first);
	table->first = malloc((n_words + 1) * sizeof(*table->first));
	if (table->first == NULL)
		return -ENOMEM;
	for (size_t id = 0; id <= n_words; id++) {
		while (row < table->n && row_of(table, row)[0] < id)
			row++;
		table->first[id] = (uint32_t)row;
	}
	return 0;
}

static int sort_table(struct lm_table *table, size_t n_words)
{
	lm_sort_rows(table->rows, table->n, table->order + 2, table->order);
	return index_table(table, n_words);
}

/* The row whose ids are these, or NULL. */
static uint32_t *find_row(struct lm_table *table, const uint32_t *ids)
{
	size_t first = table->first[ids[0]], last = table->first[ids[0] + 1];

	while (first < last) {
		size_t middle = first + (last - first) / 2;
		uint32_t *row = row_of(table, middle);
		int order = compare_rows(row + 1, ids + 1, table->order - 1);

		if (order == 0)
			return row;
		if (order < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return NULL;
}

static void mark_context(float *backoff)
{
	if (*backoff == 0)
		*backoff = 0.0F; /* plus */
}

static void mark_row(uint32_t *row, unsigned order)
{
	float backoff = lm_row_float(row, order + 1);

	mark_context(&backoff);
	memcpy(row + order + 1, &backoff, sizeof(backoff));
}

/* Appends a row whose score is not known yet: no number. */
static int add_missing(struct lm_grams *grams, unsigned order, const uint32_t *ids)
{
	uint32_t words[LM_MAX_ORDER];
	uint32_t nothing = LM_NONE; /* all bits set: not a number */
	float score;

	memcpy(&score, &nothing, sizeof(score));
	for (unsigned i = 0; i < order; i++)
		words[i] = ids[order - 1 - i];
	return lm_grams_add(grams, order, words, score, 0);
}

static bool is_missing(const uint32_t *row, unsigned order)
{
	return row[order] == LM_NONE;
}

/* Removes rows that were added more than once: equal rows lie side by side. */
static void drop_repeats(struct lm_table *table)
{
	size_t kept = 0, width = table->order + 2;

	for (size_t i = 0; i < table->n; i++) {
		if (kept > 0 &&
		    compare_rows(row_of(table, i), row_of(table, kept - 1), table->order) == 0)
			continue;
		memmove(row_of(table, kept++), row_of(table, i), width * sizeof(uint32_t));
	}
	table->n = kept;
}

/* Adds to `below` what the rows of `above` need there, and marks contexts. */
static int close_order(struct lm_grams *grams, struct lm_table *above, struct lm_table *below)
{
	size_t listed = below->n;
	unsigned order = below->order;
	int rc = 0;

	for (size_t i = 0; i < above->n && rc == 0; i++) {
		const uint32_t *row = row_of(above, i);
		const uint32_t *before = i > 0 ? row_of(above, i - 1) : NULL;

		/* Rows of one ending follow each other. */
		if ((before == NULL || compare_rows(row, before, order) != 0) &&
		    find_row(below, row) == NULL)
			rc = add_missing(grams, order, row);
		if (rc == 0 && find_row(below, row + 1) == NULL)
			rc = add_missing(grams, order, row + 1);
	}
	if (rc < 0)
		return rc;
	if (below->n > listed) {
		lm_sort_rows(below->rows, below->n, order + 2, order);
		drop_repeats(below);
		rc = index_table(below, grams->n_words);
	}
	for (size_t i = 0; i < above->n && rc == 0; i++)
		mark_row(find_row(below, row_of(above, i) + 1), order);
	return rc;
}

/* Scores of what was added, which need those of the order below. */
static void score_missing(struct lm_grams *grams, unsigned order)
{
	struct lm_table *table = &grams->tables[order - 1], *below = &grams->tables[order - 2];

	for (size_t i = 0; i < table->n; i++) {
		uint32_t *row = row_of(table, i);
		float score;

		if (!is_missing(row, order))
			continue;
		if (order == 2)
			score = grams->words[row[1]].backoff + grams->words[row[0]].probability;
		else
			score = lm_row_float(find_row(below, row + 1), order) +
				lm_row_float(find_row(below, row), order - 1);
		memcpy(row + order, &score, sizeof(score));
	}
}

static int check_repeats(struct lm_table *table, uint32_t words[LM_MAX_ORDER])
{
	unsigned order = table->order;

	for (size_t i = 1; i < table->n; i++) {
		const uint32_t *row = row_of(table, i);

		if (compare_rows(row, row_of(table, i - 1), order) != 0)
			continue;
		for (unsigned k = 0; k < order; k++)
			words[k] = row[order - 1 - k];
		return -EEXIST;
	}
	return 0;
}

int lm_grams_close(struct lm_grams *grams, unsigned *order, uint32_t words[LM_MAX_ORDER])
{
	struct lm_table *tables = grams->tables;
	int rc = 0;

	for (*order = 2; *order <= grams->order && rc == 0; ++*order) {
		struct lm_table *table = &tables[*order - 1];

		table->order = *order; /* it may be empty */
		rc = sort_table(table, grams->n_words);
		if (rc == 0)
			rc = check_repeats(table, words);
		if (rc < 0)
			return rc;
	}
	for (unsigned k = grams->order; k > 2 && rc == 0; k--)
		rc = close_order(grams, &tables[k - 1], &tables[k - 2]);
	if (rc < 0 || grams->order < 2)
		return rc;
	for (size_t i = 0; i < tables[1].n; i++)
		mark_context(&grams->words[row_of(&tables[1], i)[1]].backoff);
	for (unsigned k = 2; k < grams->order; k++)
		score_missing(grams, k);
	return 0;
}
