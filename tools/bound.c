#include "tools/bound.h"

#include "core/acoustic/weight_choice.h"
#include "core/weights/config.h"

#include <math.h>

/* Of int4 with its share of a group's factor. */
static const double weight_bytes[WEIGHT_TYPES] = {
	[WEIGHT_F32] = 4,
	[WEIGHT_F16] = 2,
	[WEIGHT_BF16] = 2,
	[WEIGHT_INT8] = 1,
	[WEIGHT_INT4] = 0.5 + 2.0 / 32,
};

/* rows [rows, k] times weights [n, k]. */
static double product(const struct machine *machine, enum matrix_role role, double rows, double n,
		      double k)
{
	enum weight_type type = weight_choice_of(role, machine->weights);

	return fmax(2 * rows * n * k / machine->ops[type],
		    n * k * weight_bytes[type] / machine->bytes);
}

/* Conv layer i makes rows[i] frames. */
static double conv_encoder(const struct model_config *config, const double *rows,
			   const struct machine *machine)
{
	double seconds = 0;
	size_t in = 1;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		seconds +=
			product(machine, i == 0 ? MATRIX_EXACT : MATRIX_CONVOLUTION, rows[i],
				(double)config->conv_dim[i], (double)(in * config->conv_kernel[i]));
		in = config->conv_dim[i];
	}
	return seconds;
}

/* Each row sees `keys` frames of its own stream. */
static double attention(const struct model_config *config, double rows, double keys, double streams,
			const struct machine *machine)
{
	double hidden = (double)config->hidden_size;
	double flops = 2 * 2 * rows * keys * hidden;
	double bytes = 2 * keys * streams * hidden * sizeof(float);

	return fmax(flops / machine->ops[WEIGHT_F32], bytes / machine->bytes);
}

static double transformer(const struct model_config *config, double rows, double keys,
			  double streams, const struct machine *machine)
{
	double hidden = (double)config->hidden_size;
	double inner = (double)config->intermediate_size;
	double adapter = (double)config->adapter_attn_dim;
	double layer = 4 * product(machine, MATRIX_LINEAR, rows, hidden, hidden) +
		       product(machine, MATRIX_LINEAR, rows, inner, hidden) +
		       product(machine, MATRIX_LINEAR, rows, hidden, inner) +
		       attention(config, rows, keys, streams, machine);

	if (adapter > 0)
		layer += product(machine, MATRIX_LINEAR, rows, adapter, hidden) +
			 product(machine, MATRIX_LINEAR, rows, hidden, adapter);
	return (double)config->n_layers * layer;
}

/* Everything behind the conv encoder, of which new_rows come. */
static double behind(const struct model_config *config, double width, double new_rows, double rows,
		     double keys, double streams, const struct machine *machine)
{
	double hidden = (double)config->hidden_size;
	double last = (double)config->conv_dim[config->n_conv_layers - 1];
	double group = hidden / (double)config->pos_groups;

	return product(machine, MATRIX_LINEAR, new_rows, hidden, last) +
	       product(machine, MATRIX_CONVOLUTION, rows, hidden,
		       group * (double)config->pos_kernel) +
	       transformer(config, rows, keys, streams, machine) +
	       product(machine, MATRIX_EXACT, rows, width, hidden);
}

double bound_step(const struct model_config *config, size_t width, const struct window *window,
		  size_t streams, const struct machine *machine)
{
	double rows[CONFIG_MAX_CONV_LAYERS] = {0};
	double frames = (double)window->chunk * (double)streams;
	double all = (double)(window->chunk + window->right) * (double)streams;
	double keys = (double)(window->left + window->chunk + window->right);

	for (size_t i = config->n_conv_layers; i-- > 0;) {
		rows[i] = frames;
		frames *= (double)config->conv_stride[i];
	}
	return conv_encoder(config, rows, machine) + behind(config, (double)width,
							    rows[config->n_conv_layers - 1], all,
							    keys, (double)streams, machine);
}

double bound_utterance(const struct model_config *config, size_t width, size_t samples,
		       const struct machine *machine)
{
	double rows[CONFIG_MAX_CONV_LAYERS] = {0};
	double n = (double)samples;

	for (size_t i = 0; i < config->n_conv_layers; i++) {
		n = floor((n - (double)config->conv_kernel[i]) / (double)config->conv_stride[i]) +
		    1;
		rows[i] = n > 0 ? n : 0;
	}
	double frames = rows[config->n_conv_layers - 1];
	return conv_encoder(config, rows, machine) +
	       behind(config, (double)width, frames, frames, frames, 1, machine);
}
