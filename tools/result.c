#include "tools/result.h"

#include "core/base/log.h"
#include "core/decode/ctc_greedy.h"
#include "tools/json_out.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Significant digits: milliseconds in a month of audio, and probabilities. */
enum { TIME_DIGITS = 10, CONFIDENCE_DIGITS = 6 };

static int no_memory(void)
{
	log_error("no memory for the transcript");
	return -ENOMEM;
}

/* Returns the array with room for `more` further elements; NULL, logged, where
 * there is none: then the old one is still there. */
static void *grow(void *array, size_t n, size_t *capacity, size_t more, size_t size)
{
	if (array && n + more <= *capacity)
		return array;
	size_t wanted = 2 * (n + more) + 64;
	void *grown = realloc(array, wanted * size);
	if (grown)
		*capacity = wanted;
	else
		no_memory();
	return grown;
}

int path_add(struct path *path, int id, float probability)
{
	if (path->n == path->capacity) {
		size_t capacity = 2 * path->capacity + 256;
		int *ids = realloc(path->ids, capacity * sizeof(*ids));
		if (!ids)
			return no_memory();
		path->ids = ids;
		float *probabilities = realloc(path->probabilities, capacity * sizeof(float));
		if (!probabilities)
			return no_memory();
		path->probabilities = probabilities;
		path->capacity = capacity;
	}
	path->ids[path->n] = id;
	path->probabilities[path->n++] = probability;
	return 0;
}

int path_add_logits(struct path *path, const float *logits, size_t frames, size_t tokens)
{
	int error = 0;

	for (size_t f = 0; f < frames && !error; f++) {
		float probability;
		int id = ctc_argmax(logits + f * tokens, tokens, &probability);
		error = path_add(path, id, probability);
	}
	return error;
}

int path_decode(const struct path *path, const struct tool_model *model, struct transcript *out)
{
	int error = vocab_decode(model->vocab, path->ids, path->probabilities, path->n, NULL, out);

	return error ? no_memory() : 0;
}

void path_clear(struct path *path)
{
	path->n = 0;
}

void path_finish(struct path *path)
{
	free(path->ids);
	free(path->probabilities);
}

static int add_text(struct result *result, const char *text)
{
	size_t length = strlen(text);

	if (length == 0)
		return 0;
	char *grown = realloc(result->text, result->text_size + length + 2);
	if (!grown)
		return no_memory();
	result->text = grown;
	if (result->text_size > 0)
		grown[result->text_size++] = ' ';
	memcpy(grown + result->text_size, text, length + 1);
	result->text_size += length;
	return 0;
}

static int add_string(struct result *result, const char *text, size_t *offset)
{
	size_t bytes = strlen(text) + 1;

	char *strings =
		grow(result->strings, result->strings_size, &result->strings_capacity, bytes, 1);
	if (!strings)
		return -ENOMEM;
	result->strings = strings;
	*offset = result->strings_size;
	memcpy(result->strings + *offset, text, bytes);
	result->strings_size += bytes;
	return 0;
}

/* Where the frames of a transcript lie in the file. */
struct clock {
	double start;
	double frame;        /* seconds */
	const double *times; /* or NULL */
};

static double frame_start(const struct clock *clock, int frame)
{
	return clock->times ? clock->times[frame] : clock->start + clock->frame * frame;
}

static int add_spans(struct result *result, struct result_spans *to, const struct span *spans,
		     size_t n, const struct clock *clock)
{
	struct result_span *grown = grow(to->spans, to->n, &to->capacity, n, sizeof(*grown));
	int error = grown ? 0 : -ENOMEM;

	if (grown)
		to->spans = grown;
	for (size_t i = 0; i < n && !error; i++) {
		struct result_span *span = &to->spans[to->n];
		bool empty = spans[i].end_frame == spans[i].start_frame;
		span->start = frame_start(clock, spans[i].start_frame);
		/* The end of the last frame, not the start of the next: that may
		 * be in another segment. */
		span->end = empty ? span->start
				  : frame_start(clock, spans[i].end_frame - 1) + clock->frame;
		span->confidence = spans[i].confidence;
		error = add_string(result, spans[i].text, &span->text);
		to->n += !error;
	}
	return error;
}

int result_add(struct result *result, const struct tool_model *model,
	       const struct transcript *transcript, double start, const double *times)
{
	const struct clock clock = {
		.start = start,
		.frame = tool_model_seconds(model, 1),
		.times = times,
	};

	int error = add_text(result, transcript->text);
	if (!error)
		error = add_spans(result, &result->words, transcript->words, transcript->n_words,
				  &clock);
	if (!error)
		error = add_spans(result, &result->chars, transcript->chars, transcript->n_chars,
				  &clock);
	return error;
}

void result_finish(struct result *result)
{
	free(result->text);
	free(result->strings);
	free(result->words.spans);
	free(result->chars.spans);
}

const char *result_text(const struct result *result)
{
	return result->text ? result->text : "";
}

static void json_spans(const struct result *result, struct json_out *json, const char *key,
		       const char *text_key, const struct result_spans *spans)
{
	json_begin_array(json, key);
	for (size_t i = 0; i < spans->n; i++) {
		const struct result_span *span = &spans->spans[i];
		json_begin_object(json, NULL);
		json_string(json, text_key, result->strings + span->text);
		json_number(json, "start", span->start, TIME_DIGITS);
		json_number(json, "end", span->end, TIME_DIGITS);
		json_number(json, "confidence", (double)span->confidence, CONFIDENCE_DIGITS);
		json_end_object(json);
	}
	json_end_array(json);
}

void result_json(const struct result *result, struct json_out *json, const char *file,
		 double duration)
{
	json_string(json, "file", file);
	json_string(json, "text", result_text(result));
	json_number(json, "duration", duration, TIME_DIGITS);
	json_spans(result, json, "words", "word", &result->words);
	json_spans(result, json, "chars", "char", &result->chars);
}
