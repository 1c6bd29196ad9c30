/* A grammar beside the text of a stream: any split, all views, no allocation. */
#include "core/decode/grammar.h"
#include "tests/acoustic/allocations.h"
#include "tests/recognizer/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Random weights say nothing in English; words of one letter are found in it. */
static const char letters[] =
	"<say> = <letter>{1,40};\n"
	"<letter> = a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w|x|y|z|\"'\";";

static struct decode_plan *plan_of(struct recognizer *recognizer, const char *text)
{
	struct decode_plan *plan = decode_plan_create();
	struct grammar_error error;

	assert_non_null(plan);
	plan->commands.threshold = 0.01F;
	assert_int_equal(grammar_compile(recognizer_vocab(recognizer, 0), text, strlen(text),
					 &plan->grammar, &error),
			 0);
	return plan;
}

static struct recognizer_stream_options options_of(struct decode_plan *plan, int final)
{
	return (struct recognizer_stream_options){
		.streaming_given = true,
		.left = 64,
		.chunk = 16,
		.right = 16,
		.final = final,
		.plan = plan,
	};
}

static size_t count_lines(const struct session *session, const char *part)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n; i++)
		n += strstr(session->events[i].line, part) != NULL ? 1 : 0;
	return n;
}

static void check_final(struct recognizer *recognizer, int final, const float *samples, size_t n)
{
	struct decode_plan *plan = plan_of(recognizer, letters);
	struct recognizer_stream_options options = options_of(plan, final);
	struct recognizer_stream_options free_options = options_of(NULL, final);
	struct session whole = {0}, parts = {0}, text = {0};

	session_whole(&whole, recognizer, &options, samples, n, n, 0);
	session_whole(&text, recognizer, &free_options, samples, n, n, 0);
	assert_int_equal(count_lines(&whole, "accepted="), 1);
	assert_true(count_lines(&whole, "command=[") > 2);
	assert_int_equal(count_lines(&text, "accepted="), 0);
	/* The text is what it is without. */
	assert_string_equal(session_final(&whole, 0)->text, session_final(&text, 0)->text);
	for (unsigned seed = 1; seed < 4; seed++) {
		session_whole(&parts, recognizer, &options, samples, n, 0, seed);
		session_same(&parts, &whole);
		session_finish(&parts);
	}
	session_finish(&whole);
	session_finish(&text);
	decode_plan_release(plan);
}

static void test_splits(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	size_t n;
	float *samples = session_audio(4.0, &n);

	(void)state;
	check_final(recognizer, FINAL_STREAM, samples, n);
	check_final(recognizer, FINAL_OFFLINE, samples, n);
	free(samples);
	recognizer_close(recognizer);
}

/* Each view has its own grammar, or none; changes hold from the next utterance. */
static void test_views(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct decode_plan *plan = plan_of(recognizer, letters),
			   *other = plan_of(recognizer, "e t;");
	struct recognizer_stream_options options = options_of(NULL, FINAL_STREAM);
	struct recognizer_stream *stream;
	struct recognizer_event event;
	size_t n, matches[3] = {0}, finals[3] = {0};
	float *samples = session_audio(2.0, &n);

	(void)state;
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	for (int utterance = 0; utterance < 3; utterance++) {
		if (utterance == 1) {
			assert_int_equal(recognizer_stream_set_view(stream, 1, plan), 0);
			assert_int_equal(recognizer_stream_set_view(stream, 2, other), 0);
		}
		if (utterance == 2)
			assert_int_equal(recognizer_stream_set_view(stream, 1, NULL), 0);
		assert_int_equal(recognizer_stream_push(stream, samples, n), n);
		recognizer_stream_flush(stream);
		while (recognizer_stream_ready(stream)) {
			recognizer_step(recognizer, &stream, 1);
			while (recognizer_stream_next(stream, &event)) {
				if (event.kind != RECOGNIZER_FINAL)
					continue;
				finals[event.view]++;
				matches[event.view] += event.match != NULL ? 1 : 0;
				assert_true(event.view != 2 || event.match != NULL);
			}
		}
	}
	assert_int_equal(finals[0], 3);
	assert_int_equal(finals[1], 2);
	assert_int_equal(finals[2], 2);
	assert_int_equal(matches[0], 0);
	assert_int_equal(matches[1], 1);
	assert_int_equal(matches[2], 2);
	recognizer_stream_close(stream);
	decode_plan_release(plan);
	decode_plan_release(other);
	free(samples);
	recognizer_close(recognizer);
}

static void test_no_allocation(void **state)
{
	struct recognizer *recognizer = session_recognizer("base-style");
	struct decode_plan *plan = plan_of(recognizer, letters);
	struct recognizer_stream_options options = options_of(plan, FINAL_STREAM);
	struct recognizer_stream *stream;
	struct recognizer_event event;
	size_t n, before, matches = 0;
	float *samples = session_audio(3.0, &n);

	(void)state;
	assert_int_equal(recognizer_stream_open(recognizer, &options, &stream), 0);
	before = allocations_count();
	for (size_t done = 0; done < n;) {
		done += recognizer_stream_push(stream, samples + done,
					       n - done < 1600 ? n - done : 1600);
		if (done == n)
			recognizer_stream_end(stream);
		while (recognizer_stream_ready(stream)) {
			recognizer_step(recognizer, &stream, 1);
			while (recognizer_stream_next(stream, &event))
				matches += event.match != NULL && event.match->n > 0 ? 1 : 0;
		}
	}
	assert_int_equal(allocations_count(), before);
	assert_int_equal(matches, 1);
	recognizer_stream_close(stream);
	decode_plan_release(plan);
	free(samples);
	recognizer_close(recognizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_no_allocation),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
