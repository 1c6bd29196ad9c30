#include "tools/score.h"

#include "core/base/log.h"
#include "tools/outcome.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int no_memory(void)
{
	log_error("no memory to count errors");
	return -ENOMEM;
}

void score_finish(struct score *score)
{
	confusions_finish(&score->confusions);
}

/* Confidences belong to the words of the transcript; where cleaning up the text
 * has moved its spaces they cannot be told apart. */
static void calibrate(struct score *score, const struct edit_alignment *alignment,
		      const struct outcome *outcome, size_t n_words)
{
	size_t word = 0;

	if (n_words != outcome->n_words)
		return;
	for (size_t i = 0; i < alignment->n; i++) {
		enum edit_kind kind = alignment->pairs[i].kind;
		if (kind == EDIT_DELETION)
			continue;
		calibration_add(&score->calibration, (double)outcome->confidences[word++],
				kind == EDIT_EQUAL);
	}
}

static int add_words(struct score *score, const char *reference, const char *hypothesis,
		     const struct outcome *outcome)
{
	struct edit_units a = {0}, b = {0};
	struct edit_alignment alignment = {0};

	int error = edit_words(reference, &a);
	if (!error)
		error = edit_words(hypothesis, &b);
	if (!error)
		error = edit_align(&a, &b, &alignment);
	if (!error) {
		edit_counts_add(&score->words, &alignment.counts);
		score->wrong += edit_errors(&alignment.counts) > 0;
		calibrate(score, &alignment, outcome, b.n);
	}
	for (size_t i = 0; i < alignment.n && !error; i++)
		error = confusions_add(&score->confusions, &alignment.pairs[i]);
	edit_alignment_finish(&alignment);
	edit_units_finish(&a);
	edit_units_finish(&b);
	return error;
}

static int add_characters(struct score *score, const char *reference, const char *hypothesis)
{
	struct edit_units a = {0}, b = {0};
	struct edit_counts counts;

	int error = edit_characters(reference, &a);
	if (!error)
		error = edit_characters(hypothesis, &b);
	if (!error)
		error = edit_count(&a, &b, &counts);
	if (!error)
		edit_counts_add(&score->characters, &counts);
	edit_units_finish(&a);
	edit_units_finish(&b);
	return error;
}

int score_add(struct score *score, const char *reference, const struct outcome *outcome,
	      double seconds)
{
	char *said = edit_fold(reference);
	char *heard = edit_fold(outcome->text ? outcome->text : "");
	int error = said && heard ? 0 : -ENOMEM;

	if (!error)
		error = add_words(score, said, heard, outcome);
	if (!error)
		error = add_characters(score, said, heard);
	free(said);
	free(heard);
	if (error)
		return no_memory();

	score->utterances++;
	score->rejected += outcome->rejected;
	score->seconds += seconds;
	score->shown += outcome->shown;
	score->revised += outcome->revised;
	if (outcome->labels > 0 && isfinite(outcome->loss)) {
		score->loss += outcome->loss;
		score->labels += outcome->labels;
	} else if (outcome->labels > 0) {
		score->infeasible++;
	}
	return 0;
}

int score_merge(struct score *score, const struct score *from)
{
	score->utterances += from->utterances;
	score->wrong += from->wrong;
	score->rejected += from->rejected;
	score->seconds += from->seconds;
	edit_counts_add(&score->words, &from->words);
	edit_counts_add(&score->characters, &from->characters);
	score->loss += from->loss;
	score->labels += from->labels;
	score->infeasible += from->infeasible;
	score->shown += from->shown;
	score->revised += from->revised;
	calibration_merge(&score->calibration, &from->calibration);
	return confusions_merge(&score->confusions, &from->confusions) ? no_memory() : 0;
}

double score_rate(const struct edit_counts *counts)
{
	return counts->reference > 0 ? (double)edit_errors(counts) / (double)counts->reference
				     : NAN;
}

double score_loss(const struct score *score)
{
	return score->labels > 0 ? score->loss / (double)score->labels : NAN;
}

double score_flicker(const struct score *score)
{
	return score->shown > 0 ? (double)score->revised / (double)score->shown : NAN;
}
