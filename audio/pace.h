/*
 * Compares what a live device delivered with what the clock says it should
 * have: frames that the sound system lost without a word. The sample clock
 * would fall behind by them for good.
 *
 * Frames come late and in bursts, so only the smallest shortfall within a
 * second counts, and only against what was usual before: the latency, and the
 * slow drift of a device whose crystal differs from ours.
 */
#ifndef HEARD_AUDIO_PACE_H
#define HEARD_AUDIO_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	double rate;
	bool started;
	int64_t start;    /* ns, of the clock, when the first frames had come */
	double accounted; /* frames delivered or told lost since then */
	bool settled;     /* `usual` holds a whole window */
	double usual;     /* seconds of shortfall */
	int64_t window;   /* ns, start of the present window */
	double smallest;  /* seconds, in the present window */
	bool delivered;   /* frames came in the present window */
};

void pace_init(struct pace *pace, unsigned rate);

/* `frames` is what came since the last call, all that was there: nothing may
 * be left waiting. Returns the frames that are missing and now count as told,
 * mostly 0. */
uint64_t pace_update(struct pace *pace, int64_t now, uint64_t frames);

/* Frames were found missing by other means. */
void pace_account(struct pace *pace, uint64_t frames);

#endif
