/*
 * config.json, preprocessor_config.json and heard.json of a model directory as
 * plain values, with the class defaults of HubertConfig and Wav2Vec2Config for
 * absent keys (transformers 4.48). Every range is checked here: code behind it
 * may assert.
 */
#ifndef HEARD_WEIGHTS_CONFIG_H
#define HEARD_WEIGHTS_CONFIG_H

#include "core/base/activation.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_MAX_CONV_LAYERS = 16 };

enum model_head {
	HEAD_NONE,           /* HubertModel, Wav2Vec2Model, ...ForPreTraining: hidden states */
	HEAD_CTC,            /* ...ForCTC: lm_head */
	HEAD_CLASSIFICATION, /* ...ForSequenceClassification: projector, mean over time, classifier
			      */
};

enum conv_norm { CONV_NORM_GROUP, CONV_NORM_LAYER }; /* feat_extract_norm */

enum final_mode { FINAL_OFFLINE, FINAL_STREAM };

struct model_config {
	char model_type[16];  /* "hubert" or "wav2vec2"; also the prefix of tensor names */
	enum model_head head; /* from `architectures`; without it, from the tensors at bind time */
	bool head_given;      /* `architectures` was present */

	/* conv encoder */
	size_t n_conv_layers;
	size_t conv_dim[CONFIG_MAX_CONV_LAYERS];
	size_t conv_kernel[CONFIG_MAX_CONV_LAYERS];
	size_t conv_stride[CONFIG_MAX_CONV_LAYERS];
	bool conv_bias;
	enum conv_norm conv_norm;
	enum activation conv_activation; /* also after the positional convolution */
	bool projection_layer_norm;      /* feat_proj_layer_norm */

	/* positional convolution */
	size_t pos_kernel;
	size_t pos_groups;
	bool pos_batch_norm;

	/* transformer */
	size_t hidden_size;
	size_t n_layers;
	size_t n_heads;
	size_t intermediate_size;
	enum activation hidden_activation;
	bool stable_layer_norm; /* pre-norm */
	float layer_norm_eps;
	size_t adapter_attn_dim; /* 0: no attention adapters */

	/* heads */
	size_t vocab_size;
	int pad_token_id;   /* CTC blank; -1 where it is null: the tokenizer's pad token counts */
	bool ctc_loss_mean; /* ctc_loss_reduction: mean, else sum */
	bool ctc_zero_infinity;
	size_t classifier_proj_size;
	bool weighted_layer_sum;
	size_t n_labels;
	char **labels;    /* owned, [n_labels], UTF-8, id2label or LABEL_i */
	bool multi_label; /* problem_type multi_label_classification */

	/* preprocessor_config.json */
	bool do_normalize;
	size_t sampling_rate;

	/* heard.json; left -1 is unlimited */
	bool streaming_given;
	long left, chunk, right; /* frames; 250:16:16 when not given */
	enum final_mode final_mode;
	float confidence_scale, confidence_shift; /* vocab_set_confidence; 1 and 0 when not given */

	/* derived */
	size_t hop;   /* samples a frame: product of strides */
	size_t field; /* receptive field of a frame in samples */
};

/* Reads the directory's JSON files into *config. Logs file and key once and
 * returns -ENOENT, -EINVAL, -ENOTSUP (an option we refuse by name) or -ENOMEM;
 * *config is then zeroed. */
int config_load(const char *dir, struct model_config *config);
void config_finish(struct model_config *config);

/* Frames that the conv encoder makes of `samples`; 0 where there are too few. */
size_t config_frames(const struct model_config *config, size_t samples);

#endif
