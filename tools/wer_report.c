#include "tools/wer_report.h"

#include "core/base/utf8.h"
#include "tools/json_out.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Confusions of a kind that are printed; programs get more of them. */
enum { TEXT_CONFUSIONS = 10, JSON_CONFUSIONS = 50, RATE_DIGITS = 6 };

void wer_set_finish(struct wer_set *set)
{
	for (size_t i = 0; i < set->n_passes; i++)
		score_finish(&set->passes[i].score);
	set->n_passes = 0;
}

/* What a model would have to say for the words of a set, which may have gone through a map of its
 * own. */
static bool wanted_map(const struct wer_set *set, const struct calibration *calibration,
		       struct confidence_map *fit, struct confidence_map *wanted)
{
	if (!calibration_fit(calibration, fit))
		return false;
	wanted->scale = fit->scale * set->in_use.scale;
	wanted->shift = fit->scale * set->in_use.shift + fit->shift;
	return true;
}

/* ---- JSON ---- */

static void json_counts(struct json_out *json, const char *key, const struct edit_counts *counts)
{
	json_begin_object(json, key);
	json_integer(json, "substitutions", (long long)counts->substitutions);
	json_integer(json, "insertions", (long long)counts->insertions);
	json_integer(json, "deletions", (long long)counts->deletions);
	json_end_object(json);
}

static void json_window(struct json_out *json, const struct wer_pass *pass)
{
	if (!pass->streaming) {
		json_null(json, "streaming");
		return;
	}
	json_begin_object(json, "streaming");
	json_integer(json, "left", pass->window.left);
	json_integer(json, "chunk", pass->window.chunk);
	json_integer(json, "right", pass->window.right);
	json_end_object(json);
}

/* What a pass of a sweep has, and the only pass too. */
static void json_rates(struct json_out *json, const struct wer_pass *pass)
{
	const struct score *score = &pass->score;

	json_window(json, pass);
	json_number(json, "wer", score_rate(&score->words), RATE_DIGITS);
	json_number(json, "cer", score_rate(&score->characters), RATE_DIGITS);
	json_number(json, "loss", score_loss(score), RATE_DIGITS);
	if (!pass->streaming) {
		json_null(json, "flicker");
		return;
	}
	json_begin_object(json, "flicker");
	json_integer(json, "shown", (long long)score->shown);
	json_integer(json, "revised", (long long)score->revised);
	json_number(json, "rate", score_flicker(score), RATE_DIGITS);
	json_end_object(json);
}

static void json_confusions(struct json_out *json, const char *key, enum edit_kind kind,
			    const struct confusions *confusions)
{
	size_t shown = 0;

	json_begin_array(json, key);
	for (size_t i = 0; i < confusions->n && shown < JSON_CONFUSIONS; i++) {
		const struct confusion *entry = &confusions->entries[i];
		if (entry->kind != kind)
			continue;
		shown++;
		json_begin_object(json, NULL);
		if (entry->reference)
			json_string(json, "reference", entry->reference);
		if (entry->hypothesis)
			json_string(json, "hypothesis", entry->hypothesis);
		json_integer(json, "count", (long long)entry->count);
		json_end_object(json);
	}
	json_end_array(json);
}

static void json_fit(struct json_out *json, const struct wer_set *set,
		     const struct calibration *calibration)
{
	struct confidence_map fit, wanted;

	if (!wanted_map(set, calibration, &fit, &wanted)) {
		json_null(json, "fit");
		return;
	}
	json_begin_object(json, "fit");
	json_number(json, "scale", wanted.scale, RATE_DIGITS);
	json_number(json, "shift", wanted.shift, RATE_DIGITS);
	json_number(json, "error", calibration_mapped_error(calibration, &fit), RATE_DIGITS);
	json_end_object(json);
}

