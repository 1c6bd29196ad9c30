/* Streaming sessions: one utterance, any split, many streams, resets. */
#include "core/decode/ctc_greedy.h"
#include "tests/acoustic/allocations.h"
#include "tests/decode/fixture.h"
#include "tests/recognizer/session.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct recognizer_stream_options live = {
	.streaming_given = true,
	.left = 64,
	.chunk = 16,
	.right = 16,
	.final = FINAL_STREAM,
};

static const struct recognizer_stream_options live_offline = {
	.streaming_given = true,
	.left = 64,
	.chunk = 16,
	.right = 16,
	.final = FINAL_OFFLINE,
};

/* Stable text only grows within an utterance, and partials differ from each other. */
static void check_partials(const struct session *session)
{
	const struct session_event *last = NULL;

	for (size_t i = 0; i < session->n; i++) {
		const struct session_event *event = &session->events[i];

		if (event->kind == RECOGNIZER_FINAL)
			last = NULL;
		if (event->kind != RECOGNIZER_PARTIAL)
			continue;
		if (last != NULL && last->start == event->start) {
			assert_int_equal(strncmp(event->stable, last->stable, strlen(last->stable)),
					 0);
			assert_true(strcmp(event->stable, last->stable) != 0 ||
				    strcmp(event->text, last->text) != 0);
		}
		last = event;
	}
}

/* The reference's committed logits with causal statistics, decoded. False where
 * a near tie would decide the test. */
static bool check_reference(const char *name, const char *setting, long left, long chunk,
			    long right)
{
	struct recognizer *recognizer = session_recognizer(name);
	struct recognizer_stream_options options = live;
	struct session session = {0};
	struct transcript expected;
	size_t frames, tokens, n;
	char tensor[128];
	bool tied = false;
	float *logits, *samples = session_wav(name, "input.wav", &n);
	int *ids;

	snprintf(tensor, sizeof(tensor), "%s.cumulative.committed", setting);
	logits = fixture_tensor(name, "streaming.safetensors", tensor, &frames, &tokens);
	ids = malloc(frames * sizeof(*ids));
	assert_non_null(ids);
	for (size_t f = 0; f < frames; f++) {
		const float *row = logits + f * tokens;

		ids[f] = ctc_argmax(row, tokens, NULL);
		for (size_t t = 0; t < tokens; t++)
			tied = tied || ((int)t != ids[f] && row[ids[f]] - row[t] < 1e-3F);
	}
	assert_int_equal(
		vocab_decode(recognizer_vocab(recognizer, 0), ids, NULL, frames, NULL, &expected),
		0);
	options.left = left;
	options.chunk = chunk;
	options.right = right;
	session_whole(&session, recognizer, &options, samples, n, 4000, 0);
	assert_int_equal(session_finals(&session), 1);
	if (!tied)
		assert_string_equal(session_final(&session, 0)->text, expected.text);
	check_partials(&session);
	session_finish(&session);
	transcript_finish(&expected);
	free(ids);
	free(logits);
	free(samples);
	recognizer_close(recognizer);
	return !tied;
}

static long setting_number(const cJSON *setting, const char *key)
{
	return (long)cJSON_GetObjectItemCaseSensitive(setting, key)->valuedouble;
}

static void test_reference(void **state)
{
	static const char *const names[] = {"base-style", "large-style", "pos-odd-19",
					    "w2v2-mms-adapter"};
	int compared = 0, settings = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		cJSON *json = fixture_json(names[i], "streaming.json");
		const cJSON *item;

		cJSON_ArrayForEach(item, json)
		{
			compared += check_reference(
				names[i], fixture_string(item, "name"), setting_number(item, "L"),
				setting_number(item, "C"), setting_number(item, "R"));
			settings++;
		}
		cJSON_Delete(json);
	}
	print_message("%d of %d settings compared\n", compared, settings);
	assert_true(compared * 4 >= settings * 3);
}

static void check_splits(const char *name, const struct recognizer_stream_options *options,
			 double seconds)
{
	static const size_t pieces[] = {1, 7, 160, 4096, 0, 0, 0};
	struct recognizer *recognizer = session_recognizer(name);
	struct session whole = {0};
	size_t n;
	float *samples = session_audio(seconds, &n);

	session_whole(&whole, recognizer, options, samples, n, n, 0);
	assert_true(whole.n > 3);
	check_partials(&whole);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct session session = {0};

		session_whole(&session, recognizer, options, samples, n, pieces[i], (unsigned)i);
		session_same(&session, &whole);
		session_finish(&session);
	}
	session_finish(&whole);
	free(samples);
	recognizer_close(recognizer);
}

