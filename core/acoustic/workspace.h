/*
 * Scratch of one forward pass, sized once, shared by all windows in it. A
 * streaming batch has one, an offline pass has one. Nothing in it survives a
 * step.
 *
 * Rows are activations of one frame. Their stride is padded past a multiple of
 * 4 KiB: eight rows of 1024 floats would otherwise fall into the same set of
 * the first-level cache.
 */
#ifndef HEARD_ACOUSTIC_WORKSPACE_H
#define HEARD_ACOUSTIC_WORKSPACE_H

#include "core/acoustic/model.h"
#include "core/acoustic/statistics.h"

struct conv_tap;

enum {
	MAX_STEP_STREAMS = 64,
	/* Rows a product of the transformer takes at a time: enough to be bound by
	 * arithmetic, few enough that a 30 s utterance needs little memory. */
	BLOCK_ROWS = 256,
	/* Frames the conv encoder makes at a time over all streams. Its first
	 * layers make some 64 rows a frame. */
	CONV_BLOCK_FRAMES = 32,
	/* Queries an attention task takes. */
	QUERY_BLOCK = 32,
};

struct workspace_params {
	size_t max_streams;
	size_t max_rows; /* frames of all windows of a step */
	size_t max_keys; /* slots of the longest key/value cache */
	bool attentions; /* room for one layer's attention probabilities */
};

struct workspace {
	const struct acoustic_model *model; /* borrowed */
	struct arena arena;                 /* owned */
	size_t max_rows, max_keys, max_streams;

	/* conv encoder */
	float *conv_input;    /* [max_streams gaps + rows * channels]: tails and new input */
	float *conv_output;   /* before norm and activation */
	size_t conv_floats;   /* of each */
	float *measure_tails; /* [max_streams, kernel of layer 0 - 1] */
	const struct conv_tap *conv_tap; /* borrowed, or NULL */
	float *features;                 /* [max_rows, features_stride] extract_features */
	size_t features_stride;

	/* transformer */
	size_t stride;  /* of rows of hidden_size */
	float *hidden;  /* [max_rows, stride] the residual stream */
	float *queries; /* [max_rows, stride]; the attention's output replaces it in place */
	float *normed;  /* [block rows, stride] */
	float *keys;    /* [block rows, stride] */
	float *values;  /* [block rows, stride] */
	float *inner;   /* [block rows, inner_stride] feed forward, adapters, projection */
	size_t inner_stride;
	float *gathered;              /* positional convolution: group-major windows */
	struct rows *pos_segments;    /* [groups, max_streams] */
	struct product *pos_products; /* [groups] */
	float *scores;                /* [threads][QUERY_BLOCK, max_keys] */
	float *attentions;            /* [heads, max_rows, max_rows] or NULL */
	void *scratch;                /* of the products */
	size_t scratch_bytes;
};

/* 0 or -ENOMEM. */
int workspace_init(struct workspace *workspace, const struct acoustic_model *model,
		   const struct workspace_params *params);
void workspace_finish(struct workspace *workspace);

/* Floats between rows of n: n rounded up to a cache line, and one line more
 * where rows would alias. */
size_t workspace_stride(size_t n);

/* Runs products with the workspace's pool and scratch. */
void workspace_products(struct workspace *workspace, const struct product *products, size_t n);

/* y[r] = act(x[r] w + b) + residual[r] for contiguous rows: the common case. */
struct dense {
	const struct linear *linear;
	const float *x;
	size_t x_stride;
	float *y;
	size_t y_stride;
	size_t rows;
	enum activation act;
	const float *residual;
	size_t residual_stride;
};
void workspace_dense(struct workspace *workspace, const struct dense *dense);

/* y[r] = layer_norm(x[r]) for rows of n; in place where y == x. */
void workspace_norm(struct workspace *workspace, const struct norm *norm, const float *x,
		    size_t x_stride, size_t rows, size_t n, float *y, size_t y_stride);

#endif
