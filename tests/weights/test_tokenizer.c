/* Ids and special tokens from every layout of tokenizer files, and refusals. */
#include "core/weights/tokenizer.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char vocab_name[] = "vocab.json";
static const char config_name[] = "tokenizer_config.json";
static const char special_name[] = "special_tokens_map.json";
static const char added_name[] = "added_tokens.json";

static const char plain[] = "{\"<pad>\":0,\"<s>\":1,\"</s>\":2,\"<unk>\":3,\"|\":4,\"A\":5}";

static void load(struct scratch *scratch, struct tokenizer *tokenizer)
{
	assert_int_equal(tokenizer_load(scratch->dir, NULL, tokenizer), 0);
	assert_int_equal(scratch->errors, 0);
}

static void test_defaults(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;

	scratch_write_text(scratch, vocab_name, plain);
	load(scratch, &tokenizer);
	assert_int_equal(tokenizer.n_tokens, 6);
	assert_null(tokenizer.language);
	assert_int_equal(tokenizer.pad_id, 0);
	assert_int_equal(tokenizer.bos_id, 1);
	assert_int_equal(tokenizer.eos_id, 2);
	assert_int_equal(tokenizer.unk_id, 3);
	assert_int_equal(tokenizer.delimiter_id, 4);
	assert_string_equal(tokenizer.delimiter, "|");
	assert_string_equal(tokenizer.replace_delimiter, " ");
	assert_false(tokenizer.do_lower_case || tokenizer.clean_up_spaces);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(tokenizer.tokens[i].special, i < 4);
		assert_false(tokenizer.tokens[i].added);
	}
	tokenizer_finish(&tokenizer);
	tokenizer_finish(&tokenizer);

	char **names;
	assert_int_equal(tokenizer_languages(scratch->dir, &names), 0);
	assert_null(names[0]);
	tokenizer_free_languages(names);
}

static void test_special_tokens_follow_the_vocabulary(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;

	scratch_write_text(scratch, vocab_name, "{\"|\":0,\"A\":1,\"[PAD]\":2}");
	scratch_write_text(scratch, config_name,
			   "{\"pad_token\":\"<pad>\",\"bos_token\":null,\"do_lower_case\":true,"
			   "\"clean_up_tokenization_spaces\":true,"
			   "\"replace_word_delimiter_char\":\"_\","
			   "\"additional_special_tokens\":[\"<x>\",{\"content\":\"A\"}]}");
	scratch_write_text(scratch, special_name, "{\"pad_token\":{\"content\":\"[PAD]\"}}");
	load(scratch, &tokenizer);
	assert_int_equal(tokenizer.n_tokens, 6);
	assert_int_equal(tokenizer.pad_id, 2);
	assert_int_equal(tokenizer.bos_id, -1);
	assert_int_equal(tokenizer.eos_id, 3);
	assert_int_equal(tokenizer.unk_id, 4);
	assert_string_equal(tokenizer.tokens[5].text, "<x>");
	assert_true(tokenizer.tokens[5].special && tokenizer.tokens[5].added);
	assert_true(tokenizer.tokens[1].special && !tokenizer.tokens[1].added);
	assert_true(tokenizer.do_lower_case && tokenizer.clean_up_spaces);
	assert_string_equal(tokenizer.replace_delimiter, "_");
	tokenizer_finish(&tokenizer);
}