static void test_any_split(void **state)
{
	struct recognizer_stream_options rules = live, no_lookahead = live_offline,
					 whole = live_offline, quiet = live_offline;

	(void)state;
	check_splits("base-style", &live, 2.5);
	check_splits("large-style", &live_offline, 2.5);
	rules.endpoint = (struct endpoint_rules){0.1, 0.06, 1.0};
	check_splits("large-style", &rules, 5.0);
	rules.final = FINAL_OFFLINE;
	check_splits("base-style", &rules, 5.0);
	no_lookahead.right = 0;
	no_lookahead.chunk = 5;
	no_lookahead.endpoint = rules.endpoint;
	check_splits("base-style", &no_lookahead, 3.0);
	whole.chunk = -1;
	whole.left = -1;
	whole.endpoint.max_length = 1.5;
	check_splits("base-style", &whole, 4.0);
	quiet.cut_quiet = true;
	quiet.endpoint.max_length = 1.2;
	check_splits("base-style", &quiet, 4.0);
}

/* One utterance below the limit: what transcribe gives, and nothing twice. */
static void test_final_offline(void **state)
{
	struct recognizer *recognizer = session_recognizer("large-style");
	struct session session = {0};
	size_t n;
	float *samples = session_wav("large-style", "input.wav", &n);
	char *text = session_transcribe(recognizer, samples, n);
	const struct session_event *final;
	bool prefix;

	(void)state;
	session_whole(&session, recognizer, &live_offline, samples, n, 8000, 0);
	assert_int_equal(session_finals(&session), 1);
	final = session_final(&session, 0);
	assert_string_equal(final->text, text);
	assert_int_equal(final->final, FINAL_OFFLINE);
	assert_int_equal(final->start, 0);
	assert_int_equal(final->clock, (int64_t)n);
	assert_ptr_equal(final, &session.events[session.n - 1]);
	/* The last partial's stable text is all that was promised. */
	assert_int_equal(session.events[session.n - 2].kind, RECOGNIZER_PARTIAL);
	prefix = strncmp(text, session.events[session.n - 2].stable,
			 strlen(session.events[session.n - 2].stable)) == 0;
	assert_int_equal(final->prefix_ok, prefix);
	session_finish(&session);
	free(text);
	free(samples);
	recognizer_close(recognizer);
}

static void test_nothing_and_little(void **state)
{
	static const size_t sizes[] = {0, 1, 399, 400, 700};
	struct recognizer *recognizer = session_recognizer("base-style");
	float samples[700] = {0};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		for (int final = FINAL_OFFLINE; final <= FINAL_STREAM; final++) {
			struct recognizer_stream_options options = live;
			struct session session = {0};

			options.final = final;
			session_whole(&session, recognizer, &options, samples, sizes[i], 50, 0);
			assert_int_equal(session_finals(&session), 1);
			if (sizes[i] < 400)
				assert_string_equal(session_final(&session, 0)->text, "");
			assert_int_equal(session_final(&session, 0)->clock, sizes[i]);
			assert_true(session_final(&session, 0)->prefix_ok);
			session_finish(&session);
		}
	}
	recognizer_close(recognizer);
}

static void test_reset_equals_fresh(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = live_offline;
	struct recognizer_stream *stream;
	struct session fresh = {0}, again = {0}, thrown = {0};
	unsigned random = 9;
	size_t n;
	float *samples = session_audio(3.0, &n);

	(void)state;
	options.endpoint = (struct endpoint_rules){0.1, 0.06, 0.7};
	session_whole(&fresh, recognizer, &options, samples, n, 1000, 0);
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	for (int i = 0; i < 6; i++) {
		size_t some = fixture_random(&random, (unsigned)n);

		/* Stops anywhere, in the middle of an offline pass too. */
		for (size_t done = 0; done < some;) {
			done += recognizer_stream_push(stream, samples + done, some - done);
			session_run(&thrown, recognizer, stream, done < some);
		}
		for (int k = 0; k < i; k++)
			recognizer_final_advance(recognizer);
		recognizer_stream_reset(stream);
		assert_false(recognizer_final_pending(recognizer));
		session_finish(&thrown);
	}
	session_push(&again, recognizer, stream, samples, n);
	recognizer_stream_end(stream);
	session_run(&again, recognizer, stream, true);
	session_same(&again, &fresh);
	recognizer_stream_close(stream);
	session_finish(&fresh);
	session_finish(&again);
	free(samples);
	recognizer_close(recognizer);
}

enum { TOGETHER = 5 };

/* Streams of different contexts, positions and ends, stepped together, with one
 * that needs the wide batch. */
