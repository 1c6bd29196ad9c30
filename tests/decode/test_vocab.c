/* Text, offsets and label ids against the reference's, and the odd corners by hand. */
#include "core/decode/vocab.h"
#include "core/decode/vocab_table.h"
#include "core/weights/tokenizer.h"
#include "tests/decode/fixture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_text(const struct vocab *vocab, const int *ids, size_t n,
		       const struct decode_options *options, const cJSON *expected, const char *key)
{
	struct transcript transcript;

	if (cJSON_GetObjectItemCaseSensitive(expected, key) == NULL)
		return;
	assert_int_equal(vocab_decode(vocab, ids, NULL, n, options, &transcript), 0);
	assert_string_equal(transcript.text, fixture_string(expected, key));
	transcript_finish(&transcript);
}

static void check_spans(const struct span *spans, size_t n, const cJSON *expected, const char *key)
{
	const cJSON *item;
	size_t i = 0;

	assert_int_equal(n, cJSON_GetArraySize(expected));
	cJSON_ArrayForEach(item, expected)
	{
		assert_string_equal(spans[i].text, fixture_string(item, key));
		assert_int_equal(spans[i].start_frame,
				 cJSON_GetObjectItemCaseSensitive(item, "start_offset")->valueint);
		assert_int_equal(spans[i].end_frame,
				 cJSON_GetObjectItemCaseSensitive(item, "end_offset")->valueint);
		i++;
	}
}

/* One object of decode.json, or expected.json. */
static void check_object(const struct vocab *vocab, const cJSON *expected)
{
	struct transcript transcript;
	size_t n;
	int *ids = fixture_ints(cJSON_GetObjectItemCaseSensitive(expected, "ids"), &n);

	check_text(vocab, ids, n, NULL, expected, "text");
	check_text(vocab, ids, n,
		   &(struct decode_options){.skip_special_tokens = true, .clean_up = -1}, expected,
		   "text_skip_special_tokens");
	check_text(vocab, ids, n, &(struct decode_options){.clean_up = 1}, expected,
		   "text_cleanup");
	check_text(vocab, ids, n, &(struct decode_options){.no_group = true, .clean_up = -1},
		   expected, "text_no_group");
	assert_int_equal(vocab_decode(vocab, ids, NULL, n, NULL, &transcript), 0);
	check_spans(transcript.chars, transcript.n_chars,
		    cJSON_GetObjectItemCaseSensitive(expected, "char_offsets"), "char");
	check_spans(transcript.words, transcript.n_words,
		    cJSON_GetObjectItemCaseSensitive(expected, "word_offsets"), "word");
	transcript_finish(&transcript);
	free(ids);
}

static void test_decode_fixtures(void **state)
{
	size_t cases = 0;

	(void)state;
	for (char **name = fixture_cases("decode.json"); *name != NULL; name++, cases++) {
		struct vocab *vocab = fixture_vocab(*name, NULL);
		cJSON *json = fixture_json(*name, "decode.json");
		const cJSON *item;

		cJSON_ArrayForEach(item, json) check_object(vocab, item);
		cJSON_Delete(json);
		vocab_destroy(vocab);
	}
	assert_true(cases >= 30);
}

static void check_outputs(const char *name, const char *file, const char *language)
{
	struct vocab *vocab = fixture_vocab(name, language);
	cJSON *json = fixture_json(name, file);
	const cJSON *labels;

	assert_non_null(json);
	if (cJSON_GetObjectItemCaseSensitive(json, "ids") != NULL)
		check_object(vocab, json);
	labels = cJSON_GetObjectItemCaseSensitive(json, "labels");
	if (labels != NULL) {
		size_t n, unknown;
		int *expected = fixture_ints(labels, &n), *ids;

		assert_int_equal(
			vocab_encode(vocab, fixture_string(json, "label_text"), &ids, &unknown), n);
		assert_memory_equal(ids, expected, n * sizeof(*ids));
		free(ids);
		free(expected);
	}
	cJSON_Delete(json);
	vocab_destroy(vocab);
}

static void test_expected_fixtures(void **state)
{
	(void)state;
	for (char **name = fixture_cases("decode.json"); *name != NULL; name++)
		check_outputs(*name, "expected.json", NULL);
	check_outputs("w2v2-mms-adapter", "expected.eng.json", "eng");
	check_outputs("w2v2-mms-adapter", "expected.fra.json", "fra");
}

/* A vocabulary by hand: id = position; "#" is the blank, "?" unknown, "|" the delimiter. */
struct hand {
	struct tokenizer tokenizer;
	struct tokenizer_token tokens[32];
	struct vocab *vocab;
};

