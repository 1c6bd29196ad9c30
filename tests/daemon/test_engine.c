/*
 * The engine with a recognizer that can be predicted (fake_recognizer.c): any
 * split and any company gives the same results, back-pressure loses nothing, a
 * live stream changes its model between two utterances.
 */
#include "daemon/engine.h"
#include "daemon/keywords.h"
#include "tests/daemon/fake_classifier.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOP = 320 };

static sem_t woken;

static void wake(void *ctx)
{
	(void)ctx;
	sem_post(&woken);
}

/* What one stream said: finals joined by '|', with their places. */
struct heard {
	struct engine_stream *stream;
	char text[8192];
	char places[8192];
	char partial[4096];
	int partials, endpoints, finals;
	bool opened, failed, done, room;
	int64_t clock;
};

static void note(void *ctx, const struct result *result)
{
	struct heard *heard = ctx;
	char place[64];

	switch (result->kind) {
	case RESULT_OPENED:
		heard->opened = true;
		assert_int_equal(result->rate, 16000);
		assert_int_equal(result->hop, HOP);
		break;
	case RESULT_FAILED:
		heard->failed = true;
		break;
	case RESULT_PARTIAL:
		heard->partials++;
		snprintf(heard->partial, sizeof(heard->partial), "%s%s",
			 result_text(result, result->stable),
			 result_text(result, result->unstable));
		break;
	case RESULT_ENDPOINT:
		heard->endpoints++;
		break;
	case RESULT_FINAL:
		assert_int_equal(result->utterance, heard->finals);
		heard->finals++;
		strcat(heard->text, result_text(result, result->text));
		strcat(heard->text, "|");
		snprintf(place, sizeof(place), "%lld-%lld ", (long long)result->start,
			 (long long)result->clock);
		strcat(heard->places, place);
		for (uint32_t i = 0; i < result->n_words; i++)
			assert_non_null(strstr(result_text(result, result->text),
					       result_text(result, result_words(result)[i].text)));
		break;
	case RESULT_DONE:
		heard->done = true;
		heard->clock = result->clock;
		break;
	default:
		break;
	}
}

static void note_room(void *ctx)
{
	((struct heard *)ctx)->room = true;
}

static struct engine *make_engine(const char *model)
{
	struct engine_options options = {.max_streams = 20, .wake = wake};
	struct recognizer_options wanted = {.model_dir = model};
	struct recognizer *recognizer;
	struct engine *engine;

	sem_init(&woken, 0, 0);
	assert_int_equal(engine_create(&options, &engine), 0);
	if (model) {
		assert_int_equal(recognizer_open(&wanted, &recognizer), 0);
		assert_int_equal(engine_set_model(engine, recognizer), 0);
	}
	return engine;
}

static void open_stream(struct engine *engine, struct engine_params *params, struct heard *heard)
{
	struct engine_listener listener = {note, note_room, heard};

	memset(heard, 0, sizeof(*heard));
	assert_int_equal(engine_open(engine, params, &listener, &heard->stream), 0);
}

static void wait_for(struct engine *engine, const bool *flag)
{
	while (!*flag) {
		engine_drain(engine);
		if (!*flag)
			sem_wait(&woken);
	}
}

static void push_all(struct engine *engine, struct heard *heard, const float *samples, size_t n,
		     size_t split)
{
	while (n > 0) {
		size_t piece = split < n ? split : n;
		size_t taken;

		heard->room = false;
		taken = engine_push(engine, heard->stream, samples, piece);
		samples += taken;
		n -= taken;
		if (taken < piece)
			wait_for(engine, &heard->room);
	}
}

static void end(struct engine *engine, struct heard *heard)
{
	heard->room = false;
	while (!engine_end(engine, heard->stream)) {
		wait_for(engine, &heard->room);
		heard->room = false;
	}
}

/* Writes what the fake recognizer reads as `text`, two frames a letter and a
 * blank; '.' is half a second of silence. */
static size_t speak(const char *text, float **samples)
{
	size_t n = 0, capacity = 1 << 22;

	*samples = calloc(capacity, sizeof(float));
	for (; *text; text++) {
		if (*text == '.') {
			n += 25 * HOP;
			continue;
		}
		int token = *text == ' ' ? 26 : *text - 'A';
		for (size_t i = 0; i < 2 * HOP; i++)
			(*samples)[n++] = (float)(token + 5) / 100;
		n += HOP;
		assert_true(n < capacity);
	}
	return n;
}