static void test_together_equals_alone(void **state)
{
	static const long contexts[TOGETHER][3] = {
		{64, 16, 16}, {64, 16, 16}, {10, 8, 4}, {-1, 16, 0}, {64, -1, 0}};
	struct recognizer_options open = {.model_dir = fixture_dir("large-style"),
					  .threads = 1,
					  .max_streams = 3,
					  .max_window = 40};
	struct recognizer_stream *streams[TOGETHER], *ready[TOGETHER];
	struct recognizer_stream_options options[TOGETHER];
	struct session alone[TOGETHER] = {0}, together[TOGETHER] = {0};
	struct recognizer *recognizer;
	size_t n, done[TOGETHER] = {0}, n_ready;
	float *samples = session_audio(4.0, &n);

	(void)state;
	assert_int_equal(recognizer_open(&open, &recognizer), 0);
	for (size_t i = 0; i < TOGETHER; i++) {
		options[i] = i % 2 == 0 ? live : live_offline;
		options[i].left = contexts[i][0];
		options[i].chunk = contexts[i][1];
		options[i].right = contexts[i][2];
		options[i].endpoint = (struct endpoint_rules){0.2, 0.06, 1.1};
		session_whole(&alone[i], recognizer, &options[i], samples + i * 1000, n - i * 5000,
			      3000, 0);
		assert_int_equal(recognizer_stream_open(recognizer, &options[i], &streams[i]), 0);
	}
	do {
		n_ready = 0;
		for (size_t i = 0; i < TOGETHER; i++) {
			size_t left = n - i * 5000 - done[i], piece = 700 * (i + 1);

			done[i] += recognizer_stream_push(streams[i], samples + i * 1000 + done[i],
							  piece < left ? piece : left);
			if (done[i] == n - i * 5000)
				recognizer_stream_end(streams[i]);
			session_take(&together[i], streams[i]);
			if (recognizer_stream_ready(streams[i]))
				ready[n_ready++] = streams[i];
		}
		if (n_ready > 0)
			recognizer_step(recognizer, ready, n_ready);
		recognizer_final_advance(recognizer);
		for (size_t i = 0; i < TOGETHER; i++) {
			session_take(&together[i], streams[i]);
			n_ready += !recognizer_stream_done(streams[i]);
		}
	} while (n_ready > 0);
	for (size_t i = 0; i < TOGETHER; i++) {
		session_same(&together[i], &alone[i]);
		recognizer_stream_close(streams[i]);
		session_finish(&alone[i]);
		session_finish(&together[i]);
	}
	free(samples);
	recognizer_close(recognizer);
}

static void test_no_allocation(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = live_offline;
	struct recognizer_stream *stream;
	struct recognizer_event event;
	size_t n, events = 0, before;
	float *samples = session_audio(8.0, &n);

	(void)state;
	options.endpoint = (struct endpoint_rules){0.5, 0.06, 1.0};
	for (int final = FINAL_OFFLINE; final <= FINAL_STREAM; final++) {
		options.final = final;
		assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
		before = allocations_count();
		for (size_t done = 0; done < n;) {
			size_t piece = n - done < 1600 ? n - done : 1600;

			done += recognizer_stream_push(stream, samples + done, piece);
			while (recognizer_stream_ready(stream)) {
				recognizer_step(recognizer, &stream, 1);
				while (recognizer_stream_next(stream, &event))
					events++;
			}
			while (recognizer_final_advance(recognizer) != 0)
				;
			while (recognizer_stream_next(stream, &event))
				events++;
		}
		recognizer_stream_flush(stream);
		recognizer_stream_skip(stream, 100);
		recognizer_stream_reset(stream);
		assert_int_equal(allocations_count(), before);
		recognizer_stream_close(stream);
	}
	assert_true(events > 20);
	free(samples);
	recognizer_close(recognizer);
}

static void test_bad_options(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options bad[] = {live, live, live, live, live, live, live, live};
	struct recognizer_stream *stream;

	(void)state;
	bad[0].chunk = 0;
	bad[1].left = -2;
	bad[2].right = -1;
	bad[3].language = 1;
	bad[4].endpoint.silence_text = NAN;
	bad[5].max_utterance_s = 1e9;
	bad[6].cut_quiet = true;
	bad[7].right = 100000;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(recognizer_stream_open(recognizer, &bad[i], &stream), -EINVAL);
		assert_null(stream);
	}
	recognizer_stream_close(NULL);
	recognizer_close(NULL);
	recognizer_close(recognizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_any_split),
		cmocka_unit_test(test_final_offline),
		cmocka_unit_test(test_nothing_and_little),
		cmocka_unit_test(test_reset_equals_fresh),
		cmocka_unit_test(test_together_equals_alone),
		cmocka_unit_test(test_no_allocation),
		cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
