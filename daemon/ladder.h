/*
 * What a live source gives up when the machine cannot keep up: a ladder of
 * declared rungs, climbed one at a time and announced each time. A decision is
 * in force from the next utterance on. Pushed audio never climbs: it gets
 * back-pressure and exact results.
 */
#ifndef HEARD_DAEMON_LADDER_H
#define HEARD_DAEMON_LADDER_H

#include <stdbool.h>

enum ladder_rung {
	LADDER_NONE,         /* as configured */
	LADDER_LARGE_CHUNKS, /* LADDER_CHUNK_FACTOR times the chunk: fewer, wider steps */
	LADDER_NO_PARTIALS,  /* and no lookahead: nothing is computed twice */
	LADDER_FINALS_ONLY,  /* steps of LADDER_LONGEST_CHUNK; new sessions are refused */
	LADDER_RUNGS,
};

enum {
	LADDER_CHUNK_FACTOR = 4,
	LADDER_LONGEST_CHUNK = 256, /* frames */
	LADDER_UP_MS = 1500,        /* behind by more: one rung up */
	LADDER_DOWN_MS = 300,       /* behind by less ... */
	LADDER_CALM = 3,            /* ... through so many utterances: one rung down */
};

/* All zero is the bottom. */
struct ladder {
	enum ladder_rung rung;   /* decided */
	enum ladder_rung active; /* in force in this utterance */
	double worst_ms;         /* since the utterance started */
	int calm;                /* utterances in a row below LADDER_DOWN_MS */
};

/* As on the wire. */
const char *ladder_name(enum ladder_rung rung);

/* How far behind real time the stream is now. True where that takes it one
 * rung up. */
bool ladder_note(struct ladder *ladder, double behind_ms);

/* An utterance starts: what was decided is in force. True where calm takes it
 * one rung down. */
bool ladder_utterance(struct ladder *ladder);

/* The context of a rung, from the configured one (frames). */
void ladder_context(enum ladder_rung rung, long *left, long *chunk, long *right);

#endif