static void hand_create(struct hand *hand, const char *const *texts, bool lower, bool clean)
{
	static char delimiter[] = "|", space[] = " ";

	*hand = (struct hand){.tokenizer = {.tokens = hand->tokens,
					    .pad_id = -1,
					    .unk_id = -1,
					    .bos_id = -1,
					    .eos_id = -1,
					    .delimiter_id = -1,
					    .delimiter = delimiter,
					    .replace_delimiter = space,
					    .do_lower_case = lower,
					    .clean_up_spaces = clean}};
	for (int i = 0; texts[i] != NULL; i++) {
		hand->tokens[i].text = texts[i][0] == '-' ? NULL : (char *)(uintptr_t)texts[i];
		if (strcmp(texts[i], "#") == 0)
			hand->tokenizer.pad_id = i;
		if (strcmp(texts[i], "?") == 0)
			hand->tokenizer.unk_id = i;
		if (strcmp(texts[i], "|") == 0)
			hand->tokenizer.delimiter_id = i;
		hand->tokens[i].special = texts[i][0] == '#' || texts[i][0] == '?';
		hand->tokenizer.n_tokens++;
	}
	assert_int_equal(vocab_create(&hand->tokenizer, -1, &hand->vocab), 0);
}

static void hand_text(const struct hand *hand, const int *ids, size_t n, const char *expected)
{
	struct transcript transcript;

	assert_int_equal(vocab_decode(hand->vocab, ids, NULL, n, NULL, &transcript), 0);
	assert_string_equal(transcript.text, expected);
	transcript_finish(&transcript);
}

static void hand_encode(const struct hand *hand, const char *text, const int *expected, size_t n,
			size_t n_unknown)
{
	size_t unknown;
	int *ids;

	assert_int_equal(vocab_encode(hand->vocab, text, &ids, &unknown), n);
	assert_memory_equal(ids, expected, n * sizeof(*ids));
	assert_int_equal(unknown, n_unknown);
	free(ids);
}

#define IDS(...) (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int)

static void test_holes_and_unknown(void **state)
{
	const char *with[] = {"#", "?", "-", "A", "|", NULL}, *without[] = {"#", "-", "A", NULL};
	struct hand hand;

	(void)state;
	hand_create(&hand, with, false, false);
	/* A hole, ids past both ends and the unknown token itself are one token that repeats. */
	hand_text(&hand, IDS(3, 2, 1, 99, -1, 0, -7, 3), "A??A");
	assert_string_equal(vocab_token(hand.vocab, 2), "?");
	assert_string_equal(vocab_token(hand.vocab, 1000), "?");
	assert_int_equal(vocab_blank(hand.vocab), 0);
	assert_int_equal(vocab_delimiter(hand.vocab), 4);
	vocab_destroy(hand.vocab);

	hand_create(&hand, without, false, false);
	hand_text(&hand, IDS(2, 1, 2, 2, 99, 2), "AAA");
	assert_string_equal(vocab_token(hand.vocab, 1), "");
	assert_int_equal(vocab_delimiter(hand.vocab), -1);
	hand_encode(&hand, "AxA", IDS(2, 2), 1);
	vocab_destroy(hand.vocab);
}

static void test_bad_blank(void **state)
{
	static char text[] = "A";
	struct tokenizer_token token = {.text = text};
	struct tokenizer tokenizer = {.n_tokens = 1, .tokens = &token, .pad_id = -1, .unk_id = -1};
	struct vocab *vocab;

	(void)state;
	assert_int_equal(vocab_create(&tokenizer, 1, &vocab), -EINVAL);
	assert_null(vocab);
	assert_int_equal(vocab_create(&tokenizer, -1, &vocab), 0);
	assert_int_equal(vocab_blank(vocab), -1);
	vocab_destroy(vocab);
	text[0] = '\xce';
	assert_int_equal(vocab_create(&tokenizer, -1, &vocab), -EINVAL);
	assert_null(vocab);
	text[0] = 'A';
}

static void test_lower_case(void **state)
{
	const char *texts[] = {"#",      "|",      "\u03a3", "\u0391", "'",
			       "\u00c4", "\u0130", "\u1e9e", NULL};
	struct hand hand;

	(void)state;
	hand_create(&hand, texts, true, false);
	hand_text(&hand, IDS(2, 3, 2), "\u03c3\u03b1\u03c2");
	hand_text(&hand, IDS(3, 2, 1, 3, 2, 3, 1), "\u03b1\u03c2 \u03b1\u03c3\u03b1");
	hand_text(&hand, IDS(3, 2, 4, 4), "\u03b1\u03c2'");
	hand_text(&hand, IDS(3, 2, 4, 3), "\u03b1\u03c3'\u03b1");
	hand_text(&hand, IDS(2), "\u03c3");
	hand_text(&hand, IDS(5, 6, 7), "\u00e4i\u0307\u00df");
	vocab_destroy(hand.vocab);
}

