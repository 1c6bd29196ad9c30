/*
 * From samples at the model's rate to the engine, through the gate. Positions
 * stay true all the way: the gate counts samples and gaps, and the engine's
 * clock is brought to its positions by skips, so the clock of the stream is the
 * time since the source opened.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_FEED_H
#define HEARD_DAEMON_FEED_H

#include "daemon/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dump;
struct gate;

struct feed_owner {
	/* The gate opened or closed; `clock` of the stream. */
	void (*voice)(void *ctx, bool started, int64_t clock);
	/* The engine did not take these: they are lost. */
	void (*overrun)(void *ctx, int64_t samples);
	void *ctx;
};

struct feed {
	struct engine *engine;        /* borrowed */
	struct engine_stream *stream; /* borrowed; NULL: nothing may be fed */
	struct engine_stream *wake;   /* borrowed; gets the same, or misses it; NULL: none */
	int64_t wake_skip;            /* what it missed */
	struct feed_owner owner;
	unsigned rate;
	bool paced;        /* else what the engine does not take waits in `rest` */
	struct dump *dump; /* owned; NULL: none */

	struct gate *gate; /* owned; NULL: all passes */
	double hangover_s;
	int64_t gate_base; /* clock where the gate began to count */

	int64_t position;    /* clock of the source: all samples and gaps */
	int64_t given;       /* clock of the engine: samples and skips */
	uint64_t given_time; /* uv_hrtime when it was reached */
	int64_t skip;        /* to be given before the next samples */
	bool flush;          /* likewise, before the skip */
	bool ending;         /* feed_end was called */
	float *rest;         /* owned, grows to what one block of the source became */
	size_t rest_n, rest_done;
	size_t rest_capacity;
};

void feed_finish(struct feed *feed);

/* Lets all through, or only what may be speech, with at least so many seconds
 * of silence after it. */
void feed_set_gate(struct feed *feed, bool gate, double hangover_s);

void feed_samples(struct feed *feed, const float *samples, size_t n);
/* Samples were lost: the utterance ends, the clock moves on. */
void feed_gap(struct feed *feed, int64_t n);
/* The gate is closed. */
bool feed_asleep(const struct feed *feed);

/* Gives what had to wait. True where nothing waits any more. */
bool feed_settle(struct feed *feed);
/* The source has ended: the gate closes, the engine is told that no more comes.
 * False: not all of it could be said, call it again. */
bool feed_end(struct feed *feed);

#endif