static const char *const verse = "THE QUICK BROWN FOX..JUMPS OVER.THE LAZY DOG";

static void transcribe(struct engine *engine, struct engine_params *params, const char *text,
		       size_t split, struct heard *heard)
{
	float *samples;
	size_t n = speak(text, &samples);

	open_stream(engine, params, heard);
	push_all(engine, heard, samples, n, split);
	end(engine, heard);
	wait_for(engine, &heard->done);
	assert_int_equal(heard->clock, (int64_t)n);
	engine_close(engine, heard->stream);
	free(samples);
}

static void test_splits(void **state)
{
	(void)state;
	static const size_t splits[] = {97, 160, 320, 4096, 1 << 20};
	struct engine *engine = make_engine("x");
	struct engine_params params = {.final = -1};
	static struct heard first, other;

	transcribe(engine, &params, verse, 16000, &first);
	assert_string_equal(first.text, "the quick brown foxjumps overthe lazy dog|");
	assert_int_equal(first.endpoints, 0);
	assert_true(first.partials > 5);
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		transcribe(engine, &params, verse, splits[i], &other);
		assert_string_equal(other.text, first.text);
		assert_int_equal(other.partials, first.partials);
	}
	engine_destroy(engine);
}

static void test_endpoints(void **state)
{
	(void)state;
	struct engine *engine = make_engine("x");
	struct engine_params params = {
		.final = FINAL_STREAM,
		.endpoints = true,
		.rules = {.silence_text = 0.8},
	};
	static struct heard heard;

	transcribe(engine, &params, verse, 1000, &heard);
	assert_string_equal(heard.text, "THE QUICK BROWN FOX|JUMPS OVERTHE LAZY DOG|");
	assert_int_equal(heard.endpoints, 1);
	engine_destroy(engine);
}

/* More streams than a batch takes, one much longer than its input, one closed
 * in the middle: each gets its own words. */
static void test_company(void **state)
{
	(void)state;
	struct engine *engine = make_engine("x");
	struct engine_params params = {.final = -1};
	static struct heard heard[19];
	float *samples[19];
	size_t n[19], at[19] = {0};
	char texts[19][64], wanted[64];
	bool more = true;

	for (int i = 0; i < 19; i++) {
		snprintf(texts[i], sizeof(texts[i]), "SPEAKER %c SAYS%.*s END", 'A' + i, i,
			 "...................");
		n[i] = speak(texts[i], &samples[i]);
		open_stream(engine, &params, &heard[i]);
	}
	while (more) {
		more = false;
		for (int i = 0; i < 19; i++) {
			size_t piece = n[i] - at[i] < 777 ? n[i] - at[i] : 777;

			if (i == 7 && at[i] > 3000)
				continue;
			at[i] += engine_push(engine, heard[i].stream, samples[i] + at[i], piece);
			more = more || at[i] < n[i];
		}
		engine_drain(engine);
	}
	engine_close(engine, heard[7].stream);
	for (int i = 0; i < 19; i++) {
		free(samples[i]);
		if (i == 7)
			continue;
		end(engine, &heard[i]);
		wait_for(engine, &heard[i].done);
		snprintf(wanted, sizeof(wanted), "speaker %c says end|", 'a' + i);
		assert_string_equal(heard[i].text, wanted);
	}
	assert_false(heard[7].done);
	assert_true(histogram_count(&engine_stats(engine)->steps) > 0);
	engine_destroy(engine);
}

static void test_limits(void **state)
{
	(void)state;
	struct engine *engine = make_engine(NULL);
	struct engine_params params = {.final = -1, .language = "fr"};
	struct engine_listener listener = {note, note_room, NULL};
	static struct heard heard[20];
	struct engine_stream *stream;

	/* Streams wait for the model. */
	for (int i = 0; i < 20; i++) {
		open_stream(engine, &params, &heard[i]);
		params.language[0] = '\0';
	}
	assert_int_equal(engine_open(engine, &params, &listener, &stream), -11);
	engine_drain(engine);
	assert_false(heard[1].opened);

	struct recognizer_options wanted = {.model_dir = "x"};
	struct recognizer *recognizer;
	assert_int_equal(recognizer_open(&wanted, &recognizer), 0);
	assert_int_equal(engine_set_model(engine, recognizer), 0);
	wait_for(engine, &heard[0].failed);
	for (int i = 1; i < 20; i++)
		wait_for(engine, &heard[i].opened);
	engine_close(engine, heard[0].stream);
	/* The place is free once the thread has let go of it. */
	while (engine_open(engine, &params, &listener, &stream) < 0)
		sched_yield();
	engine_destroy(engine);
}

