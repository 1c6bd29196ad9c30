#include "tools/n_best.h"

#include <errno.h>
#include <stdlib.h>

enum { SCORE_DIGITS = 7, TIME_DIGITS = 12 };

void hypotheses_free(struct recognizer_hypothesis *hypotheses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		transcript_finish(&hypotheses[i].transcript);
	free(hypotheses);
}

int n_best_add(struct n_best *list, double start, double end,
	       struct recognizer_hypothesis *hypotheses, size_t n)
{
	struct n_best_segment *grown =
		realloc(list->segments, (list->n + 1) * sizeof(*list->segments));

	if (!grown) {
		hypotheses_free(hypotheses, n);
		return -ENOMEM;
	}
	list->segments = grown;
	list->segments[list->n++] = (struct n_best_segment){start, end, hypotheses, n};
	return 0;
}

void n_best_finish(struct n_best *list)
{
	for (size_t i = 0; i < list->n; i++)
		hypotheses_free(list->segments[i].hypotheses, list->segments[i].n);
	free(list->segments);
	*list = (struct n_best){0};
}

static void hypothesis_json(const struct recognizer_hypothesis *hypothesis, struct json_out *json)
{
	const struct decoder_score *score = &hypothesis->score;

	json_begin_object(json, NULL);
	json_string(json, "text", hypothesis->transcript.text);
	json_number(json, "score", score->total, SCORE_DIGITS);
	json_number(json, "acoustic", score->acoustic, SCORE_DIGITS);
	json_number(json, "lm", score->lm, SCORE_DIGITS);
	json_number(json, "hotwords", score->hotwords, SCORE_DIGITS);
	json_end_object(json);
}

void n_best_json(const struct n_best *list, struct json_out *json)
{
	json_begin_array(json, "segments");
	for (size_t i = 0; i < list->n; i++) {
		const struct n_best_segment *segment = &list->segments[i];

		json_begin_object(json, NULL);
		json_number(json, "start", segment->start, TIME_DIGITS);
		json_number(json, "end", segment->end, TIME_DIGITS);
		json_begin_array(json, "nbest");
		for (size_t k = 0; k < segment->n; k++)
			hypothesis_json(&segment->hypotheses[k], json);
		json_end_array(json);
		json_end_object(json);
	}
	json_end_array(json);
}