static void test_added_tokens(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;

	scratch_write_text(scratch, vocab_name, "{\"|\":0,\"<unk>\":1,\"<pad>\":2,\"<s>\":5}");
	scratch_write_text(scratch, added_name, "{\"<s>\":3,\"</s>\":4}");
	load(scratch, &tokenizer);
	/* The added one is the one that counts. */
	assert_int_equal(tokenizer.n_tokens, 6);
	assert_int_equal(tokenizer.bos_id, 3);
	assert_int_equal(tokenizer.eos_id, 4);
	tokenizer_finish(&tokenizer);

	/* The newer layout makes the other two files irrelevant. */
	scratch_write_text(scratch, vocab_name, "{\"|\":0,\"<unk>\":1,\"<pad>\":2}");
	scratch_write_text(scratch, config_name,
			   "{\"added_tokens_decoder\":{\"3\":{\"content\":\"</s>\","
			   "\"special\":true},\"4\":{\"content\":\"<s>\"}}}");
	scratch_write_text(scratch, special_name, "{\"pad_token\":\"|\"}");
	load(scratch, &tokenizer);
	assert_int_equal(tokenizer.n_tokens, 5);
	assert_int_equal(tokenizer.pad_id, 2);
	assert_int_equal(tokenizer.bos_id, 4);
	assert_true(tokenizer.tokens[4].added && tokenizer.tokens[4].special);
	tokenizer_finish(&tokenizer);
}

static void test_languages(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;

	scratch_write_text(scratch, vocab_name,
			   "{\"eng\":{\"<pad>\":0,\"<unk>\":1,\"|\":2,\"A\":3},"
			   "\"fra\":{\"|\":0,\"<unk>\":1,\"<pad>\":2}}");
	scratch_write_text(scratch, config_name, "{\"target_lang\":\"eng\"}");
	load(scratch, &tokenizer);
	assert_string_equal(tokenizer.language, "eng");
	assert_int_equal(tokenizer.pad_id, 0);
	tokenizer_finish(&tokenizer);
	assert_int_equal(tokenizer_load(scratch->dir, "fra", &tokenizer), 0);
	assert_string_equal(tokenizer.language, "fra");
	assert_int_equal(tokenizer.pad_id, 2);
	assert_int_equal(tokenizer.bos_id, 3);
	tokenizer_finish(&tokenizer);

	char **names;
	assert_int_equal(tokenizer_languages(scratch->dir, &names), 2);
	assert_string_equal(names[1], "fra");
	assert_null(names[2]);
	tokenizer_free_languages(names);

	assert_int_equal(tokenizer_load(scratch->dir, "deu", &tokenizer), -ENOENT);
	scratch_expect(scratch, vocab_name, "no language 'deu'");
	scratch_write_text(scratch, config_name, "{}");
	assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), -EINVAL);
	scratch_expect(scratch, vocab_name, "no 'target_lang'");
	scratch_write_text(scratch, vocab_name, "{\"eng\":{\"a\":0},\"fra\":1}");
	assert_int_equal(tokenizer_load(scratch->dir, "fra", &tokenizer), -EINVAL);
	scratch_expect(scratch, vocab_name, "'fra' is not an object");
	scratch_write_text(scratch, vocab_name, plain);
	assert_int_equal(tokenizer_load(scratch->dir, "fra", &tokenizer), -ENOENT);
	scratch_expect(scratch, vocab_name, "not divided by language");
}

static void test_bad_vocabularies(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;
	static const struct {
		const char *text, *what;
	} cases[] = {
		{"{\"a\":0,\"b\":2}", "'b' has id 2, which leaves a hole"},
		{"{\"a\":0,\"b\":0}", "'a' and 'b' both have id 0"},
		{"{\"a\":0,\"b\":-1}", "'b' has no integer id"},
		{"{\"a\":0,\"b\":0.5}", "'b' has no integer id"},
		{"{\"a\":0,\"b\":1e300}", "'b' has no integer id"},
		{"{\"a\":0,\"b\":1e9}", "'b' has id 1000000000, which leaves a hole"},
		{"{\"a\":0,\"b\":\"1\"}", "'b' has no integer id"},
		{"{\"a\":0,\"b\":{\"c\":1}}", "'b' has no integer id"},
		{"{\"a\":0,\"a\":1}", "'a' appears twice"},
		{"{}", "not a JSON object with tokens"},
		{"[0]", "not a JSON object with tokens"},
		{"", "not valid JSON"},
		{"{\"a\":0} x", "not valid JSON at 'x'"},
		{"{\"\xff\":0}", ":1: not valid UTF-8"},
		{"{\"\xed\xa0\x80\":0}", "not valid UTF-8"},
		{"{\n\"\\u0000\":0}", ":2: a NUL character"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write_text(scratch, vocab_name, cases[i].text);
		assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), -EINVAL);
		scratch_expect(scratch, vocab_name, cases[i].what);
	}
	scratch_remove(scratch, vocab_name);
	assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), -ENOENT);
	scratch_expect(scratch, scratch->dir, "no vocab.json");

	/* Repeated equal ids in two files collide too; holes may be filled there. */
	scratch_write_text(scratch, vocab_name, "{\"a\":0,\"b\":2}");
	scratch_write_text(scratch, added_name, "{\"c\":2}");
	assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), -EINVAL);
	scratch_expect(scratch, added_name, "'b' and 'c' both have id 2");
	scratch_write_text(scratch, added_name, "{\"a\":2}");
	scratch_write_text(scratch, vocab_name, "{\"a\":0}");
	assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), -EINVAL);
	scratch_expect(scratch, added_name, "leaves a hole");
	scratch_write_text(scratch, vocab_name, "{\"a\":0,\"b\":2}");
	scratch_write_text(scratch, added_name, "{\"b\":2}");
	assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), -EINVAL);
	scratch_expect(scratch, vocab_name, "no token has id 1");
}