static void test_strip(void **state)
{
	const char *texts[] = {"#", "|", "A", "\u3000", "\t", NULL};
	struct hand hand;

	(void)state;
	hand_create(&hand, texts, false, false);
	hand_text(&hand, IDS(1, 3, 4, 2, 3, 0, 3, 2, 4, 3, 1), "A\u3000\u3000A");
	hand_text(&hand, IDS(1, 3, 4), "");
	vocab_destroy(hand.vocab);
}

static void test_encode(void **state)
{
	const char *texts[] = {"#", "?", "|", "c", "h", "ch", "sch", "<s>", "S", NULL};
	struct hand hand;

	(void)state;
	hand_create(&hand, texts, false, false);
	hand.tokens[7].special = hand.tokens[7].added = true;
	vocab_destroy(hand.vocab);
	assert_int_equal(vocab_create(&hand.tokenizer, -1, &hand.vocab), 0);
	hand_encode(&hand, "chschhc", IDS(5, 6, 4, 3), 0);
	/* The vocabulary's own long tokens eat the spaces beside them, added ones do not. */
	hand_encode(&hand, "h  ch h c", IDS(4, 5, 4, 2, 3), 0);
	hand_encode(&hand, "h <s> c", IDS(4, 2, 7, 2, 3), 0);
	hand_encode(&hand, "h\u00e9 ", IDS(4, 1, 2), 1);
	hand_encode(&hand, "", NULL, 0, 0);
	vocab_destroy(hand.vocab);
}

static void test_encode_case(void **state)
{
	const char *texts[] = {"#", "?", "|", "S", "T", "\u00c4", NULL};
	struct hand hand;

	(void)state;
	hand_create(&hand, texts, true, false);
	hand_encode(&hand, "st\u00df \u00e4T", IDS(3, 4, 3, 3, 2, 5, 4), 0);
	vocab_destroy(hand.vocab);
}

static void test_confidence(void **state)
{
	const char *texts[] = {"#", "|", "A", "B", NULL};
	static const int ids[] = {2, 2, 0, 3, 1, 2};
	static const float probabilities[] = {0.5F, 1.0F, 0.25F, 0.25F, 0.125F, 0.5F};
	struct transcript t;
	struct hand hand;

	(void)state;
	hand_create(&hand, texts, false, false);
	assert_int_equal(vocab_decode(hand.vocab, ids, probabilities, 6, NULL, &t), 0);
	assert_int_equal(t.n_chars, 4);
	assert_true(t.chars[0].confidence == 0.75F && t.chars[1].confidence == 0.25F);
	assert_true(t.chars[2].confidence == 0.125F && t.chars[3].confidence == 0.5F);
	assert_int_equal(t.n_words, 2);
	assert_true(t.words[0].confidence == 0.5F && t.words[1].confidence == 0.5F);
	/* A correction is of words alone, and monotone. */
	struct transcript corrected;
	vocab_set_confidence(hand.vocab, 2.0F, -1.0F);
	assert_int_equal(vocab_decode(hand.vocab, ids, probabilities, 6, NULL, &corrected), 0);
	assert_string_equal(corrected.text, t.text);
	assert_int_equal(corrected.n_chars, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(corrected.chars[i].confidence == t.chars[i].confidence);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(corrected.words[i].start_frame, t.words[i].start_frame);
		assert_int_equal(corrected.words[i].end_frame, t.words[i].end_frame);
		/* The logit of a half is 0. */
		assert_true(fabsf(corrected.words[i].confidence - 0.26894143F) < 1e-6F);
	}
	transcript_finish(&corrected);
	for (double p = 0, last = 0; p <= 1; p += 1.0 / 64) {
		double confidence = (double)vocab_confidence(hand.vocab, p);
		assert_true(confidence >= last && confidence <= 1);
		last = confidence;
	}
	vocab_set_confidence(hand.vocab, 1.0F, 0.0F);
	assert_true(vocab_confidence(hand.vocab, 1e-6) == 1e-6F);
	/* The transcript stands alone. */
	vocab_destroy(hand.vocab);
	assert_string_equal(t.chars[1].text, "B");
	assert_string_equal(t.words[0].text, "AB");
	transcript_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_fixtures),
		cmocka_unit_test(test_expected_fixtures),
		cmocka_unit_test(test_holes_and_unknown),
		cmocka_unit_test(test_bad_blank),
		cmocka_unit_test(test_lower_case),
		cmocka_unit_test(test_strip),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_encode_case),
		cmocka_unit_test(test_confidence),
	};

	return cmocka_run_group_tests_name("vocab", tests, NULL, NULL);
}
