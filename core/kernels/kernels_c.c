/* The specification: every loop as plainly as it can be said. The vector
 * versions are tested against this file. */
#include "core/kernels/tables.h"

#include <math.h>
#include <stdlib.h>

static float activation_value(enum activation act, float x)
{
	const float selu_alpha = 1.6732632423543772848170429916717f;
	const float selu_scale = 1.0507009873554804934193349852946f;

	switch (act) {
	case ACTIVATION_LINEAR:
		return x;
	case ACTIVATION_GELU:
		return 0.5f * x * (1.0f + erff(x * 0.70710678118654752440f));
	case ACTIVATION_GELU_TANH:
		return 0.5f * x *
		       (1.0f + tanhf(0.79788456080286535588f * (x + 0.044715f * x * x * x)));
	case ACTIVATION_QUICK_GELU:
		return x / (1.0f + expf(-1.702f * x));
	case ACTIVATION_RELU:
		return x < 0.0f ? 0.0f : x; /* a NaN stays one */
	case ACTIVATION_RELU6:
		return x < 0.0f ? 0.0f : (x > 6.0f ? 6.0f : x);
	case ACTIVATION_SELU:
		return selu_scale * (x > 0.0f ? x : selu_alpha * expm1f(x));
	case ACTIVATION_SILU:
		return x / (1.0f + expf(-x));
	case ACTIVATION_MISH:
		return x * tanhf(x > 20.0f ? x : log1pf(expf(x)));
	case ACTIVATION_TANH:
		return tanhf(x);
	case ACTIVATION_SIGMOID:
		return 1.0f / (1.0f + expf(-x));
	}
	abort();
}

static void activate(enum activation act, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = activation_value(act, x[i]);
}

static void tile(const float *a, size_t a_stride, size_t rows, const float *panels,
		 size_t panel_stride, size_t k, float *y, size_t y_stride, size_t n, int accumulate)
{
	for (size_t j = 0; j < n; j += PANEL, panels += panel_stride) {
		size_t columns = n - j < PANEL ? n - j : PANEL;

		for (size_t r = 0; r < rows; r++) {
			float sum[PANEL] = {0};

			for (size_t i = 0; i < k; i++) {
				for (size_t c = 0; c < PANEL; c++)
					sum[c] += a[r * a_stride + i] * panels[i * PANEL + c];
			}
			for (size_t c = 0; c < columns; c++) {
				float *out = &y[r * y_stride + j + c];
				*out = accumulate ? *out + sum[c] : sum[c];
			}
		}
	}
}

static void strip(const struct strip *s)
{
	tile(s->a, s->a_stride, s->rows, s->panels, s->panel_stride, s->k, s->y, s->y_stride, s->n,
	     s->accumulate);
}

static void finish(const struct finish *f)
{
	for (size_t r = 0; r < f->rows; r++) {
		for (size_t j = 0; j < f->n; j++) {
			float value = f->sums[r * f->sums_stride + j];

			if (f->bias)
				value += f->bias[j];
			value = activation_value(f->act, value);
			if (f->residual)
				value += f->residual[r * f->residual_stride + j];
			f->y[r * f->y_stride + j] = value;
		}
	}
}

static void layer_norm(const float *x, size_t n, const float *gamma, const float *beta, float eps,
		       float *y)
{
	double sum = 0.0, squares = 0.0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	float mean = (float)(sum / (double)n);
	for (size_t i = 0; i < n; i++)
		squares += (double)(x[i] - mean) * (x[i] - mean);
	float scale = (float)(1.0 / sqrt(squares / (double)n + eps));
	for (size_t i = 0; i < n; i++)
		y[i] = (x[i] - mean) * scale * gamma[i] + beta[i];
}

static void softmax(float *x, size_t n, float scale)
{
	float max = -INFINITY;
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		max = x[i] > max ? x[i] : max;
	for (size_t i = 0; i < n; i++) {
		x[i] = expf(scale * (x[i] - max));
		sum += x[i];
	}
	float inverse = (float)(1.0 / sum);
	for (size_t i = 0; i < n; i++)
		x[i] *= inverse;
}

static void add(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

static void scale_shift(const float *x, const float *scale, const float *shift, size_t n, float *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * scale[i] + shift[i];
}

static float probe_fma(size_t rounds)
{
	float sums[PROBE_FLOPS / 2] = {0}, total = 0.0f;

	for (size_t i = 0; i < rounds; i++) {
		for (size_t j = 0; j < PROBE_FLOPS / 2; j++)
			sums[j] = sums[j] * 0.5f + 1.0f;
	}
	for (size_t j = 0; j < PROBE_FLOPS / 2; j++)
		total += sums[j];
	return total;
}

static float probe_read(const float *x, size_t n)
{
	float sums[PANEL] = {0}, total = 0.0f;

	for (size_t i = 0; i < n; i += PANEL) {
		for (size_t j = 0; j < PANEL; j++)
			sums[j] += x[i + j];
	}
	for (size_t j = 0; j < PANEL; j++)
		total += sums[j];
	return total;
}

const struct kernels kernels_c = {
	.name = "c",
	.micro = {[WEIGHT_F16] = &microkernel_f16_c, [WEIGHT_BF16] = &microkernel_bf16_c},
	.prefers_blas = true,
	.tile = tile,
	.strip = strip,
	.finish = finish,
	.activate = activate,
	.layer_norm = layer_norm,
	.softmax = softmax,
	.add = add,
	.scale_shift = scale_shift,
	.probe_fma = probe_fma,
	.probe_read = probe_read,
};