static void json_calibration(struct json_out *json, const struct wer_set *set)
{
	const struct calibration *calibration = &set->passes[0].score.calibration;

	json_begin_object(json, "calibration");
	json_integer(json, "words", (long long)calibration_words(calibration));
	json_number(json, "error", calibration_error(calibration), RATE_DIGITS);
	json_fit(json, set, calibration);
	json_begin_array(json, "bins");
	for (size_t i = 0; i < CALIBRATION_BINS; i++) {
		double words = (double)calibration->words[i];
		json_begin_object(json, NULL);
		json_number(json, "from", (double)i / CALIBRATION_BINS, 3);
		json_integer(json, "words", (long long)calibration->words[i]);
		json_number(json, "confidence", calibration->confidence[i] / words, RATE_DIGITS);
		json_number(json, "right", (double)calibration->right[i] / words, RATE_DIGITS);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
}

void wer_report_json(const struct wer_set *set, const struct options *options, const char *weights,
		     struct json_out *json)
{
	const struct score *score = &set->passes[0].score;

	json_string(json, "set", set->name);
	json_string(json, "split", options->split ? options->split : "all");
	json_string(json, "weights", weights);
	json_integer(json, "utterances", (long long)score->utterances);
	json_integer(json, "words", (long long)score->words.reference);
	json_integer(json, "characters", (long long)score->characters.reference);
	json_number(json, "seconds", score->seconds, 10);
	if (options->noise) {
		json_begin_object(json, "noise");
		json_number(json, "snr_db", options->snr_db, RATE_DIGITS);
		json_integer(json, "seed", (long long)options->seed);
		json_end_object(json);
	} else {
		json_null(json, "noise");
	}
	if (options->lookahead_sweep) {
		json_begin_array(json, "lookahead");
		for (size_t i = 0; i < set->n_passes; i++) {
			json_begin_object(json, NULL);
			json_rates(json, &set->passes[i]);
			json_end_object(json);
		}
		json_end_array(json);
		return;
	}
	json_rates(json, &set->passes[0]);
	json_integer(json, "wrong_utterances", (long long)score->wrong);
	if (options->grammar)
		json_integer(json, "rejected_utterances", (long long)score->rejected);
	json_integer(json, "infeasible_utterances", (long long)score->infeasible);
	json_counts(json, "word_errors", &score->words);
	json_counts(json, "character_errors", &score->characters);
	json_begin_object(json, "confusions");
	json_confusions(json, "substitutions", EDIT_SUBSTITUTION, &score->confusions);
	json_confusions(json, "insertions", EDIT_INSERTION, &score->confusions);
	json_confusions(json, "deletions", EDIT_DELETION, &score->confusions);
	json_end_object(json);
	if (options->calibration)
		json_calibration(json, set);
}

/* ---- tables ---- */

/* A number in a column, "-" where it is none. */
static void cell(double value, int width, int decimals)
{
	if (isfinite(value))
		printf(" %*.*f", width, decimals, value);
	else
		printf(" %*s", width, "-");
}

static void print_rates(const struct wer_pass *pass)
{
	const struct score *score = &pass->score;

	cell(100 * score_rate(&score->words), 7, 2);
	cell(100 * score_rate(&score->characters), 7, 2);
	cell(score_loss(score), 7, 3);
	cell(pass->streaming ? 100 * score_flicker(score) : NAN, 9, 1);
}

static void print_sets(const struct wer_set *sets, size_t n)
{
	printf("%-20s %10s %7s %6s %6s %6s %7s %7s %7s %9s\n", "set", "utterances", "words", "sub",
	       "ins", "del", "WER %", "CER %", "loss", "flicker %");
	for (size_t i = 0; i < n; i++) {
		const struct score *score = &sets[i].passes[0].score;
		printf("%-20s %10zu %7zu %6zu %6zu %6zu", sets[i].name, score->utterances,
		       score->words.reference, score->words.substitutions, score->words.insertions,
		       score->words.deletions);
		print_rates(&sets[i].passes[0]);
		putchar('\n');
	}
}

static void print_sweep(const struct wer_set *set, double frame_ms)
{
	printf("%s, %zu utterances\n%-12s %10s %7s %7s %7s %9s\n", set->name,
	       set->passes[0].score.utterances, "L:C:R", "ahead ms", "WER %", "CER %", "loss",
	       "flicker %");
	for (size_t i = 0; i < set->n_passes; i++) {
		const struct wer_pass *pass = &set->passes[i];
		char name[64] = "offline";
		if (pass->streaming)
			snprintf(name, sizeof(name), "%ld:%ld:%ld", pass->window.left,
				 pass->window.chunk, pass->window.right);
		printf("%-12s", name);
		cell(pass->streaming ? frame_ms * (double)pass->window.right : NAN, 10, 0);
		print_rates(pass);
		putchar('\n');
	}
}

static void print_confusions(const struct confusions *confusions)
{
	static const char *const titles[] = {
		[EDIT_SUBSTITUTION] = "substitutions (said, recognized)",
		[EDIT_INSERTION] = "insertions",
		[EDIT_DELETION] = "deletions",
	};
	enum edit_kind last = EDIT_EQUAL;
	size_t shown = 0;

	for (size_t i = 0; i < confusions->n; i++) {
		const struct confusion *entry = &confusions->entries[i];
		if (entry->kind != last) {
			printf("\n%s\n", titles[entry->kind]);
			last = entry->kind;
			shown = 0;
		}
		if (++shown > TEXT_CONFUSIONS)
			continue;
		printf("%6zu  %s%s%s\n", entry->count, entry->reference ? entry->reference : "",
		       entry->kind == EDIT_SUBSTITUTION ? "  " : "",
		       entry->hypothesis ? entry->hypothesis : "");
	}
}

static void print_calibration(const struct wer_set *set)
{
	const struct calibration *calibration = &set->passes[0].score.calibration;
	struct confidence_map fit, wanted;

	printf("\nconfidence      words  mean %%  right %%\n");
	for (size_t i = 0; i < CALIBRATION_BINS; i++) {
		double words = (double)calibration->words[i];
		printf("%.1f to %.1f %10zu", (double)i / CALIBRATION_BINS,
		       (double)(i + 1) / CALIBRATION_BINS, calibration->words[i]);
		cell(100 * calibration->confidence[i] / words, 7, 1);
		cell(100 * (double)calibration->right[i] / words, 8, 1);
		putchar('\n');
	}
	printf("expected calibration error:");
	cell(100 * calibration_error(calibration), 0, 1);
	printf(" %%\n");
	if (wanted_map(set, calibration, &fit, &wanted))
		printf("with \"confidence\": {\"scale\": %.4f, \"shift\": %.4f} in heard.json: %.1f %%\n",
		       wanted.scale, wanted.shift,
		       100 * calibration_mapped_error(calibration, &fit));
}

void wer_report_text(const struct wer_set *sets, size_t n, const struct options *options,
		     double frame_ms)
{
	if (options->lookahead_sweep) {
		for (size_t i = 0; i < n; i++) {
			if (i > 0)
				putchar('\n');
			print_sweep(&sets[i], frame_ms);
		}
		return;
	}
	const struct score *last = &sets[n - 1].passes[0].score;
	print_sets(sets, n);
	if (options->grammar)
		printf("no command in %zu of %zu utterances: their free text counts\n",
		       last->rejected, last->utterances);
	print_confusions(&last->confusions);
	if (options->calibration)
		print_calibration(&sets[n - 1]);
}

/* ---- an utterance ---- */

static size_t characters(const struct edit_unit *unit)
{
	size_t n = 0;
	uint32_t code;

	if (!unit)
		return 0;
	for (size_t at = 0; at < unit->size; n++) {
		size_t length = utf8_decode(unit->text + at, unit->size - at, &code);
		at += length > 0 ? length : 1;
	}
	return n;
}

/* One side of the pairs, padded to the wider of the two; stars where this side
 * has nothing. */
static void print_side(const char *title, const struct edit_alignment *alignment, bool reference)
{
	printf("  %s", title);
	for (size_t i = 0; i < alignment->n; i++) {
		const struct edit_pair *pair = &alignment->pairs[i];
		const struct edit_unit *unit = reference ? pair->reference : pair->hypothesis;
		size_t own = characters(unit);
		size_t other = characters(reference ? pair->hypothesis : pair->reference);
		putchar(' ');
		if (unit)
			fwrite(unit->text, 1, unit->size, stdout);
		for (size_t k = own; k < other; k++)
			putchar(unit ? ' ' : '*');
	}
	putchar('\n');
}

int wer_report_words(const char *where, const char *reference, const char *hypothesis)
{
	struct edit_units a = {0}, b = {0};
	struct edit_alignment alignment = {0};
	char *said = edit_fold(reference);
	char *heard = edit_fold(hypothesis);
	int error = said && heard ? 0 : -ENOMEM;

	if (!error)
		error = edit_words(said, &a);
	if (!error)
		error = edit_words(heard, &b);
	if (!error)
		error = edit_align(&a, &b, &alignment);
	if (!error && edit_errors(&alignment.counts) > 0) {
		printf("%s\n", where);
		print_side("said", &alignment, true);
		print_side("got ", &alignment, false);
	}
	edit_alignment_finish(&alignment);
	edit_units_finish(&a);
	edit_units_finish(&b);
	free(said);
	free(heard);
	return error;
}
