/* What is summed up over utterances: errors, confusions, calibration. */
#include "tools/outcome.h"
#include "tools/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-9))
		fail_msg("%.12g is not %.12g", value, wanted);
}

static void add(struct score *score, const char *reference, const char *hypothesis)
{
	char text[64];
	struct outcome outcome = {.text = text};

	strcpy(text, hypothesis);
	assert_int_equal(score_add(score, reference, &outcome, 2.5), 0);
}

static void test_rates(void **state)
{
	(void)state;
	struct score score = {0}, other = {0}, total = {0};

	assert_true(isnan(score_rate(&score.words)));
	add(&score, "ONE TWO THREE", "one too three"); /* case does not count */
	add(&score, "FOUR", "FOUR");
	assert_int_equal(score.utterances, 2);
	assert_int_equal(score.wrong, 1);
	assert_near(score.seconds, 5);
	assert_near(score_rate(&score.words), 1 / 4.0);
	assert_near(score_rate(&score.characters), 1 / 17.0);

	struct outcome nothing = {0}; /* no transcript at all */
	assert_int_equal(score_add(&other, "FIVE SIX", &nothing, 1), 0);
	add(&other, "A", "B C D");
	assert_int_equal(other.words.deletions, 2);
	assert_int_equal(other.words.insertions, 2);
	assert_near(score_rate(&other.words), 5 / 3.0); /* above one */

	assert_int_equal(score_merge(&total, &score), 0);
	assert_int_equal(score_merge(&total, &other), 0);
	assert_int_equal(total.utterances, 4);
	assert_int_equal(total.wrong, 3);
	assert_near(total.seconds, 8.5);
	assert_near(score_rate(&total.words), 6 / 7.0);
	score_finish(&score);
	score_finish(&other);
	score_finish(&total);
}

static void test_loss_and_flicker(void **state)
{
	(void)state;
	struct score score = {0}, total = {0};
	struct outcome outcome = {.loss = 6, .labels = 4, .shown = 10, .revised = 3};

	assert_true(isnan(score_loss(&score)));
	assert_true(isnan(score_flicker(&score)));
	assert_int_equal(score_add(&score, "A", &outcome, 1), 0);
	outcome = (struct outcome){.loss = INFINITY, .labels = 9};
	assert_int_equal(score_add(&score, "A", &outcome, 1), 0);
	outcome = (struct outcome){.loss = 1, .labels = 0}; /* there is none */
	assert_int_equal(score_add(&score, "A", &outcome, 1), 0);
	assert_near(score_loss(&score), 1.5);
	assert_int_equal(score.infeasible, 1);
	assert_near(score_flicker(&score), 0.3);

	assert_int_equal(score_merge(&total, &score), 0);
	assert_int_equal(score_merge(&total, &score), 0);
	assert_near(score_loss(&total), 1.5);
	assert_int_equal(total.labels, 8);
	assert_int_equal(total.infeasible, 2);
	assert_near(score_flicker(&total), 0.3);
	score_finish(&score);
	score_finish(&total);
}

static void assert_confusion(const struct confusions *confusions, size_t i, enum edit_kind kind,
			     const char *reference, const char *hypothesis, size_t count)
{
	assert_true(i < confusions->n);
	const struct confusion *entry = &confusions->entries[i];
	assert_int_equal(entry->kind, kind);
	assert_string_equal(entry->reference ? entry->reference : "", reference);
	assert_string_equal(entry->hypothesis ? entry->hypothesis : "", hypothesis);
	assert_int_equal(entry->count, count);
}

static void test_confusions(void **state)
{
	(void)state;
	struct score score = {0}, total = {0};

	confusions_rank(&score.confusions);
	assert_int_equal(score.confusions.n, 0);
	add(&score, "D D X", "B B X");
	add(&score, "D", "V");
	add(&score, "A A", "A");
	add(&score, "A", "A B");
	add(&score, "A", "A C C");
	confusions_rank(&score.confusions);
	assert_int_equal(score.confusions.n, 5);
	assert_confusion(&score.confusions, 0, EDIT_SUBSTITUTION, "D", "B", 2);
	assert_confusion(&score.confusions, 1, EDIT_SUBSTITUTION, "D", "V", 1);
	assert_confusion(&score.confusions, 2, EDIT_INSERTION, "", "C", 2);
	assert_confusion(&score.confusions, 3, EDIT_INSERTION, "", "B", 1);
	assert_confusion(&score.confusions, 4, EDIT_DELETION, "A", "", 1);

	/* Counts of ranked sets add up. */
	assert_int_equal(score_merge(&total, &score), 0);
	assert_int_equal(score_merge(&total, &score), 0);
	add(&total, "D", "V");
	add(&total, "D", "V");
	add(&total, "D", "V");
	confusions_rank(&total.confusions);
	assert_int_equal(total.confusions.n, 5);
	assert_confusion(&total.confusions, 0, EDIT_SUBSTITUTION, "D", "V", 5);
	assert_confusion(&total.confusions, 1, EDIT_SUBSTITUTION, "D", "B", 4);
	assert_confusion(&total.confusions, 4, EDIT_DELETION, "A", "", 2);
	score_finish(&score);
	score_finish(&total);
}

