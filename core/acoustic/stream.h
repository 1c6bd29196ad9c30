/*
 * The state of one stream, open inside core/acoustic only: what an incremental
 * encoder truly has to remember.
 *
 * Sample positions and frame numbers count from the utterance's start. Before
 * a step, samples [consumed, consumed + n_samples) wait in `samples`, features
 * exist for frames [0, featured), and logits are committed for [0, next).
 */
#ifndef HEARD_ACOUSTIC_STREAM_H
#define HEARD_ACOUSTIC_STREAM_H

#include "core/acoustic/conv_encoder.h"
#include "core/acoustic/kv_cache.h"

struct acoustic_stream {
	const struct acoustic_model *model; /* borrowed */
	size_t left, chunk, right;          /* L, C, R resolved */
	int head;
	bool cumulative; /* statistics; else fixed beforehand */
	struct arena arena;

	float *samples; /* [capacity] not yet consumed by the conv encoder */
	size_t capacity, n_samples, consumed;
	bool ended;

	struct statistics input, conv0;
	float mean, scale;
	float *norm_scale, *norm_shift; /* [channels of layer 0] */
	struct conv_state conv;

	/* Projected features: `next` is at row pos.left, its past in front of it. */
	float *history; /* [pos.left + C + R, stride] */
	size_t stride;
	size_t featured;
	struct kv_cache *caches; /* [n_layers] */
	size_t next;             /* first frame of the next window */

	float *output; /* owned separately: a language may have a larger vocabulary */
	size_t output_size;
	struct acoustic_output last;
};

/* The next step of a ready stream. */
struct step_plan {
	size_t first;     /* a: first frame of the window */
	size_t chunk_end; /* c */
	size_t end;       /* b */
	size_t samples;   /* new samples that this step consumes */
};
struct step_plan acoustic_stream_plan(const struct acoustic_stream *stream);

#endif