/* ---- live ---- */

static int retired;

static void note_retired(void *ctx, struct recognizer *recognizer, struct keywords *keywords)
{
	(void)ctx;
	(void)keywords;
	retired++;
	recognizer_close(recognizer);
}

static void wait_finals(struct engine *engine, struct heard *heard, int finals)
{
	while (heard->finals < finals) {
		engine_drain(engine);
		if (heard->finals < finals)
			sem_wait(&woken);
	}
}

static void test_live(void **state)
{
	(void)state;
	struct engine *engine = make_engine("x");
	struct engine_params params = {
		.role = ENGINE_LIVE,
		.final = -1,
		.endpoints = true,
		.rules = {.silence_text = 0.4, .max_length = 20},
	};
	struct recognizer_options wanted = {.model_dir = "upper"};
	struct recognizer *recognizer;
	static struct heard heard;
	float *samples;
	size_t n = speak("ONE..TWO", &samples);

	retired = 0;
	engine_on_retired(engine, note_retired, NULL);
	open_stream(engine, &params, &heard);
	assert_true(engine_skip(engine, heard.stream, 1000));
	push_all(engine, &heard, samples, n, 500);
	wait_finals(engine, &heard, 1);
	/* The second utterance is open: it ends on the model it began with. */
	assert_int_equal(recognizer_open(&wanted, &recognizer), 0);
	assert_int_equal(engine_set_model(engine, recognizer), 0);
	assert_true(engine_flush(engine, heard.stream));
	wait_finals(engine, &heard, 2);
	assert_true(engine_skip(engine, heard.stream, 5000));
	push_all(engine, &heard, samples, n, 500);
	end(engine, &heard);
	wait_for(engine, &heard.done);
	assert_string_equal(heard.text, "one|two|ONE|TWO|");
	while (retired == 0) {
		engine_drain(engine);
		sched_yield();
	}
	/* Utterances lie where the samples were, skips included. */
	int64_t first = strtoll(heard.places, NULL, 10);
	assert_int_equal(first, 1000);
	char want[32];
	snprintf(want, sizeof(want), " %lld-", (long long)(1000 + (int64_t)n + 5000));
	assert_non_null(strstr(heard.places, want));
	free(samples);
	engine_destroy(engine);
}

/* A stream keeps the model that was the newest when it was opened, whether the
 * thread came to it before the next one or not: here it does not, the steps of
 * the first model keep it for a quarter of a second each. */
static void test_model_of_opening(void **state)
{
	(void)state;
	struct engine *engine = make_engine("behind");
	struct engine_params params = {.final = FINAL_OFFLINE};
	static struct heard heard[18], slow;
	float *samples;
	size_t n = speak("ONE", &samples);

	retired = 0;
	engine_on_retired(engine, note_retired, NULL);
	open_stream(engine, &params, &slow);
	wait_for(engine, &slow.opened);
	push_all(engine, &slow, samples, n, 500);
	end(engine, &slow);
	for (int i = 0; i < 6; i++) {
		struct recognizer_options wanted = {.model_dir = i % 2 ? "x" : "upper"};
		struct recognizer *recognizer;

		for (int k = 0; k < 3; k++)
			open_stream(engine, &params, &heard[3 * i + k]);
		assert_int_equal(recognizer_open(&wanted, &recognizer), 0);
		assert_int_equal(engine_set_model(engine, recognizer), 0);
	}
	for (int i = 0; i < 18; i++) {
		push_all(engine, &heard[i], samples, n, 500);
		end(engine, &heard[i]);
	}
	for (int i = 0; i < 18; i++) {
		wait_for(engine, &heard[i].done);
		assert_string_equal(heard[i].text, i / 3 % 2 ? "ONE|" : "one|");
		engine_close(engine, heard[i].stream);
	}
	wait_for(engine, &slow.done);
	engine_close(engine, slow.stream);
	while (retired < 6) {
		engine_drain(engine);
		sched_yield();
	}
	free(samples);
	engine_destroy(engine);
}