static void test_calibration(void **state)
{
	(void)state;
	struct calibration calibration = {0}, total = {0};

	assert_true(isnan(calibration_error(&calibration)));
	/* A bin that is right, one that says too much by 0.45 a word. */
	for (int i = 0; i < 4; i++)
		calibration_add(&calibration, 0.75, i < 3);
	for (int i = 0; i < 2; i++)
		calibration_add(&calibration, 0.95, i < 1);
	assert_int_equal(calibration_words(&calibration), 6);
	assert_int_equal(calibration.words[7], 4);
	assert_int_equal(calibration.right[7], 3);
	assert_near(calibration_error(&calibration), 2 * 0.45 / 6);

	calibration_merge(&total, &calibration);
	calibration_merge(&total, &calibration);
	assert_int_equal(calibration_words(&total), 12);
	assert_near(calibration_error(&total), 2 * 0.45 / 6);

	/* The ends, and what rounding may leave outside of them. */
	calibration_add(&total, 0, false);
	calibration_add(&total, -1e-9, false);
	calibration_add(&total, 1, true);
	calibration_add(&total, 1.0000001, true);
	calibration_add(&total, 0.1, true);
	assert_int_equal(total.words[0], 2);
	assert_int_equal(total.words[1], 1);
	assert_int_equal(total.words[9], 6);
}

/* The fit finds the map from which words were drawn, and its error is that of words said so. */
static void test_fit(void **state)
{
	(void)state;
	struct calibration raw = {0}, mapped = {0};
	struct confidence_map map;

	assert_false(calibration_fit(&raw, &map));
	for (int i = 0; i < 40; i++) {
		double p = 0.02 + 0.024 * i;
		double wanted = 1 / (1 + exp(-(0.5 * log(p / (1 - p)) - 0.75)));
		for (int k = 0; k < 1000; k++) {
			calibration_add(&raw, p, k < 1000 * wanted);
			calibration_add(&mapped, wanted, k < 1000 * wanted);
		}
	}
	assert_true(calibration_error(&raw) > 0.1);
	assert_true(calibration_error(&mapped) < 0.005);
	assert_true(calibration_fit(&raw, &map));
	assert_true(fabs(map.scale - 0.5) < 0.01);
	assert_true(fabs(map.shift + 0.75) < 0.01);
	assert_true(fabs(calibration_mapped_error(&raw, &map) - calibration_error(&mapped)) <
		    0.005);
	assert_true(calibration_fit(&mapped, &map));
	assert_true(fabs(map.scale - 1) < 0.01 && fabs(map.shift) < 0.01);

	/* All right, all at once: finite, and high. */
	memset(&raw, 0, sizeof(raw));
	for (int i = 0; i < 100; i++)
		calibration_add(&raw, 0.5 + 0.004 * i, true);
	if (calibration_fit(&raw, &map))
		assert_true(calibration_mapped_error(&raw, &map) < 0.05);
	/* Confidence is lower where words are right: no map of ours. */
	memset(&raw, 0, sizeof(raw));
	for (int i = 0; i < 100; i++)
		calibration_add(&raw, 0.2 + 0.006 * i, i < 50);
	assert_false(calibration_fit(&raw, &map));
}

/* Confidences go to the words that they are of. */
static void test_words_and_confidences(void **state)
{
	(void)state;
	struct score score = {0};
	char text[] = "ONE TWO FIVE SIX";
	float confidences[] = {0.95F, 0.45F, 0.65F, 0.25F};
	struct outcome outcome = {.text = text, .n_words = 4, .confidences = confidences};

	assert_int_equal(score_add(&score, "ZERO ONE THREE FIVE", &outcome, 1), 0);
	assert_int_equal(score.calibration.right[9], 1); /* ONE */
	assert_int_equal(score.calibration.words[4], 1); /* TWO for THREE */
	assert_int_equal(score.calibration.right[4], 0);
	assert_int_equal(score.calibration.right[6], 1); /* FIVE */
	assert_int_equal(score.calibration.words[2], 1); /* SIX inserted */
	assert_int_equal(score.calibration.right[2], 0);
	assert_int_equal(calibration_words(&score.calibration), 4);

	/* Other words than the text has: they cannot be told apart. */
	outcome.n_words = 3;
	assert_int_equal(score_add(&score, "ONE", &outcome, 1), 0);
	assert_int_equal(calibration_words(&score.calibration), 4);
	score_finish(&score);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),      cmocka_unit_test(test_loss_and_flicker),
		cmocka_unit_test(test_confusions), cmocka_unit_test(test_calibration),
		cmocka_unit_test(test_fit),        cmocka_unit_test(test_words_and_confidences),
	};
	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
