/*
 * The pointwise functions a configuration can name (`hidden_act`,
 * `feat_extract_activation`). Named by core/weights, computed by core/kernels.
 */
#ifndef HEARD_BASE_ACTIVATION_H
#define HEARD_BASE_ACTIVATION_H

enum activation {
	ACTIVATION_LINEAR,
	ACTIVATION_GELU,       /* x Phi(x) with erf: gelu, gelu_python */
	ACTIVATION_GELU_TANH,  /* tanh approximation: gelu_new, gelu_fast, gelu_pytorch_tanh */
	ACTIVATION_QUICK_GELU, /* x sigmoid(1.702 x) */
	ACTIVATION_RELU,
	ACTIVATION_RELU6,
	ACTIVATION_SELU,
	ACTIVATION_SILU, /* silu, swish */
	ACTIVATION_MISH,
	ACTIVATION_TANH,
	ACTIVATION_SIGMOID,
};

#endif
