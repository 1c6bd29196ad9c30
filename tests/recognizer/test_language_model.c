/* The directories of Wav2Vec2ProcessorWithLM: what is found, taken and refused. */
#include "core/language_model.h"

#include "core/decode/plan.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char arpa[] = "\\data\\\nngram 1=5\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\n-1\t</s>\n"
			   "-0.5\tYES\n-0.75\tYESTERDAY\n\n\\end\\\n";

static const char *const files[] = {"attrs.json", "unigrams.txt", "a.arpa",
				    "b.arpa",     "5gram.bin",    "packed.lm"};

/* The model directory is scratch's; this is the folder in it. */
static int setup(void **state)
{
	char path[128];

	if (scratch_setup(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/language_model", ((struct scratch *)*state)->dir);
	return mkdir(path, 0777);
}

static int teardown(void **state)
{
	char path[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "language_model/%s", files[i]);
		scratch_remove(*state, path);
	}
	snprintf(path, sizeof(path), "%s/language_model", ((struct scratch *)*state)->dir);
	rmdir(path);
	return scratch_teardown(state);
}

static bool is_known(const struct lm *lm, const char *word)
{
	return lm_known(lm, lm_find(lm, word, strlen(word)));
}

static void test_directory(void **state)
{
	struct scratch *scratch = *state;
	struct plan_lm *lm;
	char folder[128];

	scratch_write_text(scratch, "language_model/a.arpa", arpa);
	scratch_write_text(scratch, "language_model/unigrams.txt", "YES\nNEVER\n");
	scratch_write_text(scratch, "language_model/attrs.json",
			   "{\"alpha\": 0.25, \"beta\": 2, \"unk_score_offset\": -4.5, "
			   "\"score_boundary\": false}");
	scratch_write_text(scratch, "alphabet.json",
			   "{\"labels\": [\"\", \" \", \"Y\", \"\\u2047\"], \"is_bpe\": false}");
	assert_true(language_model_in(scratch->dir));
	assert_int_equal(language_model_open(scratch->dir, &lm), 0);
	assert_true(lm->weights.alpha == 0.25F && lm->weights.beta == 2 &&
		    lm->weights.unknown_offset == -4.5F && !lm->weights.boundary);
	assert_int_equal(lm->n_labels, 4);
	assert_string_equal(lm->labels[1], " ");
	assert_string_equal(lm->labels[3], "\xe2\x81\x87");
	assert_true(is_known(lm->lm, "YES"));
	assert_false(is_known(lm->lm, "YESTERDAY"));
	plan_lm_release(lm);

	/* The folder itself, without labels. */
	snprintf(folder, sizeof(folder), "%s/language_model", scratch->dir);
	assert_int_equal(language_model_open(folder, &lm), 0);
	assert_true(lm->weights.alpha == 0.25F);
	assert_null(lm->labels);
	plan_lm_release(lm);
}

static void test_defaults(void **state)
{
	struct scratch *scratch = *state;
	struct plan_lm *lm;
	char path[128];

	scratch_write_text(scratch, "language_model/a.arpa", arpa);
	snprintf(path, sizeof(path), "%s/language_model/a.arpa", scratch->dir);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(language_model_open(i ? path : scratch->dir, &lm), 0);
		assert_true(lm->weights.alpha == 0.5F && lm->weights.beta == 1.5F &&
			    lm->weights.unknown_offset == -10 && lm->weights.boundary);
		assert_true(is_known(lm->lm, "YESTERDAY"));
		assert_null(lm->labels);
		plan_lm_release(lm);
	}
}

static void expect_refusal(struct scratch *scratch, int error, const char *file, const char *what)
{
	struct plan_lm *lm;

	scratch_quiet(scratch);
	assert_int_equal(language_model_open(scratch->dir, &lm), error);
	assert_null(lm);
	scratch_expect(scratch, file, what);
}

/* A packed model before the text it was made from, both before what cannot be read. */
static void test_choice(void **state)
{
	struct scratch *scratch = *state;
	static const char binary[] = "mmap lm http://kheafield.com/code format version 5\n";

	expect_refusal(scratch, -EINVAL, "language_model", "no language model beside attrs.json");
	scratch_write_text(scratch, "language_model/5gram.bin", binary);
	expect_refusal(scratch, -ENOTSUP, "5gram.bin", "a KenLM binary");
	scratch_write_text(scratch, "language_model/a.arpa", "x");
	expect_refusal(scratch, -EINVAL, "a.arpa", "not an ARPA");
	scratch_write_text(scratch, "language_model/b.arpa", arpa);
	expect_refusal(scratch, -EINVAL, "language_model", "'a.arpa' or 'b.arpa'?");
	scratch_write_text(scratch, "language_model/packed.lm", "y");
	expect_refusal(scratch, -EINVAL, "packed.lm", "not an ARPA");
}

static void test_refused(void **state)
{
	struct scratch *scratch = *state;
	static const struct {
		const char *file, *text, *what;
	} cases[] = {
		{"language_model/attrs.json", "[]", "not an object"},
		{"language_model/attrs.json", "{\"alpa\": 1}", "unknown key 'alpa'"},
		{"language_model/attrs.json", "{\"alpha\": \"1\"}", "'alpha'"},
		{"language_model/attrs.json", "{\"alpha\": -1}", "'alpha'"},
		{"language_model/attrs.json", "{\"score_boundary\": 3}", "'score_boundary'"},
		{"language_model/attrs.json", "{", "attrs.json"},
		{"language_model/attrs.json", "{}", NULL},
		{"alphabet.json", "{\"labels\": {}}", "'labels' is not a list"},
		{"alphabet.json", "{\"labels\": [1]}", "'labels' is not a list"},
		{"alphabet.json", "{}", "'labels' is not a list"},
	};

	scratch_write_text(scratch, "language_model/a.arpa", arpa);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write_text(scratch, cases[i].file, cases[i].text);
		if (cases[i].what)
			expect_refusal(scratch, -EINVAL, cases[i].file, cases[i].what);
	}
}

static void test_absent(void **state)
{
	struct scratch *scratch = *state;
	struct plan_lm *lm;
	char path[128];

	assert_false(language_model_in(scratch->dir));
	expect_refusal(scratch, -ENOENT, scratch->dir, "no language_model/");
	snprintf(path, sizeof(path), "%s/none", scratch->dir);
	assert_int_equal(language_model_open(path, &lm), -ENOENT);
	scratch_expect(scratch, path, "no such language model");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absent, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
