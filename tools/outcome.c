#include "tools/outcome.h"

#include "core/base/log.h"
#include "core/decode/ctc_loss.h"
#include "core/decode/unicode.h"
#include "core/decode/vocab.h"
#include "tools/edit_distance.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(void)
{
	log_error("no memory for what was recognized");
	return -ENOMEM;
}

void outcome_finish(struct outcome *outcome)
{
	free(outcome->text);
	free(outcome->confidences);
	*outcome = (struct outcome){0};
}

int outcome_add(struct outcome *outcome, const struct transcript *transcript)
{
	size_t old = outcome->text ? strlen(outcome->text) : 0;
	size_t more = strlen(transcript->text);

	char *text = realloc(outcome->text, old + more + 2);
	if (!text)
		return no_memory();
	if (!outcome->text)
		text[0] = '\0';
	outcome->text = text;
	if (old > 0 && more > 0)
		text[old++] = ' ';
	memcpy(text + old, transcript->text, more + 1);

	size_t words = outcome->n_words + transcript->n_words;
	float *confidences = realloc(outcome->confidences, (words + 1) * sizeof(*confidences));
	if (!confidences)
		return no_memory();
	outcome->confidences = confidences;
	for (size_t i = 0; i < transcript->n_words; i++)
		confidences[outcome->n_words++] = transcript->words[i].confidence;
	return 0;
}

/* ---- loss ---- */

struct labels {
	int *ids; /* owned */
	size_t n;
	size_t unknown;
};

/* Replaces *best where this text has fewer characters that nothing stands for. */
static int try_text(const struct tool_model *model, const char *text, struct labels *best)
{
	struct labels labels = {0};

	if (!text)
		return -ENOMEM;
	int n = vocab_encode(model->vocab, text, &labels.ids, &labels.unknown);
	if (n < 0)
		return n;
	labels.n = (size_t)n;
	if (best->ids && labels.unknown >= best->unknown) {
		free(labels.ids);
		return 0;
	}
	free(best->ids);
	*best = labels;
	return 0;
}

static char *lower(const char *text)
{
	enum { MAX_BYTES = 4 * UNICODE_MAX_EXPANSION };
	size_t size = strlen(text);
	size_t n = 0;
	char *out = malloc(MAX_BYTES * size + 1);

	if (!out)
		return NULL;
	for (size_t at = 0; at < size;) {
		uint32_t codes[UNICODE_MAX_EXPANSION];
		int count = unicode_lower(unicode_next(text, size, &at), codes);
		for (int i = 0; i < count; i++)
			n += unicode_put(out + n, codes[i]);
	}
	out[n] = '\0';
	return out;
}

static int encode(const struct tool_model *model, const char *text, struct labels *out)
{
	int error = try_text(model, text, out);

	if (!error && out->unknown > 0) {
		char *upper = edit_fold(text);
		error = try_text(model, upper, out);
		free(upper);
	}
	if (!error && out->unknown > 0) {
		char *small = lower(text);
		error = try_text(model, small, out);
		free(small);
	}
	return error;
}

int outcome_measure(struct outcome *outcome, const struct tool_model *model, const char *text,
		    const float *logits, size_t frames)
{
	const struct ctc_loss_options options = {.blank = tool_model_blank(model)};
	struct labels labels = {0};

	int error = encode(model, text, &labels);
	if (!error && labels.n > 0 && labels.unknown == 0) {
		error = ctc_loss(logits, frames, model->width, labels.ids, labels.n, &options,
				 &outcome->loss);
		outcome->labels = error ? 0 : labels.n;
	}
	free(labels.ids);
	if (error == -EINVAL)
		log_error("the vocabulary has tokens that the network does not");
	return error == -ENOMEM ? no_memory() : error;
}
