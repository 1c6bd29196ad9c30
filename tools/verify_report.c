#include "tools/verify.h"

#include "core/base/weight_type.h"
#include "tools/json_out.h"
#include "tools/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 6, MAX_COLUMNS = 8 };

static double share(size_t part, size_t whole)
{
	return whole > 0 ? (double)part / (double)whole : NAN;
}

/* ---- JSON ---- */

static void json_stages(struct json_out *json, const struct deviation *deviation, size_t other)
{
	json_begin_array(json, "stages");
	for (size_t i = 0; i < deviation_stages(deviation); i++) {
		const struct deviation_stage *stage = deviation_stage(deviation, i, other);
		json_begin_object(json, NULL);
		json_string(json, "stage", stage->name);
		json_number(json, "rms", deviation_rms(stage), DIGITS);
		json_number(json, "max", deviation_max(stage), DIGITS);
		json_end_object(json);
	}
	json_end_array(json);
}

static void print_json(const struct verify_report *report, size_t i)
{
	const struct verdict *verdict = &report->verdicts[i];
	const struct agreement *agreement = &verdict->agreement;
	struct json_out json = {.file = stdout};

	json_begin_object(&json, NULL);
	json_string(&json, "model", report->options->arguments[0]);
	json_string(&json, "weights", weight_type_name(verdict->type));
	json_string(&json, "against", weight_type_name(report->against));
	json_integer(&json, "weights_bytes", (long long)verdict->weights_bytes);
	json_integer(&json, "utterances", (long long)agreement->utterances);
	json_number(&json, "seconds", report->seconds, 10);
	json_stages(&json, report->deviation, i);
	json_integer(&json, "frames", (long long)agreement->frames);
	json_integer(&json, "frames_equal", (long long)agreement->frames_equal);
	json_integer(&json, "tokens", (long long)agreement->tokens.reference);
	json_integer(&json, "token_errors", (long long)edit_errors(&agreement->tokens));
	json_integer(&json, "utterances_equal", (long long)agreement->utterances_equal);
	json_integer(&json, "words", (long long)verdict->words.reference);
	json_number(&json, "wer", score_rate(&verdict->words), DIGITS);
	json_number(&json, "wer_against", score_rate(&report->words), DIGITS);
	json_end_object(&json);
	json_newline(&json);
}

/* ---- text ---- */

/* A stage that has a column, and what stands over it. */
struct column {
	char stage[40];
	char title[32];
};

/* The conv encoder's output, what enters the transformer, its first, middle and
 * last layer, and what comes out. */
static size_t pick_columns(const struct verify_report *report, struct column *columns)
{
	const size_t last = report->config->n_layers;
	const size_t layers[3] = {1, (last + 1) / 2, last};
	size_t n = 0;

	columns[n++] = (struct column){"extract_features", "conv"};
	columns[n++] = (struct column){"feature_projection", "projected"};
	columns[n++] = (struct column){"pos_conv", "position"};
	for (size_t i = 0; i < 3; i++) {
		struct column *column = &columns[n];
		if (layers[i] == 0 || (i > 0 && layers[i] == layers[i - 1]))
			continue;
		snprintf(column->stage, sizeof(column->stage), "hidden_states.%zu", layers[i]);
		snprintf(column->title, sizeof(column->title), "layer %zu", layers[i]);
		n++;
	}
	columns[n++] = (struct column){"logits", "logits"};
	return n;
}

static const struct deviation_stage *find(const struct deviation *deviation, const char *name,
					  size_t other)
{
	for (size_t i = 0; i < deviation_stages(deviation); i++) {
		const struct deviation_stage *stage = deviation_stage(deviation, i, other);
		if (strcmp(stage->name, name) == 0)
			return stage;
	}
	return NULL;
}

static void print_errors(const struct verify_report *report, const char *title,
			 double (*error)(const struct deviation_stage *stage))
{
	struct column columns[MAX_COLUMNS];
	size_t n = pick_columns(report, columns);

	printf("\n%-14s", title);
	for (size_t c = 0; c < n; c++)
		printf(" %10s", columns[c].title);
	printf("\n");
	for (size_t i = 0; i < report->n_verdicts; i++) {
		printf("%-14s", weight_type_name(report->verdicts[i].type));
		for (size_t c = 0; c < n; c++) {
			const struct deviation_stage *stage =
				find(report->deviation, columns[c].stage, i);
			if (stage && stage->values > 0)
				printf(" %10.2g", error(stage));
			else
				printf(" %10s", "-");
		}
		printf("\n");
	}
}

/* In per cent; nothing where there is nothing. */
static void print_share(int width, double value)
{
	if (isnan(value))
		printf(" %*s", width, "-");
	else
		printf(" %*.2f %%", width - 2, 1e2 * value);
}

static void print_row(const struct verify_report *report, const struct verdict *verdict)
{
	const struct agreement *agreement = &verdict->agreement;

	printf("%-14s %10.1f", weight_type_name(verdict->type),
	       (double)verdict->weights_bytes / 1e6);
	print_share(12, share(agreement->frames_equal, agreement->frames));
	print_share(12, score_rate(&agreement->tokens));
	print_share(12, report->config->head == HEAD_CTC
				? share(agreement->utterances_equal, agreement->utterances)
				: NAN);
	print_share(10, score_rate(&verdict->words));
	print_share(10, score_rate(&verdict->words) - score_rate(&report->words));
	printf("\n");
}

static void print_agreement(const struct verify_report *report)
{
	bool labels = report->config->head == HEAD_CLASSIFICATION;

	printf("\n%-14s %10s %12s %12s %12s %10s %10s\n", "weights", "MB",
	       labels ? "same labels" : "same frames", "token errors", "same texts", "WER",
	       "change");
	printf("%-14s %10.1f", weight_type_name(report->against),
	       (double)report->weights_bytes / 1e6);
	for (int i = 0; i < 3; i++)
		print_share(12, NAN);
	print_share(10, score_rate(&report->words));
	print_share(10, NAN);
	printf("\n");
	for (size_t i = 0; i < report->n_verdicts; i++)
		print_row(report, &report->verdicts[i]);
}

void verify_report(const struct verify_report *report)
{
	if (report->options->json) {
		for (size_t i = 0; i < report->n_verdicts; i++)
			print_json(report, i);
		return;
	}
	printf("%s against %s, %zu utterances, %.1f s, full context\n",
	       report->options->arguments[0], weight_type_name(report->against),
	       report->n_verdicts > 0 ? report->verdicts[0].agreement.utterances : 0,
	       report->seconds);
	print_errors(report, "rms error", deviation_rms);
	print_errors(report, "largest error", deviation_max);
	print_agreement(report);
}
