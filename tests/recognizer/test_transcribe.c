/* The offline pass through the recognizer: the reference's text, and cuts. */
#include "tests/decode/fixture.h"
#include "tests/recognizer/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_spans(const struct span *spans, size_t n, const cJSON *expected)
{
	const cJSON *item;
	size_t i = 0;

	assert_int_equal(n, cJSON_GetArraySize(expected));
	cJSON_ArrayForEach(item, expected)
	{
		assert_int_equal(spans[i].start_frame,
				 cJSON_GetObjectItemCaseSensitive(item, "start_offset")->valueint);
		assert_int_equal(spans[i].end_frame,
				 cJSON_GetObjectItemCaseSensitive(item, "end_offset")->valueint);
		assert_true(spans[i].confidence > 0.0F && spans[i].confidence <= 1.0F);
		i++;
	}
}

static void check_case(const char *name, const char *file, const char *language)
{
	struct recognizer *recognizer = session_recognizer(name);
	cJSON *json = fixture_json(name, file);
	struct transcript transcript;
	int index = recognizer_language(recognizer, language);
	size_t n;
	float *samples = session_wav(name, "input.wav", &n);

	assert_true(index >= 0);
	assert_int_equal(recognizer_language(recognizer, language), index);
	assert_int_equal(
		recognizer_transcribe(recognizer, samples, n, index, 30.0, NULL, &transcript), 0);
	assert_string_equal(transcript.text, fixture_string(json, "text"));
	check_spans(transcript.chars, transcript.n_chars,
		    cJSON_GetObjectItemCaseSensitive(json, "char_offsets"));
	check_spans(transcript.words, transcript.n_words,
		    cJSON_GetObjectItemCaseSensitive(json, "word_offsets"));
	transcript_finish(&transcript);
	free(samples);
	cJSON_Delete(json);
	recognizer_close(recognizer);
}

static void test_fixtures(void **state)
{
	char *names[128] = {0};
	size_t n = 0;

	(void)state;
	for (char **name = fixture_cases("decode.json"); *name != NULL; name++) {
		char path[2048];
		FILE *f;

		snprintf(path, sizeof(path), "%s/input.wav", fixture_dir(*name));
		f = fopen(path, "rb");
		if (f == NULL)
			continue;
		fclose(f);
		names[n++] = strdup(*name);
	}
	assert_true(n >= 30);
	for (size_t i = 0; i < n; i++) {
		check_case(names[i], "expected.json", NULL);
		free(names[i]);
	}
	check_case("w2v2-mms-adapter", "expected.eng.json", "eng");
	check_case("w2v2-mms-adapter", "expected.fra.json", "fra");
}

static void test_languages(void **state)
{
	struct recognizer *recognizer = session_recognizer("w2v2-mms-adapter");

	(void)state;
	assert_int_equal(recognizer_language(recognizer, ""), 0);
	assert_int_equal(recognizer_language(recognizer, "fra"), 1);
	assert_int_equal(recognizer_language(recognizer, "eng"), 2);
	assert_int_equal(recognizer_language(recognizer, "fra"), 1);
	assert_string_equal(recognizer_language_name(recognizer, 1), "fra");
	assert_null(recognizer_language_name(recognizer, 3));
	assert_int_equal(recognizer_language(recognizer, "xxx"), -ENOENT);
	assert_int_equal(recognizer_language(recognizer, "../fra"), -ENOENT);
	assert_int_equal(vocab_size(recognizer_vocab(recognizer, 1)), 16); /* bos and eos added */
	assert_null(recognizer_vocab(recognizer, 7));
	recognizer_close(recognizer);

	recognizer = session_recognizer("base-style");
	assert_null(recognizer_language_name(recognizer, 0));
	assert_int_equal(recognizer_language(recognizer, "eng"), -ENOENT);
	recognizer_close(recognizer);
}

static void test_without_a_head(void **state)
{
	struct recognizer *recognizer = session_recognizer("seqcls");
	struct recognizer_stream *stream;
	struct transcript transcript;

	(void)state;
	assert_null(recognizer_vocab(recognizer, 0));
	assert_int_equal(recognizer_transcribe(recognizer, NULL, 0, 0, 0.0, NULL, &transcript),
			 -ENOTSUP);
	assert_int_equal(recognizer_stream_open(recognizer, NULL, &stream), -ENOTSUP);
	assert_null(stream);
	recognizer_close(recognizer);
}

static void test_too_short(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	const float samples[399] = {0};
	struct transcript transcript;

	(void)state;
	for (size_t n = 0; n <= 399; n += 133) {
		assert_int_equal(recognizer_transcribe(recognizer, n > 0 ? samples : NULL, n, 0,
						       30.0, NULL, &transcript),
				 0);
		assert_string_equal(transcript.text, "");
		assert_int_equal(transcript.n_words, 0);
		transcript_finish(&transcript);
	}
	recognizer_close(recognizer);
}

/* Cut audio is its pieces: texts joined, times from the first sample. */
static void check_cut(struct recognizer *recognizer, const float *samples, size_t n, double limit)
{
	struct transcript whole;
	char text[16384] = "";
	size_t start = 0, words = 0, pieces = 0;

	assert_int_equal(recognizer_transcribe(recognizer, samples, n, 0, limit, NULL, &whole), 0);
	while (start < n) {
		size_t length = recognizer_segment(samples + start, n - start,
						   (size_t)(limit * 16000.0), 16000);
		struct transcript piece;
		int frame = (int)((start + 160) / 320);

		assert_int_equal(recognizer_transcribe(recognizer, samples + start, length, 0, 0.0,
						       NULL, &piece),
				 0);
		if (text[0] != '\0' && piece.text[0] != '\0')
			strcat(text, " ");
		strcat(text, piece.text);
		for (size_t i = 0; i < piece.n_words; i++, words++) {
			assert_string_equal(whole.words[words].text, piece.words[i].text);
			assert_int_equal(whole.words[words].start_frame,
					 piece.words[i].start_frame + frame);
			assert_int_equal(whole.words[words].end_frame,
					 piece.words[i].end_frame + frame);
		}
		transcript_finish(&piece);
		start += length;
		pieces++;
	}
	assert_true(pieces > 2);
	assert_string_equal(whole.text, text);
	assert_int_equal(whole.n_words, words);
	transcript_finish(&whole);
}

static void test_cuts(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	size_t n;
	float *samples = session_audio(10.0, &n);

	(void)state;
	check_cut(recognizer, samples, n, 3.0);
	check_cut(recognizer, samples, n, 1.3);
	free(samples);
	recognizer_close(recognizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),       cmocka_unit_test(test_languages),
		cmocka_unit_test(test_without_a_head), cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests_name("transcribe", tests, NULL, NULL);
}
