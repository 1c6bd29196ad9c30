/* Several views of one stream: each has the events that its own stream would have,
 * whatever the split; they come and go between utterances; no step allocates. */
#include "core/decode/hotwords.h"
#include "tests/acoustic/allocations.h"
#include "tests/decode/fixture.h"
#include "tests/recognizer/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLANS = 3 };

static const struct recognizer_stream_options live = {
	.streaming_given = true,
	.left = 64,
	.chunk = 16,
	.right = 16,
	.endpoint = {.silence_text = 0.5, .max_length = 1.0},
};

struct bench {
	struct recognizer *recognizer;
	struct decode_plan *plans[PLANS]; /* greedy, a beam, a beam with hotwords */
	float *samples;
	size_t n;
};

static void bench_init(struct bench *bench)
{
	static const struct hotword words[] = {{"AB", 60.0F}, {"E", 5.0F}};
	struct hotwords_error error;

	bench->recognizer = session_recognizer("base-style");
	bench->samples = session_audio(6.0, &bench->n);
	for (size_t i = 0; i < PLANS; i++) {
		bench->plans[i] = i > 0 ? decode_plan_create() : NULL;
		if (i > 0)
			bench->plans[i]->beam = 16 * i;
	}
	assert_int_equal(hotwords_compile(recognizer_vocab(bench->recognizer, 0), words, 2,
					  &bench->plans[2]->hotwords, &error),
			 0);
}

static void bench_finish(struct bench *bench)
{
	for (size_t i = 0; i < PLANS; i++)
		decode_plan_release(bench->plans[i]);
	recognizer_close(bench->recognizer);
	free(bench->samples);
}

/* The events of the views of a stream, each by itself. */
static void take(struct session *sessions, struct recognizer_stream *stream)
{
	struct recognizer_event event;

	while (recognizer_stream_next(stream, &event)) {
		size_t view = event.view;

		assert_true(view < PLANS);
		session_add(&sessions[view], &event);
	}
}

static void run(struct bench *bench, struct session *sessions, struct recognizer_stream *stream)
{
	take(sessions, stream);
	for (;;) {
		if (recognizer_stream_ready(stream))
			recognizer_step(bench->recognizer, &stream, 1);
		else if (recognizer_final_pending(bench->recognizer))
			recognizer_final_advance(bench->recognizer);
		else
			break;
		take(sessions, stream);
	}
}

static void push(struct bench *bench, struct session *sessions, struct recognizer_stream *stream,
		 size_t first, size_t last, unsigned *random)
{
	while (first < last) {
		size_t piece = 1 + fixture_random(random, 20000);

		piece = piece > last - first ? last - first : piece;
		first += recognizer_stream_push(stream, bench->samples + first, piece);
		run(bench, sessions, stream);
	}
}

static void test_like_streams_of_their_own(void **state)
{
	struct bench bench;
	unsigned random = 1;

	(void)state;
	bench_init(&bench);
	for (int final = FINAL_OFFLINE; final <= FINAL_STREAM; final++) {
		struct recognizer_stream_options options = live;
		struct session sessions[PLANS] = {{.n = 0}};
		struct recognizer_stream *stream;

		options.final = final;
		assert_int_equal(recognizer_stream_open(bench.recognizer, &options, &stream), 0);
		for (size_t i = 1; i < PLANS; i++)
			assert_int_equal(recognizer_stream_set_view(stream, i, bench.plans[i]), 0);
		push(&bench, sessions, stream, 0, bench.n, &random);
		recognizer_stream_end(stream);
		run(&bench, sessions, stream);
		assert_true(recognizer_stream_done(stream));
		recognizer_stream_close(stream);
		for (size_t i = 0; i < PLANS; i++) {
			struct session own = {.n = 0};

			options.plan = bench.plans[i];
			session_whole(&own, bench.recognizer, &options, bench.samples, bench.n,
				      4096, 1);
			session_same(&sessions[i], &own);
			assert_true(session_finals(&own) >= 5);
			session_finish(&own);
		}
		options.plan = NULL;
		assert_string_not_equal(session_final(&sessions[0], 1)->text,
					session_final(&sessions[2], 1)->text);
		for (size_t i = 0; i < PLANS; i++)
			session_finish(&sessions[i]);
	}
	bench_finish(&bench);
}

static void test_come_and_go(void **state)
{
	struct bench bench;
	struct session sessions[PLANS] = {{.n = 0}};
	struct recognizer_stream *stream;
	unsigned random = 2;
	uint64_t next;
	size_t finals;

	(void)state;
	bench_init(&bench);
	assert_int_equal(recognizer_stream_open(bench.recognizer, &live, &stream), 0);
	assert_int_equal(recognizer_stream_set_view(stream, RECOGNIZER_VIEWS, NULL), -EINVAL);
	push(&bench, sessions, stream, 0, bench.n / 3, &random);
	next = recognizer_stream_next_utterance(stream);
	assert_true(next > 0);
	assert_int_equal(recognizer_stream_set_view(stream, 1, bench.plans[1]), 0);
	push(&bench, sessions, stream, bench.n / 3, bench.n * 2 / 3, &random);
	assert_true(sessions[1].n > 0);
	for (size_t i = 0; i < sessions[1].n; i++)
		assert_true(sessions[1].events[i].utterance >= next);
	/* Gone at once, and the stream goes on. */
	recognizer_stream_drop_view(stream, 1);
	recognizer_stream_drop_view(stream, 0);
	finals = session_finals(&sessions[1]);
	push(&bench, sessions, stream, bench.n * 2 / 3, bench.n, &random);
	recognizer_stream_end(stream);
	run(&bench, sessions, stream);
	assert_true(recognizer_stream_done(stream));
	assert_int_equal(session_finals(&sessions[1]), finals);
	assert_true(session_finals(&sessions[0]) >= 5);
	recognizer_stream_close(stream);
	for (size_t i = 0; i < PLANS; i++)
		session_finish(&sessions[i]);
	bench_finish(&bench);
}

static void test_no_allocation(void **state)
{
	struct bench bench;
	struct recognizer_stream *stream;
	struct recognizer_event event;
	size_t events = 0, before;

	(void)state;
	bench_init(&bench);
	assert_int_equal(recognizer_stream_open(bench.recognizer, &live, &stream), 0);
	for (size_t i = 1; i < PLANS; i++)
		assert_int_equal(recognizer_stream_set_view(stream, i, bench.plans[i]), 0);
	before = allocations_count();
	for (size_t done = 0; done < bench.n;) {
		size_t piece = bench.n - done < 1600 ? bench.n - done : 1600;

		done += recognizer_stream_push(stream, bench.samples + done, piece);
		while (recognizer_stream_ready(stream)) {
			recognizer_step(bench.recognizer, &stream, 1);
			while (recognizer_stream_next(stream, &event))
				events++;
		}
		while (recognizer_final_advance(bench.recognizer) != 0)
			;
		while (recognizer_stream_next(stream, &event))
			events++;
	}
	assert_int_equal(allocations_count(), before);
	assert_true(events > 60);
	recognizer_stream_close(stream);
	bench_finish(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_streams_of_their_own),
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_no_allocation),
	};

	return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
