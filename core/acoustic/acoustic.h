/*
 * The network: samples in, logits out. One model (const, shared), any number
 * of streams (state), one batch object (scratch) that steps several streams
 * together so that the weights are read from memory once for all of them.
 *
 * Unit: one frame = the product of the conv strides (320 samples, 20 ms, for
 * the usual models). Streaming parameters in frames: left context L, chunk C,
 * lookahead R. Step s works on the window [sC, (s+1)C + R), clipped to the
 * frames that exist; the logits of the first C are committed, the others
 * provisional (see docs/MODEL.md).
 *
 * Threads: model calls before streams exist; everything else from the one
 * thread that owns the pool.
 */
#ifndef HEARD_ACOUSTIC_ACOUSTIC_H
#define HEARD_ACOUSTIC_ACOUSTIC_H

#include "core/base/weight_type.h"
#include "core/weights/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct acoustic_model;
struct acoustic_stream;
struct acoustic_batch;
struct acoustic_offline;

/* ---- model ---- */

/* Loads and packs the weights of a model directory as `weights` (weight_choice.h
 * says what WEIGHT_AUTO is, and what stays f32). Logs and returns a negative
 * errno as config_load and weights_open do. `pool` is borrowed. */
int acoustic_model_load(const char *dir, struct pool *pool, enum weight_type weights,
			struct acoustic_model **out);
void acoustic_model_destroy(struct acoustic_model *model);

const struct model_config *acoustic_model_config(const struct acoustic_model *model);
size_t acoustic_model_parameters(const struct acoustic_model *model);
size_t acoustic_model_bytes(const struct acoustic_model *model);             /* packed weights */
enum weight_type acoustic_model_weights(const struct acoustic_model *model); /* never AUTO */
size_t acoustic_model_tensors(const struct acoustic_model *model);

/* Loads adapter.<language>.safetensors (attention adapters and lm_head) beside
 * the backbone and returns its index, for acoustic_stream_params.adapter and
 * acoustic_offline. Loading the same language twice returns the same index.
 * Index 0 is the checkpoint as it stands. -ENOENT where there is none. */
int acoustic_model_adapter(struct acoustic_model *model, const char *language);

/* Width of a row of output: vocabulary of the adapter's head, or hidden_size
 * where there is no CTC head. */
size_t acoustic_model_output_size(const struct acoustic_model *model, int adapter);

/* ---- taps: every stage's activations, for `features` and the fixtures ---- */

/* Called in order with [rows, columns] values, row stride in floats. `layer`
 * is i of conv_out.i, hidden_states.i, attentions.i; else -1. A stage may come
 * in several pieces, consecutive in time; `first` is the frame of the first row. For "attentions"
 * rows = heads * T, columns = T. */
struct acoustic_tap {
	void (*func)(void *ctx, const char *stage, int layer, size_t first, const float *values,
		     size_t rows, size_t columns, size_t stride);
	void *ctx;
	bool attentions; /* ask for attention probabilities too */
};

/* ---- offline: the whole utterance with full context ---- */

/* Room for utterances of up to max_samples; grows on demand in begin. */
int acoustic_offline_create(const struct acoustic_model *model, size_t max_samples,
			    struct acoustic_offline **out);
void acoustic_offline_destroy(struct acoustic_offline *offline);

/* Starts on `samples` (model's rate, mono, -1..1; borrowed until the last
 * advance). `tap` may be NULL. 0 or -ENOMEM. */
int acoustic_offline_begin(struct acoustic_offline *offline, const float *samples, size_t n,
			   int adapter, const struct acoustic_tap *tap);

/* Does one piece of the work (a block of conv frames, a layer): 1 while there
 * is more, 0 when done. No allocation. */
int acoustic_offline_advance(struct acoustic_offline *offline);

/* When done: frames, and [frames, output_size] logits (hidden states without
 * a CTC head), valid until the next begin. Classification models: the label
 * logits [n_labels] are separate. */
size_t acoustic_offline_frames(const struct acoustic_offline *offline);
const float *acoustic_offline_output(const struct acoustic_offline *offline);
/* last_hidden_state [frames, hidden_size]; rows *stride floats apart. */
const float *acoustic_offline_hidden(const struct acoustic_offline *offline, size_t *stride);
const float *
acoustic_offline_labels(const struct acoustic_offline *offline); /* NULL unless classifying */

/* ---- streaming ---- */

enum acoustic_statistics {
	STATISTICS_CUMULATIVE, /* causal running mean and variance */
	STATISTICS_UTTERANCE,  /* given beforehand: acoustic_stream_measure */
};

struct acoustic_stream_params {
	long left;         /* L; -1: unlimited, capped at max_frames */
	long chunk;        /* C; -1: the whole utterance, max_frames */
	long right;        /* R */
	size_t max_frames; /* longest utterance that unlimited L and C must hold */
	int adapter;
	enum acoustic_statistics statistics;
};

/* All memory of the stream is taken here. 0, -EINVAL or -ENOMEM. */
int acoustic_stream_create(const struct acoustic_model *model,
			   const struct acoustic_stream_params *params,
			   struct acoustic_stream **out);
void acoustic_stream_destroy(struct acoustic_stream *stream);
size_t acoustic_stream_bytes(const struct acoustic_stream *stream);

enum acoustic_reset {
	RESET_UTTERANCE, /* keep the statistics as a prior (count capped at 10 s) */
	RESET_FULL,
};
void acoustic_stream_reset(struct acoustic_stream *stream, enum acoustic_reset kind);
/* Takes over the statistics of another stream of the model, where they are
 * cumulative, so that a prior outlives a change of L:C:R. */
void acoustic_stream_inherit(struct acoustic_stream *stream, const struct acoustic_stream *from);
/* Takes effect at once; only right after a reset or create. -EBUSY otherwise, -EINVAL. */
int acoustic_stream_set_adapter(struct acoustic_stream *stream, int adapter);

/* Whole-utterance statistics for STATISTICS_UTTERANCE, from these samples. */
int acoustic_stream_measure(struct acoustic_stream *stream, const float *samples, size_t n);

/* Copies in as many samples as fit before a step must run; returns that number. */
size_t acoustic_stream_push(struct acoustic_stream *stream, const float *samples, size_t n);
/* No more samples come: the remaining steps run with clipped windows. */
void acoustic_stream_end(struct acoustic_stream *stream);
/* A step can run now. After acoustic_stream_end and not ready: all is done. */
bool acoustic_stream_ready(const struct acoustic_stream *stream);

/* What the last step of the stream gave; rows of output_size floats, valid
 * until its next step or reset. */
struct acoustic_output {
	size_t first; /* frame of committed row 0 */
	size_t n_committed;
	size_t n_provisional;
	const float *committed;   /* [n_committed, output_size] */
	const float *provisional; /* [n_provisional, output_size], right behind */
};
struct acoustic_output acoustic_stream_output(const struct acoustic_stream *stream);

/* Scratch for steps of up to max_streams (at most 64) streams with windows of up
 * to max_window (C + R) frames and left contexts of up to max_left frames. */
int acoustic_batch_create(const struct acoustic_model *model, size_t max_streams, size_t max_window,
			  size_t max_left, struct acoustic_batch **out);
void acoustic_batch_destroy(struct acoustic_batch *batch);

/* One step of each of n different ready streams (n <= max_streams). They may
 * differ in position, L:C:R and adapter. No allocation, file or lock. */
void acoustic_step(struct acoustic_batch *batch, struct acoustic_stream *const *streams, size_t n);

#endif