/* A change of model in the middle of continuous speech: the samples of the
 * utterance that has just begun go over to the new one. */
static void test_live_replay(void **state)
{
	(void)state;
	struct engine *engine = make_engine("x");
	struct engine_params params = {
		.role = ENGINE_LIVE,
		.final = FINAL_OFFLINE,
		.endpoints = true,
		.rules = {.silence_text = 0.4, .max_length = 20},
	};
	struct recognizer_options wanted = {.model_dir = "upper"};
	struct recognizer *recognizer;
	static struct heard heard;
	float *samples;
	size_t n = speak("ONE.TWO.THREE.FOUR.FIVE.SIX.SEVEN.EIGHT.NINE.TEN", &samples);
	retired = 0;
	engine_on_retired(engine, note_retired, NULL);
	open_stream(engine, &params, &heard);
	push_all(engine, &heard, samples, n / 2, 333);
	wait_for(engine, &heard.opened);
	assert_int_equal(recognizer_open(&wanted, &recognizer), 0);
	assert_int_equal(engine_set_model(engine, recognizer), 0);
	push_all(engine, &heard, samples + n / 2, n - n / 2, 333);
	wait_finals(engine, &heard, 3);
	end(engine, &heard);
	wait_for(engine, &heard.done);
	/* Nothing lost, nothing twice, and lower case before upper case. Where
	 * the endpoints lie depends on where the chunks begin. */
	char letters[128] = "";
	bool upper = false;
	for (size_t i = 0, k = 0; heard.text[i]; i++) {
		if (heard.text[i] == '|')
			continue;
		upper = upper || heard.text[i] < 'a';
		assert_true(upper == (heard.text[i] < 'a'));
		letters[k++] = heard.text[i] | 0x20;
	}
	assert_true(upper);
	assert_string_equal(letters, "onetwothreefourfivesixseveneightnineten");
	free(samples);
	engine_destroy(engine);
}

/* ---- keywords ---- */

static sem_t looking, go_on;

static void hold(void)
{
	fake_classifier_running = NULL;
	sem_post(&looking);
	sem_wait(&go_on);
}

static void note_done(void *ctx, const struct result *result)
{
	struct heard *heard = ctx;

	heard->done = heard->done || result->kind == RESULT_DONE;
}

/* The first model comes in the middle of a pass that began without one: here the
 * pass is kept at a window of keywords. */
static void test_model_in_a_pass(void **state)
{
	(void)state;
	struct engine *engine = make_engine(NULL);
	struct engine_params params = {
		.role = ENGINE_WAKE,
		.spotting = {.window_s = 1, .hop_s = 0.1, .refractory_s = 1, .threshold = 0.5},
	};
	struct recognizer_options wanted = {.model_dir = "x"};
	struct string_list ignore = {0};
	struct recognizer *recognizer;
	struct keywords *keywords;
	static struct heard spotted, heard;
	struct engine_listener listener = {note_done, note_room, &spotted};
	float *samples;
	size_t n = speak("ALPHA", &samples);

	sem_init(&looking, 0, 0);
	sem_init(&go_on, 0, 0);
	fake_classifier_running = hold;
	assert_int_equal(keywords_open("words", 1, 1, &ignore, &keywords), 0);
	engine_set_keywords(engine, keywords);
	assert_int_equal(engine_open(engine, &params, &listener, &spotted.stream), 0);
	push_all(engine, &spotted, samples, n, 500);
	end(engine, &spotted);
	sem_wait(&looking);
	assert_int_equal(recognizer_open(&wanted, &recognizer), 0);
	assert_int_equal(engine_set_model(engine, recognizer), 0);
	sem_post(&go_on);
	wait_for(engine, &spotted.done);
	params = (struct engine_params){.final = -1};
	transcribe(engine, &params, verse, 16000, &heard);
	assert_string_equal(heard.text, "the quick brown foxjumps overthe lazy dog|");
	free(samples);
	engine_destroy(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_company),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_replay),
		cmocka_unit_test(test_model_of_opening),
		cmocka_unit_test(test_model_in_a_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
