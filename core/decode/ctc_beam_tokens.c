/* The tokens that a frame offers to the beam. */
#include "core/decode/ctc_beam_state.h"
#include "core/decode/ctc_greedy.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What a double sum of probabilities cannot see. */
static const float negligible = -40.0F;

int frame_tokens_init(struct frame_tokens *row, const struct vocab *vocab, size_t tokens)
{
	int *number = malloc((vocab->size + 1) * sizeof(*number)); /* of a group; last: outside */

	row->group = calloc(tokens + 1, sizeof(*row->group));
	row->id = calloc(tokens + 2, sizeof(*row->id));
	row->p = calloc(tokens + 2, sizeof(*row->p));
	row->ln = calloc(tokens + 2, sizeof(*row->ln));
	row->chosen = calloc(tokens + 2, sizeof(*row->chosen));
	if (number == NULL || row->group == NULL || row->id == NULL || row->p == NULL ||
	    row->ln == NULL || row->chosen == NULL) {
		free(number);
		return -ENOMEM;
	}
	for (size_t i = 0; i <= vocab->size; i++)
		number[i] = -1;
	row->id[0] = vocab->blank;
	row->n_groups = 1;
	for (size_t i = 0; i < tokens; i++) {
		const struct vocab_entry *entry = vocab_entry(vocab, (int)i);

		if (entry->blank)
			continue;
		if (number[entry->group] < 0) {
			number[entry->group] = (int)row->n_groups;
			row->id[row->n_groups++] = (int)i;
		}
		row->group[i] = number[entry->group];
	}
	free(number);
	return 0;
}

void frame_tokens_finish(struct frame_tokens *row)
{
	free(row->group);
	free(row->id);
	free(row->p);
	free(row->ln);
	free(row->chosen);
}

/* Puts the k most probable first (quickselect); their order does not matter but
 * for equal ones, which only their number tells apart. */
static bool before(const struct frame_tokens *row, int a, int b)
{
	return row->p[a] > row->p[b] || (row->p[a] == row->p[b] && a < b);
}

static void select_best(struct frame_tokens *row, size_t n, size_t k)
{
	int *chosen = row->chosen;
	size_t low = 0, high = n;

	while (high - low > 1) {
		int pivot = chosen[low + (high - low) / 2];
		size_t i = low, j = high - 1;

		for (;;) {
			int swap;

			while (before(row, chosen[i], pivot))
				i++;
			while (before(row, pivot, chosen[j]))
				j--;
			if (i >= j)
				break;
			swap = chosen[i];
			chosen[i++] = chosen[j];
			chosen[j--] = swap;
		}
		/* [low, i) is not behind the pivot, [i, high) not before it. */
		if (i == low)
			i++;
		if (k <= i)
			high = i;
		else
			low = i;
	}
}

void frame_tokens_read(struct frame_tokens *row, size_t tokens, const float *logits,
		       float token_prune, size_t most)
{
	int best = ctc_argmax(logits, tokens, NULL);
	double sum = 0.0;
	float top = 0.0F, least, norm;
	size_t n = 0;

	for (size_t g = 0; g < row->n_groups; g++)
		row->p[g] = 0.0F;
	for (size_t i = 0; i < tokens; i++) {
		float d = (int)i == best ? 0.0F : logits[i] - logits[best];

		if (!(d > negligible)) /* NaN is not */
			continue;
		d = expf(d);
		sum += (double)d;
		row->p[row->group[i]] += d;
	}
	norm = (float)(1.0 / sum);
	for (size_t g = 0; g < row->n_groups; g++) {
		row->p[g] *= norm;
		if (row->p[g] > top)
			top = row->p[g];
	}
	row->greedy = row->group[best];
	least = top * expf(-token_prune);
	for (size_t g = 1; g < row->n_groups; g++) {
		if (row->p[g] >= least && row->p[g] > 0.0F && (int)g != row->greedy)
			row->chosen[n++] = (int)g;
	}
	/* The greedy choice is always among them. */
	if (row->greedy > 0)
		most--;
	if (n > most) {
		select_best(row, n, most);
		n = most;
	}
	if (row->greedy > 0)
		row->chosen[n++] = row->greedy;
	row->n_chosen = n;
	/* A token may also go on where it is not chosen. */
	for (size_t g = 0; g < row->n_groups; g++)
		row->ln[g] = row->p[g] > 0.0F ? logf(row->p[g]) : -INFINITY;
}
