/*
 * The languages of a model directory: which files count, and in which order.
 */
#include "core/weights/languages.h"

#include "core/weights/tokenizer.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char nested[] = "{\"eng\":{\"<pad>\":0},\"fra\":{\"<pad>\":0},\"deu\":{\"<pad>\":0}}";

/* `want`: names with a space behind each. */
static void check(const struct scratch *scratch, const char *chosen, bool adapters,
		  const char *want)
{
	char found[256] = "";
	char **names;
	int n = languages_read(scratch->dir, chosen, adapters, &names);

	for (int i = 0; i < n; i++) {
		strcat(found, names[i]);
		strcat(found, " ");
	}
	assert_string_equal(found, want);
	assert_true(n >= 0 && (names == NULL || names[n] == NULL));
	tokenizer_free_languages(names);
}

static void test_adapters(void **state)
{
	const struct scratch *scratch = *state;

	scratch_write_text(scratch, "vocab.json", nested);
	scratch_write_text(scratch, "tokenizer_config.json", "{\"target_lang\":\"fra\"}");
	check(scratch, NULL, true, "fra ");
	scratch_write_text(scratch, "adapter.fra.safetensors", "");
	scratch_write_text(scratch, "adapter.eng.safetensors", "");
	scratch_write_text(scratch, "adapter.deu.safetensors", "");
	check(scratch, NULL, true, "fra deu eng ");
	check(scratch, "", true, "fra deu eng ");
	check(scratch, "eng", true, "eng deu fra ");
	/* The model has none, whatever lies there. */
	check(scratch, NULL, false, "fra ");
}

static void test_other_files(void **state)
{
	const struct scratch *scratch = *state;

	scratch_write_text(scratch, "vocab.json", nested);
	scratch_write_text(scratch, "adapter.deu.bin", "");
	scratch_write_text(scratch, "adapter..safetensors", "");
	scratch_write_text(scratch, "adapter.safetensors", "");
	scratch_write_text(scratch, "adapter.en g.safetensors", "");
	scratch_write_text(scratch, "model.safetensors", "");
	/* Not in the vocabulary: it could not be decoded. */
	scratch_write_text(scratch, "adapter.xxx.safetensors", "");
	check(scratch, NULL, true, "");
}

static void test_one_vocabulary(void **state)
{
	const struct scratch *scratch = *state;

	scratch_write_text(scratch, "vocab.json", "{\"<pad>\":0,\"A\":1}");
	check(scratch, NULL, true, "");
	scratch_write_text(scratch, "adapter.xxx.safetensors", "");
	check(scratch, NULL, true, "xxx ");
}

static void test_refused(void **state)
{
	struct scratch *scratch = *state;
	char **names;

	assert_int_equal(languages_read(scratch->dir, NULL, true, &names), -ENOENT);
	assert_null(names);
	scratch_expect(scratch, scratch->dir, "no vocab.json");
	scratch_write_text(scratch, "vocab.json", nested);
	scratch_write_text(scratch, "tokenizer_config.json", "{");
	assert_int_equal(languages_read(scratch->dir, NULL, true, &names), -EINVAL);
	assert_null(names);
	scratch_expect(scratch, "tokenizer_config.json", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_adapters, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_other_files, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_one_vocabulary, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_refused, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
