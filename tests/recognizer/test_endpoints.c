/* Ends of utterances: replay, cuts, flush, skip, waiting offline passes. */
#include "tests/decode/fixture.h"
#include "tests/recognizer/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct recognizer_stream_options options_of(int final)
{
	return (struct recognizer_stream_options){
		.streaming_given = true,
		.left = 64,
		.chunk = 16,
		.right = 8,
		.final = final,
		.endpoint = {.silence_no_text = 0.1, .silence_text = 0.06, .max_length = 1.0},
	};
}

/* The utterances follow one another without a gap, each with one endpoint (the
 * last without) and one final, in this order. */
static void check_chain(const struct session *session, int64_t n)
{
	int64_t clock = 0;
	size_t finals = 0, endpoints = 0;

	for (size_t i = 0; i < session->n; i++) {
		const struct session_event *event = &session->events[i];

		if (event->kind == RECOGNIZER_ENDPOINT) {
			endpoints++;
			assert_int_not_equal(event->rule, ENDPOINT_NONE);
		}
		if (event->kind != RECOGNIZER_FINAL)
			continue;
		finals++;
		assert_int_equal(event->start, clock);
		assert_true(event->clock > event->start);
		clock = event->clock;
	}
	assert_int_equal(clock, n);
	assert_true(endpoints == finals || endpoints + 1 == finals);
	assert_true(finals > 2);
}

/* final=offline: each final is transcribe of exactly its samples. */
static void check_pieces(struct recognizer *recognizer, const struct session *session,
			 const float *samples)
{
	for (size_t i = 0; i < session_finals(session); i++) {
		const struct session_event *final = session_final(session, i);
		char *text = session_transcribe(recognizer, samples + final->start,
						(size_t)(final->clock - final->start));

		assert_string_equal(final->text, text);
		assert_int_equal(final->final, FINAL_OFFLINE);
		free(text);
	}
}

static size_t count_rule(const struct session *session, enum endpoint_rule rule)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n; i++)
		n += session->events[i].kind == RECOGNIZER_ENDPOINT &&
		     session->events[i].rule == rule;
	return n;
}

static void test_offline_pieces(void **state)
{
	static const char *const names[] = {"base-style", "large-style", "vocab-punct-cleanup"};
	size_t n;
	float *samples = session_audio(9.0, &n);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct recognizer *recognizer = session_recognizer(names[i]);
		struct recognizer_stream_options options = options_of(FINAL_OFFLINE);
		struct session session = {0};

		session_whole(&session, recognizer, &options, samples, n, 1600, 0);
		check_chain(&session, (int64_t)n);
		check_pieces(recognizer, &session, samples);
		session_finish(&session);
		recognizer_close(recognizer);
	}
	free(samples);
}

/* A directory with the files of `name`, but without input normalisation. */
static struct recognizer *open_plain(const char *name)
{
	static const char *const files[] = {"config.json", "model.safetensors", "vocab.json",
					    "tokenizer_config.json", "special_tokens_map.json"};
	char dir[] = "/tmp/heard-test-XXXXXX", from[2048], to[2048];
	struct recognizer_options options = {.model_dir = dir, .threads = 1};
	struct recognizer *recognizer;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(from, sizeof(from), "%s/%s", fixture_dir(name), files[i]);
		snprintf(to, sizeof(to), "%s/%s", dir, files[i]);
		assert_int_equal(symlink(from, to), 0);
	}
	snprintf(to, sizeof(to), "%s/preprocessor_config.json", dir);
	f = fopen(to, "w");
	assert_non_null(f);
	fputs("{\"do_normalize\": false, \"sampling_rate\": 16000}", f);
	fclose(f);
	assert_int_equal(recognizer_open(&options, &recognizer), 0);
	unlink(to);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(to, sizeof(to), "%s/%s", dir, files[i]);
		unlink(to);
	}
	rmdir(dir);
	return recognizer;
}

/* After an endpoint everything is as for a stream that starts at that sample:
 * a model without utterance statistics has no prior to carry over. */
