/*
 * The inference thread and its door for the loop. The thread owns every
 * recognizer and all stream state; the loop hands it samples and gets results,
 * each through single-producer single-consumer memory, and neither ever waits
 * for the other.
 *
 * Live streams are stepped first, pushed ones as the machine allows: they get
 * back-pressure (engine_push takes less) and their results never depend on
 * timing. Streams that are ready together are stepped together.
 *
 * All functions: loop thread.
 */
#ifndef HEARD_DAEMON_ENGINE_H
#define HEARD_DAEMON_ENGINE_H

#include "core/recognizer.h"
#include "daemon/histogram.h"
#include "daemon/result.h"

#include <stdatomic.h>

struct engine;
struct engine_stream;
struct keywords;

struct engine_options {
	size_t max_streams; /* pushed and live ones together */
	/* Called by the engine thread: engine_drain is wanted (uv_async_send). */
	void (*wake)(void *ctx);
	void *ctx;
};

enum engine_role {
	ENGINE_PUSHED,
	ENGINE_LIVE, /* climbs the ladder, moves to a new model between utterances */
	ENGINE_WAKE, /* is searched for keywords instead of being transcribed */
};

struct engine_spotting {
	double window_s, hop_s, refractory_s;
	double threshold;
	bool live; /* windows are left out rather than being late */
};

struct engine_params {
	enum engine_role role;
	char language[64]; /* "": the default */
	bool context_given;
	long left, chunk, right; /* frames */
	int final;               /* enum final_mode; -1: the model's */
	/* Server-side endpoints. Without them the stream is one utterance, cut
	 * only where transcribe would cut (design 11.3). */
	bool endpoints;
	struct endpoint_rules rules; /* max_length 0: LIMIT_UTTERANCE_SECONDS */
	/* Where clock and numbers begin: a stream that replaces another. */
	int64_t clock;
	uint64_t utterance;
	/* A language that the model does not name is its own: the user said so. */
	bool language_given;
	/* How view 0 is decoded; NULL: greedily. Whoever keeps parameters holds it. */
	struct decode_plan *plan;
	struct engine_spotting spotting; /* WAKE */
};

/* Called from engine_drain. */
struct engine_listener {
	/* Valid during the call. Not RETIRED. */
	void (*result)(void *ctx, const struct result *result);
	/* engine_push took less than it was given; it takes more now. */
	void (*room)(void *ctx);
	void *ctx;
};

/* Counted by the engine thread, read by anyone (relaxed). */
struct engine_stats {
	struct histogram steps; /* duration of each step */
	_Atomic double rtf;     /* compute over audio of late, all streams */
	_Atomic double behind_ms;
	atomic_int rung;               /* in force, of the live stream */
	atomic_bool overloaded;        /* new sessions are to be refused */
	_Atomic double audio_s;        /* recognized since start */
	atomic_uint_fast64_t progress; /* moves as long as the thread is alive */
};

/* Starts the thread. 0 or negative errno. */
int engine_create(const struct engine_options *options, struct engine **out);
/* Stops it; open streams are forgotten, all models closed. NULL is allowed. */
void engine_destroy(struct engine *engine);

/* Streams opened from now on use this model, which the engine owns from now on;
 * those open keep theirs (a live stream until its utterance ends). An earlier
 * model without streams is given back, see engine_on_retired. -EBUSY: too many
 * models are still in use, nothing was taken. */
int engine_set_model(struct engine *engine, struct recognizer *recognizer);
/* Likewise the keyword model, which changes at once for all streams. */
void engine_set_keywords(struct engine *engine, struct keywords *keywords);
/* Who owns what was replaced: one of the two is not NULL. Closing takes long, so
 * not on the loop. */
typedef void (*engine_retired_func)(void *ctx, struct recognizer *recognizer,
				    struct keywords *keywords);
void engine_on_retired(struct engine *engine, engine_retired_func retired, void *ctx);

/* Opens a stream; RESULT_OPENED or RESULT_FAILED follows, once there is a
 * model. Samples may be pushed at once. -EAGAIN where all are taken, -ENOMEM. */
int engine_open(struct engine *engine, const struct engine_params *params,
		const struct engine_listener *listener, struct engine_stream **out);
/* Forgets the stream: no more calls of its listener. */
void engine_close(struct engine *engine, struct engine_stream *stream);

/* Each of these goes through the stream's bounded input in order. Push returns
 * how many samples it took; the others return false where there is no room: try
 * again when `room` is called. */
size_t engine_push(struct engine *engine, struct engine_stream *stream, const float *samples,
		   size_t n);
/* The utterance ends here. */
bool engine_flush(struct engine *engine, struct engine_stream *stream);
/* The utterance so far is forgotten, its clock and number are used up; full: the
 * statistics of the voice too. RESULT_RESET follows. */
bool engine_reset(struct engine *engine, struct engine_stream *stream, bool full);
/* The utterance ends here, and the clock moves on without samples. */
bool engine_skip(struct engine *engine, struct engine_stream *stream, int64_t samples);
/* Other parameters, in force from the next utterance on. */
bool engine_configure(struct engine *engine, struct engine_stream *stream,
		      const struct engine_params *params);
/* From the next utterance on the stream has a further view, decoded as `plan` says (NULL:
 * greedily); its tag names it in results and in later calls, which change it. RESULT_VIEW
 * says from which utterance on there is one. At most RECOGNIZER_VIEWS - 1 at once. Tag 0 is
 * the first view, which is always there. */
bool engine_set_view(struct engine *engine, struct engine_stream *stream, uint64_t tag,
		     struct decode_plan *plan);
bool engine_drop_view(struct engine *engine, struct engine_stream *stream, uint64_t tag);
/* No more samples: the last final follows, then RESULT_DONE. */
bool engine_end(struct engine *engine, struct engine_stream *stream);

/* Delivers all results that are there, and calls `room`. */
void engine_drain(struct engine *engine);

/* Makes an idle engine answer, for the watchdog: stats.progress moves. */
void engine_poke(struct engine *engine);

const struct engine_stats *engine_stats(const struct engine *engine);

#endif
