/* From ids to text and offsets, against expected.json and decode.json. */
#include "core/decode/vocab.h"
#include "tests/golden/fixture.h"
#include "tests/golden/golden.h"
#include "tests/golden/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vocab *golden_vocab(const struct subject *subject, const char *language)
{
	struct tokenizer tokenizer;
	struct vocab *vocab;

	if (!fixture_exists(subject->dir, "vocab.json"))
		return NULL;
	if (tokenizer_load(subject->dir, language, &tokenizer) < 0 ||
	    vocab_create(&tokenizer, -1, &vocab) < 0)
		fixture_die("cannot load the tokenizer of %s", subject->dir);
	tokenizer_finish(&tokenizer);
	return vocab;
}

/* Spans as one line of text, so that a failure shows where they part. */
static char *describe_spans(const struct span *spans, size_t n)
{
	char *text;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);

	if (!stream)
		fixture_die("out of memory");
	for (size_t i = 0; i < n; i++)
		fprintf(stream, "%s[%d,%d) ", spans[i].text, spans[i].start_frame,
			spans[i].end_frame);
	fclose(stream);
	return text;
}

static char *describe_offsets(const cJSON *offsets, const char *key)
{
	char *text;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);
	const cJSON *item;

	if (!stream)
		fixture_die("out of memory");
	cJSON_ArrayForEach(item, offsets)
	{
		fprintf(stream, "%s[%d,%d) ", cJSON_GetStringValue(cJSON_GetObjectItem(item, key)),
			cJSON_GetObjectItem(item, "start_offset")->valueint,
			cJSON_GetObjectItem(item, "end_offset")->valueint);
	}
	fclose(stream);
	return text;
}

static void check_spans(const char *name, const cJSON *offsets, const char *key,
			const struct span *spans, size_t n)
{
	char *expected = describe_offsets(offsets, key);
	char *got = describe_spans(spans, n);

	report_text(name, expected, got);
	free(expected);
	free(got);
}

static void check_variant(const char *label, const struct vocab *vocab, const int *ids, size_t n,
			  const cJSON *expected, const char *key,
			  const struct decode_options *options)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(expected, key));
	const char *name = report_name("%s: %s", label, key);
	struct transcript transcript;

	if (!text)
		return;
	if (vocab_decode(vocab, ids, NULL, n, options, &transcript) < 0) {
		report_failure(name, "vocab_decode failed");
		return;
	}
	report_text(name, text, transcript.text);
	if (strcmp(key, "text") == 0) {
		check_spans(report_name("%s: char_offsets", label),
			    cJSON_GetObjectItem(expected, "char_offsets"), "char", transcript.chars,
			    transcript.n_chars);
		check_spans(report_name("%s: word_offsets", label),
			    cJSON_GetObjectItem(expected, "word_offsets"), "word", transcript.words,
			    transcript.n_words);
	}
	transcript_finish(&transcript);
}

void check_texts(const char *label, const struct vocab *vocab, const int *ids, size_t n,
		 const cJSON *expected)
{
	static const struct {
		const char *key;
		struct decode_options options;
	} variants[] = {
		{"text", {.clean_up = -1}},
		{"text_skip_special_tokens", {.skip_special_tokens = true, .clean_up = -1}},
		{"text_cleanup", {.clean_up = 1}},
		{"text_no_group", {.no_group = true, .clean_up = -1}},
	};

	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++)
		check_variant(label, vocab, ids, n, expected, variants[i].key,
			      &variants[i].options);
}

void check_decode(const struct subject *subject, const struct vocab *vocab)
{
	cJSON *cases = fixture_json(subject->dir, "decode.json");
	const cJSON *item;
	size_t i = 0;

	cJSON_ArrayForEach(item, cases)
	{
		size_t n;
		int *ids = fixture_ints(cJSON_GetObjectItem(item, "ids"), &n);

		check_texts(report_name("%sdecode.json[%zu]", subject->label, i++), vocab, ids, n,
			    item);
		free(ids);
	}
	cJSON_Delete(cases);
}