static void test_replay_equals_fresh(void **state)
{
	struct recognizer *recognizer = open_plain("mixed-norm-flags");
	struct recognizer_stream_options options = options_of(FINAL_STREAM);
	struct session whole = {0};
	size_t n;
	float *samples = session_audio(6.0, &n);

	(void)state;
	assert_int_equal(recognizer_config(recognizer)->conv_norm, CONV_NORM_LAYER);
	assert_false(recognizer_config(recognizer)->do_normalize);
	session_whole(&whole, recognizer, &options, samples, n, 1600, 0);
	check_chain(&whole, (int64_t)n);
	for (size_t i = 1; i < session_finals(&whole); i++) {
		struct session fresh = {0};
		const struct session_event *final = session_final(&whole, i);

		session_whole(&fresh, recognizer, &options, samples + final->start,
			      n - (size_t) final->start, 1600, 0);
		assert_string_equal(session_final(&fresh, 0)->text, final->text);
		assert_int_equal(session_final(&fresh, 0)->clock, final->clock - final->start);
		session_finish(&fresh);
	}
	session_finish(&whole);
	free(samples);
	recognizer_close(recognizer);
}

/* final=stream: what was stable is in the final, whatever ends the utterance. */
static void test_stream_never_retracts(void **state)
{
	static const char *const names[] = {"base-style", "large-style", "vocab-punct-cleanup",
					    "vocab-unicode"};
	size_t n;
	float *samples = session_audio(8.0, &n);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct recognizer *recognizer = session_recognizer(names[i]);
		struct recognizer_stream_options options = options_of(FINAL_STREAM);
		struct session session = {0};

		session_whole(&session, recognizer, &options, samples, n, 2000, 0);
		check_chain(&session, (int64_t)n);
		for (size_t k = 0; k < session.n; k++) {
			const struct session_event *event = &session.events[k];

			if (event->kind == RECOGNIZER_PARTIAL) {
				const struct session_event *final = event;

				while (final->kind != RECOGNIZER_FINAL)
					final++;
				assert_int_equal(
					strncmp(final->text, event->stable, strlen(event->stable)),
					0);
			}
			if (event->kind == RECOGNIZER_FINAL)
				assert_true(event->prefix_ok && event->final == FINAL_STREAM);
		}
		session_finish(&session);
		recognizer_close(recognizer);
	}
	free(samples);
}

static void test_max_length(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	size_t n;
	float *samples = session_audio(7.0, &n);

	(void)state;
	for (int final = FINAL_OFFLINE; final <= FINAL_STREAM; final++) {
		struct recognizer_stream_options options = options_of(final);
		struct session session = {0};

		options.endpoint = (struct endpoint_rules){.max_length = 1.0};
		session_whole(&session, recognizer, &options, samples, n, 1600, 0);
		check_chain(&session, (int64_t)n);
		assert_int_equal(count_rule(&session, ENDPOINT_MAX_LENGTH),
				 session_finals(&session) - 1);
		for (size_t i = 0; i < session_finals(&session); i++) {
			const struct session_event *end = session_final(&session, i);

			assert_in_range(end->clock - end->start, 1, 16000);
			if (i + 1 < session_finals(&session))
				assert_true(end->clock - end->start >= 8000);
		}
		if (final == FINAL_OFFLINE)
			check_pieces(recognizer, &session, samples);
		session_finish(&session);
	}
	/* The capacity ends an utterance even without rules. */
	for (int final = FINAL_OFFLINE; final <= FINAL_STREAM; final++) {
		struct recognizer_stream_options options = options_of(final);
		struct session session = {0};

		options.endpoint = (struct endpoint_rules){0};
		options.max_utterance_s = 1.5;
		session_whole(&session, recognizer, &options, samples, n, n, 0);
		check_chain(&session, (int64_t)n);
		assert_int_equal(count_rule(&session, ENDPOINT_MAX_LENGTH),
				 session_finals(&session) - 1);
		session_finish(&session);
	}
	free(samples);
	recognizer_close(recognizer);
}

