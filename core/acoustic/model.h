/*
 * The bound network, open inside core/acoustic only. Const after load, shared
 * by all streams; adapters may be added while no step runs.
 */
#ifndef HEARD_ACOUSTIC_MODEL_H
#define HEARD_ACOUSTIC_MODEL_H

#include "core/acoustic/acoustic.h"
#include "core/acoustic/bind.h"

struct conv_layer {
	const struct matrix *w; /* [out, kernel * in] */
	const float *bias;      /* [out] or NULL */
	bool layer_norm;
	struct norm norm; /* per frame where layer_norm; layer 0 of group norm: per channel */
	size_t in, out, kernel, stride;
};

struct pos_conv {
	const struct matrix **groups; /* [n_groups], each [width, kernel * width] */
	const float *bias;            /* [hidden] */
	const float *scale, *shift;   /* [hidden] batch norm of the input, or NULL */
	size_t n_groups, width, kernel;
	size_t left, right; /* reach: kernel / 2 and kernel - 1 - kernel / 2 */
};

struct encoder_layer {
	struct linear query, key, value, output;
	struct linear up, down; /* feed forward */
	struct norm attention_norm, final_norm;
};

/* Attention adapter of one layer: x + linear_2(relu(linear_1(norm(x)))). */
struct adapter_layer {
	struct norm norm;
	struct linear down, up;
};

/* What a language exchanges: adapters and the CTC head. */
struct head {
	char *language;                 /* owned; NULL for the checkpoint as it stands */
	struct weights *weights;        /* owned; NULL for index 0 */
	struct arena arena;             /* owned; unused for index 0 */
	struct adapter_layer *adapters; /* [n_layers] or NULL, in the arena */
	struct linear ctc;              /* [vocab, hidden]; w NULL without a CTC head */
};

enum { MAX_HEADS = 256 };

struct acoustic_model {
	struct model_config config;
	char *dir;         /* owned */
	struct pool *pool; /* borrowed */
	const struct kernels *kernels;
	struct weights *weights; /* owned */
	struct arena arena;
	const char *prefix;
	size_t parameters;
	enum weight_type weight_type; /* of the linear layers; never WEIGHT_AUTO */

	struct conv_layer conv[CONFIG_MAX_CONV_LAYERS];
	struct norm projection_norm;
	struct linear projection;
	struct pos_conv pos;
	struct norm encoder_norm;
	struct encoder_layer *layers; /* [n_layers] in the arena */

	struct linear projector, classifier;
	const float *layer_weights; /* softmaxed, [n_layers + 1], or NULL */

	struct head heads[MAX_HEADS];
	size_t n_heads;
};

#endif
