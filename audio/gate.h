/*
 * Energy gate: lets through what may be speech and nothing else, so that the
 * network sleeps in silence. It is made to err on the open side: a first or a
 * last word that is cut cannot be repaired, a second of noise costs a second of
 * computing.
 *
 *	while (n > 0) {
 *		size_t taken = gate_push(gate, samples, n);
 *		samples += taken, n -= taken;
 *		while (gate_next(gate, &event))
 *			handle(&event);
 *	}
 *
 * The events are a function of the samples alone: any split into pushes gives
 * the same ones at the same positions, only the pieces of GATE_AUDIO differ.
 * Positions are samples since create or reset, gaps included.
 *
 * No allocation after create. One thread at a time.
 */
#ifndef HEARD_AUDIO_GATE_H
#define HEARD_AUDIO_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;

/* A negative number or a value out of range is refused by gate_create. */
struct gate_options {
	double open_db;    /* opens this far above the noise floor */
	double close_db;   /* counts as silence below this; at most open_db */
	double minimum_db; /* dBFS, below which nothing is speech */
	double preroll_s;  /* audio given from before the first loud frame; at most 2 */
	/* Stays open this long after the last loud frame. Longer than the
	 * endpoint's silence, so that endpoints are found with the gate open. */
	double hangover_s;
	/* Memory of the noise floor: steady noise is taken for background
	 * after so long. Longer than anyone speaks without a pause. */
	double floor_s; /* 1 to 60 */
};

/* The defaults; audio/gate.c says what they were tuned on. */
struct gate_options gate_options_default(void);

enum gate_event_kind {
	GATE_OPEN,  /* audio follows, from event.position on */
	GATE_AUDIO, /* samples of the open gate, without a hole since GATE_OPEN but for gaps */
	GATE_CLOSE, /* the open stretch ended before event.position */
};

struct gate_event {
	enum gate_event_kind kind;
	int64_t position;     /* of the first sample, or of the transition */
	const float *samples; /* GATE_AUDIO; valid until the next call on the gate */
	size_t n;
};

/* `rate` of the mono samples, 8000 to 384000. Returns 0, -EINVAL or -ENOMEM. */
int gate_create(const struct gate_options *options, unsigned rate, struct gate **out);
void gate_destroy(struct gate *gate); /* NULL is allowed */

/* Back to the state after create. */
void gate_reset(struct gate *gate);

/* Takes some of the n samples, at least one, and returns how many. All events
 * of the push before must have been taken. */
size_t gate_push(struct gate *gate, const float *samples, size_t n);
bool gate_next(struct gate *gate, struct gate_event *event);

/* Samples were lost here: positions move on, what was kept from before the gap
 * is forgotten (GATE_OPEN never reaches over it), and the time counts as
 * silence for the hang-over. The noise floor stays. All events of the push
 * before must have been taken; take the events after. */
void gate_skip(struct gate *gate, int64_t samples);

/* The stream ends: an open gate closes. Take the events after. */
void gate_end(struct gate *gate);

bool gate_is_open(const struct gate *gate);

/* For status displays, dBFS of the high-passed signal: the noise floor and
 * the last tenth of a second. */
double gate_floor_db(const struct gate *gate);
double gate_level_db(const struct gate *gate);

#endif