/* Pushed audio is cut exactly where transcribe cuts, and joins to its text. */
static void test_cut_quiet(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = options_of(FINAL_OFFLINE);
	struct session session = {0};
	struct transcript whole;
	char text[16384] = "";
	size_t n;
	float *samples = session_audio(9.0, &n);

	(void)state;
	options.endpoint = (struct endpoint_rules){.max_length = 2.0};
	options.cut_quiet = true;
	session_whole(&session, recognizer, &options, samples, n, 3000, 0);
	check_chain(&session, (int64_t)n);
	assert_int_equal(recognizer_transcribe(recognizer, samples, n, 0, 2.0, NULL, &whole), 0);
	for (size_t i = 0; i < session_finals(&session); i++) {
		const char *part = session_final(&session, i)->text;

		if (text[0] != '\0' && part[0] != '\0')
			strcat(text, " ");
		strcat(text, part);
	}
	assert_string_equal(text, whole.text);
	check_pieces(recognizer, &session, samples);
	transcript_finish(&whole);
	session_finish(&session);

	/* Exactly the limit is one utterance. */
	session_whole(&session, recognizer, &options, samples, 32000, 3000, 0);
	assert_int_equal(session_finals(&session), 1);
	session_finish(&session);
	free(samples);
	recognizer_close(recognizer);
}

/* Nobody runs the offline passes: two utterances wait, the stream stops being
 * ready, and takes no more than its buffer; then everything comes out. */
static void test_back_pressure(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = options_of(FINAL_OFFLINE);
	struct recognizer_stream *stream;
	struct session free_running = {0}, session = {0};
	size_t n, done = 0;
	float *samples = session_audio(12.0, &n);

	(void)state;
	session_whole(&free_running, recognizer, &options, samples, n, 1600, 0);
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	for (size_t last = 1; done != last;) {
		last = done;
		done += recognizer_stream_push(stream, samples + done, n - done);
		session_run(&session, recognizer, stream, false);
	}
	assert_true(done < n);
	assert_int_equal(session_finals(&session), 0);
	assert_int_equal(count_rule(&session, ENDPOINT_SILENCE_TEXT) +
				 count_rule(&session, ENDPOINT_SILENCE_NO_TEXT) +
				 count_rule(&session, ENDPOINT_MAX_LENGTH),
			 2);
	assert_false(recognizer_stream_ready(stream));
	assert_true(recognizer_final_pending(recognizer));
	session_push(&session, recognizer, stream, samples + done, n - done);
	recognizer_stream_end(stream);
	session_run(&session, recognizer, stream, true);
	assert_true(recognizer_stream_done(stream));
	assert_int_equal(session_finals(&session), session_finals(&free_running));
	for (size_t i = 0; i < session_finals(&session); i++)
		assert_string_equal(session_final(&session, i)->text,
				    session_final(&free_running, i)->text);
	recognizer_stream_close(stream);
	session_finish(&session);
	session_finish(&free_running);
	free(samples);
	recognizer_close(recognizer);
}

static void test_abandon(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = options_of(FINAL_OFFLINE);
	struct recognizer_stream *stream, *other;
	struct session session = {0}, kept = {0};
	size_t n, done;
	float *samples = session_audio(1.0, &n);
	char *text = session_transcribe(recognizer, samples, n);

	(void)state;
	options.endpoint = (struct endpoint_rules){0};
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	assert_int_equal(recognizer_stream_open(recognizer, &options, &other), 0);
	done = recognizer_stream_push(stream, samples, n);
	assert_int_equal(done, n);
	recognizer_stream_end(stream);
	session_run(&session, recognizer, stream, false);
	recognizer_final_advance(recognizer); /* begun, and given up in the middle */
	assert_int_equal(recognizer_stream_push(other, samples, n), n);
	recognizer_stream_end(other);
	session_run(&kept, recognizer, other, false);
	assert_int_equal(session_finals(&session), 0);
	recognizer_final_abandon(stream);
	assert_true(recognizer_final_pending(recognizer));
	session_take(&session, stream);
	assert_int_equal(session_finals(&session), 1);
	assert_int_equal(session_final(&session, 0)->final, FINAL_STREAM);
	assert_true(session_final(&session, 0)->prefix_ok);
	assert_string_equal(session_final(&session, 0)->text, session.events[session.n - 2].text);
	recognizer_stream_close(stream);
	session_run(&kept, recognizer, other, true);
	assert_string_equal(session_final(&kept, 0)->text, text);
	recognizer_stream_close(other);
	session_finish(&session);
	session_finish(&kept);
	free(text);
	free(samples);
	recognizer_close(recognizer);
}

