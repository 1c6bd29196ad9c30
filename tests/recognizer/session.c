#include "tests/recognizer/session.h"

#include "tests/decode/fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct recognizer *session_recognizer(const char *name)
{
	struct recognizer *recognizer;
	struct recognizer_options options = {.model_dir = fixture_dir(name), .threads = 1};

	assert_int_equal(recognizer_open(&options, &recognizer), 0);
	return recognizer;
}

float *session_wav(const char *name, const char *file, size_t *n)
{
	char path[2048];
	int16_t *pcm;
	float *samples;
	long size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fixture_dir(name), file);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f) - 44; /* the fixtures have the plain header */
	assert_true(size >= 0);
	assert_int_equal(fseek(f, 44, SEEK_SET), 0);
	*n = (size_t)size / 2;
	pcm = malloc((size_t)size + 1);
	samples = malloc((*n + 1) * sizeof(*samples));
	assert_true(pcm != NULL && samples != NULL);
	assert_int_equal(fread(pcm, 2, *n, f), *n);
	fclose(f);
	for (size_t i = 0; i < *n; i++)
		samples[i] = (float)pcm[i] / 32768.0F;
	free(pcm);
	return samples;
}

float *session_audio(double seconds, size_t *n)
{
	static const char *const names[] = {"base-style", "large-style", "act-relu", "w2v2-base"};
	float *audio;

	*n = (size_t)(seconds * 16000.0);
	audio = malloc((*n + 1) * sizeof(*audio));
	assert_non_null(audio);
	for (size_t i = 0, k = 0; i < *n; k++) {
		size_t length;
		float *part = session_wav(names[k % 4], "input.wav", &length);

		for (size_t j = 0; j < length && i < *n; j++)
			audio[i++] = part[j] * (1.0F - 0.1F * (float)(k % 5));
		free(part);
	}
	return audio;
}

void session_finish(struct session *session)
{
	for (size_t i = 0; i < session->n; i++) {
		free(session->events[i].text);
		free(session->events[i].stable);
		free(session->events[i].line);
	}
	memset(session, 0, sizeof(*session));
}

void session_add(struct session *session, const struct recognizer_event *event)
{
	struct session_event *copy = &session->events[session->n++];
	const struct transcript *transcript = event->transcript;
	char text[8192];
	size_t size;
	FILE *out;

	assert_true(session->n <= SESSION_EVENTS);
	snprintf(text, sizeof(text), "%s%s", event->stable, event->unstable);
	if (event->kind == RECOGNIZER_FINAL)
		snprintf(text, sizeof(text), "%s", transcript->text);
	else if (event->kind == RECOGNIZER_PARTIAL)
		assert_string_equal(text, transcript->text);
	else
		assert_null(transcript);
	*copy = (struct session_event){
		.utterance = event->utterance,
		.kind = event->kind,
		.start = event->start,
		.clock = event->clock,
		.rule = event->rule,
		.final = event->final,
		.prefix_ok = event->prefix_ok,
		.text = strdup(text),
		.stable = strdup(event->stable),
	};
	out = open_memstream(&copy->line, &size);
	assert_non_null(out);
	fprintf(out,
		"%d utt=%" PRIu64 " seq=%" PRIu64 " %" PRId64 "..%" PRId64
		" rule=%d final=%d ok=%d open=%d [%s|%s]",
		event->kind, event->utterance, event->sequence, event->start, event->clock,
		event->rule, event->final, event->prefix_ok, event->open_word, event->stable,
		event->unstable);
	for (size_t i = 0; transcript != NULL && i < transcript->n_words; i++)
		fprintf(out, " %s@%d-%d", transcript->words[i].text,
			transcript->words[i].start_frame, transcript->words[i].end_frame);
	if (event->command != NULL)
		fprintf(out, " command=[%s]", event->command);
	if (event->match != NULL)
		fprintf(out, " accepted=%d confidence=%f", event->match->accepted,
			(double)event->match->confidence);
	for (size_t i = 0; event->match != NULL && i < event->match->n; i++)
		fprintf(out, " %d@%d-%d", event->match->tokens[i].token,
			event->match->tokens[i].start_frame, event->match->tokens[i].end_frame);
	fclose(out);
}

char *session_log(const struct session *session)
{
	size_t size, shown = 0;
	char *log;
	FILE *out = open_memstream(&log, &size);

	assert_non_null(out);
	for (uint64_t utterance = 0; shown < session->n; utterance++) {
		for (size_t i = 0; i < session->n; i++) {
			if (session->events[i].utterance == utterance) {
				fprintf(out, "%s\n", session->events[i].line);
				shown++;
			}
		}
	}
	fclose(out);
	return log;
}

void session_same(const struct session *session, const struct session *expected)
{
	char *log = session_log(session), *expected_log = session_log(expected);

	assert_string_equal(log, expected_log);
	free(log);
	free(expected_log);
}

void session_take(struct session *session, struct recognizer_stream *stream)
{
	struct recognizer_event event;

	while (recognizer_stream_next(stream, &event))
		session_add(session, &event);
}

void session_run(struct session *session, struct recognizer *recognizer,
		 struct recognizer_stream *stream, bool advance)
{
	session_take(session, stream);
	for (;;) {
		if (recognizer_stream_ready(stream))
			recognizer_step(recognizer, &stream, 1);
		else if (advance && recognizer_final_pending(recognizer))
			recognizer_final_advance(recognizer);
		else
			break;
		session_take(session, stream);
	}
}

void session_push(struct session *session, struct recognizer *recognizer,
		  struct recognizer_stream *stream, const float *samples, size_t n)
{
	while (n > 0) {
		size_t taken = recognizer_stream_push(stream, samples, n);

		samples += taken;
		n -= taken;
		session_run(session, recognizer, stream, true);
	}
}

void session_whole(struct session *session, struct recognizer *recognizer,
		   const struct recognizer_stream_options *options, const float *samples, size_t n,
		   size_t piece, unsigned seed)
{
	struct recognizer_stream *stream;
	size_t done = 0;

	assert_int_equal(recognizer_stream_open(recognizer, options, &stream), 0);
	while (done < n) {
		size_t next = piece > 0 ? piece : 1 + fixture_random(&seed, 30000);

		if (next > n - done)
			next = n - done;
		session_push(session, recognizer, stream, samples + done, next);
		done += next;
	}
	assert_false(recognizer_stream_done(stream));
	recognizer_stream_end(stream);
	session_run(session, recognizer, stream, true);
	assert_true(recognizer_stream_done(stream));
	assert_int_equal(recognizer_stream_push(stream, samples, n), 0);
	recognizer_stream_close(stream);
}

size_t session_finals(const struct session *session)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n; i++)
		n += session->events[i].kind == RECOGNIZER_FINAL;
	return n;
}

const struct session_event *session_final(const struct session *session, size_t i)
{
	for (size_t k = 0; k < session->n; k++) {
		if (session->events[k].kind == RECOGNIZER_FINAL && i-- == 0)
			return &session->events[k];
	}
	fail_msg("no such final");
	return NULL;
}

char *session_transcribe(struct recognizer *recognizer, const float *samples, size_t n)
{
	struct transcript transcript;
	char *text;

	assert_int_equal(recognizer_transcribe(recognizer, samples, n, 0, 0.0, NULL, &transcript),
			 0);
	text = strdup(transcript.text);
	transcript_finish(&transcript);
	return text;
}
