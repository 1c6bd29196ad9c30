/*
 * The conv encoder, incremental: every layer keeps the tail of its input that
 * later output still needs, so every output frame is computed once, ever, with
 * the same operands as in one pass over the whole utterance.
 *
 * Activations are time-major [frames, channels], so the window of an output
 * frame is one contiguous run and a layer is a matrix product whose input rows
 * overlap. Tails sit right in front of the new input for that.
 *
 *     layer norm:  act(layer_norm(conv(x)))        every layer
 *     group norm:  act(group_norm(conv(x)))        layer 0, one group a channel, over time
 *                  act(conv(x))                    the others
 */
#ifndef HEARD_ACOUSTIC_CONV_ENCODER_H
#define HEARD_ACOUSTIC_CONV_ENCODER_H

#include "core/acoustic/workspace.h"

/* What one layer of one stream remembers of its input. */
struct conv_tail {
	float *rows;  /* [up to kernel - 1, in] */
	size_t count; /* rows held */
	size_t skip;  /* input rows still to drop, where stride exceeds kernel */
};

struct conv_state {
	struct conv_tail tails[CONFIG_MAX_CONV_LAYERS];
};

void conv_state_layout(struct conv_state *state, const struct model_config *config,
		       struct arena *arena);
void conv_state_reset(struct conv_state *state, const struct model_config *config);

/* One stream's share of a pass. */
struct conv_job {
	struct conv_state *state;
	const float *samples; /* [n] new, not normalised */
	size_t n;
	float mean, scale; /* input = (sample - mean) * scale */
	const float *norm_scale,
		*norm_shift;           /* [channels of layer 0] group norm as affine, or NULL */
	struct statistics *statistics; /* conv_encoder_measure: of layer 0's output */
	float *out;                    /* frames go here, [frames, out_stride] */
	size_t out_stride;
	size_t frames; /* set: how many were made */

	/* private to conv_encoder.c: progress within a block */
	struct conv_tail measure_tail;
	size_t done, offset, input, rows;
};

/* Frames that `samples` more samples will yield in this state. */
size_t conv_state_frames(const struct conv_state *state, const struct model_config *config,
			 size_t samples);

/* Runs all samples of all jobs, a block of CONV_BLOCK_FRAMES at a time. */
void conv_encoder_run(struct workspace *workspace, struct conv_job *jobs, size_t n_jobs);

/* One block of a single job from `samples` on: returns how many samples it took.
 * For callers that yield between blocks; job->frames accumulates. */
size_t conv_encoder_block(struct workspace *workspace, struct conv_job *job);

/* Adds layer 0's output of all samples, before its norm, to each job's
 * statistics, and leaves the states as they were. */
void conv_encoder_measure(struct workspace *workspace, struct conv_job *jobs, size_t n_jobs);

/* The group norm with these statistics as x * scale + shift. */
void conv_encoder_affine(const struct acoustic_model *model, const struct statistics *statistics,
			 float *scale, float *shift);

/* For `features`: reports each layer's output while set. */
struct conv_tap {
	void (*func)(void *ctx, size_t layer, const float *rows, size_t n, size_t channels);
	void *ctx;
};
void conv_encoder_set_tap(struct workspace *workspace, const struct conv_tap *tap);

#endif