/* A stream that opens and a transcription in between must not disturb a pass that has begun. */
static void test_pass_survives_others(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = options_of(FINAL_OFFLINE), longer = options;
	struct recognizer_stream *stream, *other;
	struct session session = {0};
	size_t n;
	float *samples = session_audio(2.0, &n);
	char *text = session_transcribe(recognizer, samples, 16000), *again;

	(void)state;
	options.endpoint = (struct endpoint_rules){0};
	options.max_utterance_s = 2.0;
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	assert_int_equal(recognizer_stream_push(stream, samples, 16000), 16000);
	recognizer_stream_end(stream);
	session_run(&session, recognizer, stream, false);
	for (int i = 0; i < 3; i++)
		recognizer_final_advance(recognizer);
	longer.max_utterance_s = 20.0;
	longer.endpoint.max_length = 0.0;
	assert_int_equal(recognizer_stream_open(recognizer, &longer, &other), 0);
	recognizer_final_advance(recognizer);
	again = session_transcribe(recognizer, samples, n);
	session_run(&session, recognizer, stream, true);
	assert_string_equal(session_final(&session, 0)->text, text);
	free(again);
	recognizer_stream_close(other);
	recognizer_stream_close(stream);
	session_finish(&session);
	free(text);
	free(samples);
	recognizer_close(recognizer);
}

static void test_flush_and_skip(void **state)
{
	struct recognizer *recognizer = session_recognizer("large-style");
	struct recognizer_stream_options options = options_of(FINAL_OFFLINE);
	struct recognizer_stream *stream;
	struct session session = {0};
	size_t n;
	float *samples = session_audio(3.0, &n);
	char *first = session_transcribe(recognizer, samples, 17001);
	char *second = session_transcribe(recognizer, samples + 17001, 9000);

	(void)state;
	options.endpoint = (struct endpoint_rules){0};
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	recognizer_stream_flush(stream); /* nothing there */
	session_run(&session, recognizer, stream, true);
	assert_int_equal(session.n, 0);
	recognizer_stream_skip(stream, 5000);
	assert_int_equal(recognizer_stream_clock(stream), 5000);

	session_push(&session, recognizer, stream, samples, 17001);
	recognizer_stream_skip(stream, 700);
	recognizer_stream_skip(stream, 77);
	assert_int_equal(recognizer_stream_push(stream, samples, 1), 0);
	session_run(&session, recognizer, stream, true);
	assert_int_equal(session_finals(&session), 1);
	assert_int_equal(count_rule(&session, ENDPOINT_NONE), 1);
	assert_int_equal(session_final(&session, 0)->start, 5000);
	assert_int_equal(session_final(&session, 0)->clock, 22001);
	assert_string_equal(session_final(&session, 0)->text, first);
	assert_int_equal(recognizer_stream_clock(stream), 22778);

	session_push(&session, recognizer, stream, samples + 17001, 9000);
	recognizer_stream_flush(stream);
	recognizer_stream_end(stream);
	session_run(&session, recognizer, stream, true);
	assert_true(recognizer_stream_done(stream));
	assert_int_equal(session_finals(&session), 2);
	assert_int_equal(session_final(&session, 1)->start, 22778);
	assert_int_equal(session_final(&session, 1)->clock, 31778);
	assert_string_equal(session_final(&session, 1)->text, second);
	recognizer_stream_close(stream);
	session_finish(&session);
	free(first);
	free(second);
	free(samples);
	recognizer_close(recognizer);
}

