/* What the tests of the recognizer share: audio, and a stream run to its end
 * whose events become lines of text that can be compared. */
#ifndef HEARD_TESTS_RECOGNIZER_SESSION_H
#define HEARD_TESTS_RECOGNIZER_SESSION_H

#include "core/recognizer.h"

/* Opens the model of a fixture with one thread. */
struct recognizer *session_recognizer(const char *name);

/* 16-bit mono samples of a case's WAV file, owned by the caller. */
float *session_wav(const char *name, const char *file, size_t *n);
/* `seconds` of audio made of the inputs of several cases at changing volume. */
float *session_audio(double seconds, size_t *n);

enum { SESSION_EVENTS = 512 };

/* A copy of an event of interest. */
struct session_event {
	uint64_t utterance;
	enum recognizer_event_kind kind;
	int64_t start, clock;
	enum endpoint_rule rule;
	enum final_mode final;
	bool prefix_ok;
	char *text; /* owned: stable and unstable, or the final's */
	char *stable;
	char *line; /* owned: everything, words with frames included, for comparisons */
};

struct session {
	struct session_event events[SESSION_EVENTS];
	size_t n;
};

void session_finish(struct session *session);
/* A copy of the event at the end. */
void session_add(struct session *session, const struct recognizer_event *event);
/* Takes all events that are there. */
void session_take(struct session *session, struct recognizer_stream *stream);
/* Steps while it is ready and takes the events; finals too where `advance`. */
void session_run(struct session *session, struct recognizer *recognizer,
		 struct recognizer_stream *stream, bool advance);
/* Pushes everything, stepping whenever it can. */
void session_push(struct session *session, struct recognizer *recognizer,
		  struct recognizer_stream *stream, const float *samples, size_t n);

/* A whole stream: pushes in pieces of `piece` samples (0: random ones drawn from
 * `seed`), end, drained. */
void session_whole(struct session *session, struct recognizer *recognizer,
		   const struct recognizer_stream_options *options, const float *samples, size_t n,
		   size_t piece, unsigned seed);

/* The lines of all events, utterance by utterance: when an offline final comes
 * between the partials of later ones depends on who calls what when. Owned by
 * the caller. */
char *session_log(const struct session *session);
/* Fails the test unless two sessions had the same events. */
void session_same(const struct session *session, const struct session *expected);

/* The i-th final; fails the test where there are fewer. */
const struct session_event *session_final(const struct session *session, size_t i);
size_t session_finals(const struct session *session);

/* Text of recognizer_transcribe without cuts, owned by the caller. */
char *session_transcribe(struct recognizer *recognizer, const float *samples, size_t n);

#endif
