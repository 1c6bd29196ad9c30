/*
 * Private part of the engine: one stream slot. The loop fills the input
 * mailbox with records in order (samples, flush, skip, end); the engine thread
 * feeds them to the recognizer and posts what comes out.
 *
 * A slot goes FREE -> OPENING (loop) -> OPEN (engine), and with `closing` (loop)
 * back to FREE (engine). Each field is written by the side named; what the loop
 * prepares is published by the store of `state`, and the other way round.
 */
#ifndef HEARD_DAEMON_ENGINE_STREAM_H
#define HEARD_DAEMON_ENGINE_STREAM_H

#include "core/base/mailbox.h"
#include "daemon/engine.h"
#include "daemon/keywords.h"
#include "daemon/spotter.h"

enum slot_state { SLOT_FREE, SLOT_OPENING, SLOT_OPEN };

enum input_kind {
	INPUT_SAMPLES,
	INPUT_FLUSH,
	INPUT_RESET,
	INPUT_SKIP,
	INPUT_PARAMS,
	INPUT_VIEW,
	INPUT_END,
};

/* A record of the input; samples or parameters follow it. */
struct input {
	enum input_kind kind;
	int64_t n; /* samples that follow, or to skip; reset: 1 for a full one */
};

/* What follows INPUT_VIEW. */
struct input_view {
	uint64_t tag;
	bool wanted;              /* else there is to be none */
	struct decode_plan *plan; /* held by the record */
};

enum { INPUT_BLOCK = 2048 }; /* most samples in a record */

/* One recognizer. The loop fills a free place and then makes it the newest; the
 * thread empties it when no stream uses it any more. */
struct engine_model {
	_Atomic(struct recognizer *) recognizer; /* owned; NULL: a free place */
	uint64_t number;                         /* counts the models given, from 1 */
	size_t users;                            /* thread: open streams, old voices included */
};

/* A recognizer stream on its model. */
struct engine_voice {
	struct engine_model *model; /* NULL: none */
	struct recognizer_stream *stream;
	uint64_t base;                   /* added to the recognizer's utterance numbers */
	uint64_t tags[RECOGNIZER_VIEWS]; /* of its views; 0: none, and the first one */
};

/* A view that the loop wants, at the same place as in the voice. */
struct engine_view {
	uint64_t tag;             /* 0: none */
	struct decode_plan *plan; /* held */
	bool announce;            /* RESULT_VIEW was not posted yet ... */
	uint64_t from;            /* ... with this utterance */
};

/* The last samples fed to a live stream, to hand those of an utterance that has
 * just begun over to another voice. */
struct history {
	float *samples;  /* owned; NULL for pushed streams */
	size_t capacity; /* a power of two */
};

struct engine_stream {
	/* loop */
	unsigned slot;
	uint32_t generation; /* constant while not FREE */
	bool taken;
	struct engine_listener listener;
	struct engine_params opening; /* constant while not FREE */
	struct engine_model *model;   /* likewise: the newest at the time; NULL: none yet */

	/* both */
	struct mailbox input;      /* memory is kept until the engine goes */
	atomic_int state;          /* enum slot_state */
	atomic_bool closing;       /* loop sets it */
	atomic_bool starving;      /* loop: a push was cut short */
	atomic_int_fast64_t given; /* loop: samples pushed and skipped */

	/* engine thread */
	struct engine_params params;                /* its plan is held */
	struct engine_view views[RECOGNIZER_VIEWS]; /* not the first */
	bool reopen;      /* another voice is wanted: parameters changed, or a full reset */
	uint64_t refused; /* number of a model that it could not be opened on */
	struct engine_voice voice;
	size_t offset; /* samples taken of the oldest input record */
	unsigned rate, hop;
	long left, chunk, right;             /* as configured, or as the model says */
	long now_left, now_chunk, now_right; /* on this rung */
	enum final_mode final;
	bool ended;              /* INPUT_END was read */
	bool reset_pending;      /* RESULT_RESET was not posted yet */
	uint64_t dropped;        /* by resets: bit n % 64 for utterance n, until its final */
	bool done;               /* RESULT_DONE was posted */
	uint64_t heard;          /* samples given to the recognizer */
	int64_t fed;             /* clock behind the last sample fed, skips included */
	int64_t boundary;        /* clock where the open utterance begins */
	uint64_t next;           /* number of the open utterance */
	uint64_t finals;         /* finals seen: numbers below have theirs */
	int64_t skipped;         /* clock behind the last skip */
	int64_t replayed;        /* clock up to which `voice` was fed */
	struct engine_voice old; /* replaced, until its last final came */
	uint64_t old_next;       /* first number that is not the old voice's */

	/* engine thread, live streams */
	struct ladder ladder;
	bool lag_pending; /* a change of rung was not posted yet */
	double behind_ms, rtf;
	struct history history;

	/* engine thread, ENGINE_WAKE */
	struct spotter spotter;
};

/* Engine thread. Opens the recognizer stream on `model`; the result is posted.
 * False where it failed. */
bool engine_stream_start(struct engine_stream *stream, struct engine_model *model,
			 struct mailbox *results);
/* Closes what is open and forgets the input. */
void engine_stream_stop(struct engine_stream *stream);

/* Moves input to the recognizer as far as it takes it. True where anything
 * moved. */
bool engine_stream_feed(struct engine_stream *stream);

/* Posts the recognizer's events while there is room; a live stream moves to
 * `model` between two utterances, any stream to a new voice after a full reset. False where room
 * ran out: the stream must not be stepped before the rest is posted. */
bool engine_stream_deliver(struct engine_stream *stream, struct engine_model *model,
			   struct mailbox *results);

/* Live, after a step: climbs the ladder. */
void engine_stream_note_lag(struct engine_stream *stream, double rtf);

/* engine_wake.c, for streams of the role ENGINE_WAKE. As above; look needs
 * result_room, and so does post_state. */
bool engine_wake_start(struct engine_stream *stream, const struct keywords *keywords,
		       struct mailbox *results);
bool engine_wake_feed(struct engine_stream *stream);
bool engine_wake_ready(const struct engine_stream *stream);
void engine_wake_look(struct engine_stream *stream, struct keywords *keywords,
		      struct mailbox *results);
void engine_wake_post_state(struct engine_stream *stream, struct mailbox *results);

#endif