/* A flush far ahead of the steps does not swallow the endpoints before it. */
static void test_flush_ahead_of_steps(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct recognizer_stream_options options = options_of(FINAL_OFFLINE);
	struct recognizer_stream *stream;
	struct session stepped = {0}, ahead = {0};
	size_t n;
	float *samples = session_audio(1.2, &n);

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct session *session = k == 0 ? &stepped : &ahead;
		size_t done = 0;

		assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
		while (done < n) {
			size_t piece = k == 0 && n - done > 500 ? 500 : n - done;

			done += recognizer_stream_push(stream, samples + done, piece);
			if (k == 0)
				session_run(session, recognizer, stream, true);
			else
				assert_int_equal(done, n);
		}
		recognizer_stream_flush(stream);
		session_run(session, recognizer, stream, true);
		assert_int_equal(recognizer_stream_clock(stream), n);
		recognizer_stream_close(stream);
	}
	assert_true(session_finals(&ahead) > 1);
	session_same(&ahead, &stepped);
	session_finish(&stepped);
	session_finish(&ahead);
	free(samples);
	recognizer_close(recognizer);
}

/* From the next utterance on, as a stream opened with it; the prior goes along. */
static void test_set_context(void **state)
{
	struct recognizer *recognizer = session_recognizer("large-style");
	struct recognizer_stream_options options = options_of(FINAL_STREAM), other = options;
	struct recognizer_stream *stream;
	struct session changed = {0}, fresh = {0};
	size_t n;
	float *samples = session_audio(2.0, &n);

	(void)state;
	options.endpoint = other.endpoint = (struct endpoint_rules){0};
	other.left = 20;
	other.chunk = 30;
	other.right = 2;
	/* At once where nothing was pushed. */
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	assert_int_equal(recognizer_stream_set_context(stream, 20, 0, 2), -EINVAL);
	assert_int_equal(recognizer_stream_set_context(stream, 20, 30, 2), 0);
	session_push(&changed, recognizer, stream, samples, n);
	recognizer_stream_end(stream);
	session_run(&changed, recognizer, stream, true);
	session_whole(&fresh, recognizer, &other, samples, n, n, 0);
	session_same(&changed, &fresh);
	session_finish(&changed);
	session_finish(&fresh);

	/* In the middle: this utterance stays as it was. */
	recognizer_stream_reset(stream);
	assert_int_equal(recognizer_stream_set_context(stream, 64, 16, 8), 0);
	session_push(&changed, recognizer, stream, samples, 8000);
	assert_int_equal(recognizer_stream_set_context(stream, -1, -1, 0), 0);
	assert_int_equal(recognizer_stream_set_context(stream, 20, 30, 2), 0);
	session_push(&changed, recognizer, stream, samples + 8000, n - 8000);
	recognizer_stream_flush(stream);
	session_run(&changed, recognizer, stream, true);
	session_whole(&fresh, recognizer, &options, samples, n, n, 0);
	assert_string_equal(session_final(&changed, 0)->text, session_final(&fresh, 0)->text);
	session_finish(&fresh);

	/* The prior: a second utterance like this one is not like a first. */
	session_push(&changed, recognizer, stream, samples, n);
	recognizer_stream_end(stream);
	session_run(&changed, recognizer, stream, true);
	assert_int_equal(session_finals(&changed), 2);
	recognizer_stream_close(stream);
	session_finish(&changed);
	free(samples);
	recognizer_close(recognizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offline_pieces),
		cmocka_unit_test(test_replay_equals_fresh),
		cmocka_unit_test(test_stream_never_retracts),
		cmocka_unit_test(test_max_length),
		cmocka_unit_test(test_cut_quiet),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_pass_survives_others),
		cmocka_unit_test(test_flush_and_skip),
		cmocka_unit_test(test_flush_ahead_of_steps),
		cmocka_unit_test(test_set_context),
	};

	return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
