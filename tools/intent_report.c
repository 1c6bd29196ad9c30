#include "tools/intent_report.h"

#include "core/base/log.h"
#include "tools/json_out.h"
#include "tools/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double curve[] = {0,   0.05, 0.1, 0.2,  0.3, 0.4,  0.5,  0.55, 0.6, 0.65,
			       0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1};

enum { N_CURVE = sizeof(curve) / sizeof(curve[0]) };

static int add(struct intent_counts *counts, struct intent_outcome outcome)
{
	if (counts->n == counts->capacity) {
		size_t capacity = counts->capacity * 2 + 256;
		struct intent_outcome *outcomes =
			realloc(counts->outcomes, capacity * sizeof(*outcomes));
		if (!outcomes) {
			log_error("no memory for %zu outcomes", capacity);
			return -ENOMEM;
		}
		counts->outcomes = outcomes;
		counts->capacity = capacity;
	}
	counts->outcomes[counts->n++] = outcome;
	return 0;
}

int intent_counts_command(struct intent_counts *counts, float confidence, bool right)
{
	return add(counts, (struct intent_outcome){confidence, true, right});
}

int intent_counts_other(struct intent_counts *counts, float confidence)
{
	return add(counts, (struct intent_outcome){confidence, false, false});
}

void intent_counts_finish(struct intent_counts *counts)
{
	free(counts->outcomes);
	counts->outcomes = NULL;
}

static size_t count_commands(const struct intent_counts *counts)
{
	size_t n = 0;

	for (size_t i = 0; i < counts->n; i++)
		n += counts->outcomes[i].command;
	return n;
}

struct intent_rates intent_rates_at(const struct intent_counts *counts, double threshold)
{
	size_t commands = count_commands(counts), others = counts->n - commands;
	size_t right = 0, wrong = 0, accepted = 0;

	for (size_t i = 0; i < counts->n; i++) {
		const struct intent_outcome *outcome = &counts->outcomes[i];
		/* Nothing found has confidence 0 and is no match at any threshold. */
		if (!(outcome->confidence > 0) || (double)outcome->confidence < threshold)
			continue;
		right += outcome->command && outcome->right;
		wrong += outcome->command && !outcome->right;
		accepted += !outcome->command;
	}
	return (struct intent_rates){
		.right = commands > 0 ? (double)right / (double)commands : NAN,
		.wrong = commands > 0 ? (double)wrong / (double)commands : NAN,
		.rejected =
			commands > 0 ? (double)(commands - right - wrong) / (double)commands : NAN,
		.accepted = others > 0 ? (double)accepted / (double)others : NAN,
	};
}

static void print_share(double share)
{
	if (isfinite(share))
		printf(" %8.1f", 100 * share);
	else
		printf(" %8s", "-");
}

static void print_row(const struct intent_counts *counts, double threshold)
{
	struct intent_rates rates = intent_rates_at(counts, threshold);

	printf("%9.2f", threshold);
	print_share(rates.right);
	print_share(rates.wrong);
	print_share(rates.rejected);
	print_share(rates.accepted);
	printf("\n");
}

void intent_report_text(const struct intent_counts *counts, const struct options *options)
{
	size_t commands = count_commands(counts);

	printf("%zu commands and %zu other utterances, %.0f s", commands, counts->n - commands,
	       counts->seconds);
	if (options->noise)
		printf(", noise at %g dB", options->snr_db);
	printf("\n\n%9s %26s %8s\n", "", "% of commands", "% of others");
	printf("%9s %8s %8s %8s %8s\n", "threshold", "right", "wrong", "rejected", "accepted");
	print_row(counts, (double)options->threshold);
	printf("\n");
	for (size_t i = 0; i < N_CURVE; i++)
		print_row(counts, curve[i]);
}

static void rates_json(const struct intent_counts *counts, double threshold, struct json_out *json)
{
	struct intent_rates rates = intent_rates_at(counts, threshold);

	json_number(json, "threshold", threshold, 4);
	json_number(json, "right", rates.right, 6);
	json_number(json, "wrong", rates.wrong, 6);
	json_number(json, "rejected", rates.rejected, 6);
	json_number(json, "accepted", rates.accepted, 6);
}

void intent_report_json(const struct intent_counts *counts, const struct options *options)
{
	struct json_out json = {.file = stdout};
	size_t commands = count_commands(counts);

	json_begin_object(&json, NULL);
	json_integer(&json, "commands", (long long)commands);
	json_integer(&json, "others", (long long)(counts->n - commands));
	json_number(&json, "seconds", counts->seconds, 8);
	json_number(&json, "snr", options->noise ? options->snr_db : NAN, 6);
	rates_json(counts, (double)options->threshold, &json);
	json_begin_array(&json, "curve");
	for (size_t i = 0; i < N_CURVE; i++) {
		json_begin_object(&json, NULL);
		rates_json(counts, curve[i], &json);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_end_object(&json);
	json_newline(&json);
}