static void test_bad_settings(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;
	static const struct {
		const char *file, *text, *what;
		int rc;
	} cases[] = {
		{config_name, "[]", "not a JSON object", -EINVAL},
		{config_name, "{\"pad_token\":7}", "'pad_token' is no token", -EINVAL},
		{config_name, "{\"pad_token\":{\"text\":\"x\"}}", "'pad_token' is no token",
		 -EINVAL},
		{config_name, "{\"do_lower_case\":1}", "'do_lower_case' must be", -EINVAL},
		{config_name, "{\"tokenizer_class\":\"Wav2Vec2PhonemeCTCTokenizer\"}",
		 "'tokenizer_class' is 'Wav2Vec2PhonemeCTCTokenizer'", -ENOTSUP},
		{config_name, "{\"additional_special_tokens\":\"x\"}", "is not a list", -EINVAL},
		{config_name, "{\"added_tokens_decoder\":[]}", "is not an object", -EINVAL},
		{config_name, "{\"added_tokens_decoder\":{\"x\":\"y\"}}", "'x' in", -EINVAL},
		{config_name, "{\"added_tokens_decoder\":{\"6\":null}}", "'6' in", -EINVAL},
		{config_name, "{\"added_tokens_decoder\":{\"9\":\"y\"}}", "leaves a hole", -EINVAL},
		{special_name, "{\"unk_token\":[]}", "'unk_token' is no token", -EINVAL},
		{added_name, "{\"x\":\"y\"}", "'x' has no integer id", -EINVAL},
	};

	scratch_write_text(scratch, vocab_name, plain);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write_text(scratch, cases[i].file, cases[i].text);
		assert_int_equal(tokenizer_load(scratch->dir, NULL, &tokenizer), cases[i].rc);
		scratch_expect(scratch, cases[i].file, cases[i].what);
		scratch_remove(scratch, cases[i].file);
	}
}

static void test_unicode(void **state)
{
	struct scratch *scratch = *state;
	struct tokenizer tokenizer;

	scratch_write_text(
		scratch, vocab_name,
		"{\"<pad>\":0,\"\\ud83d\\ude00\":1,\"\xc3\xa9\":2,\"\\\\u0000\":3,\"\\\"\":4}");
	load(scratch, &tokenizer);
	assert_string_equal(tokenizer.tokens[1].text, "\xf0\x9f\x98\x80");
	assert_string_equal(tokenizer.tokens[2].text, "\xc3\xa9");
	assert_string_equal(tokenizer.tokens[3].text, "\\u0000");
	assert_string_equal(tokenizer.tokens[4].text, "\"");
	assert_int_equal(tokenizer.delimiter_id, -1);
	tokenizer_finish(&tokenizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_special_tokens_follow_the_vocabulary,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_added_tokens, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_languages, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_bad_vocabularies, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_bad_settings, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_unicode, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
