/*
 * The forward variable, one row of it in place. Each value carries its own
 * exponent: as safe from underflow as logarithms (an hour of audio reaches
 * e^-1000000), but a step is three products and a sum instead of three
 * exponentials and a logarithm. That is a factor of ten on long audio.
 */
#include "core/decode/ctc_loss.h"

#include "core/decode/ctc_lattice.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* mantissa * 2^exponent; mantissa in [1, 2), or 0 with the exponent EXPONENT_ZERO. */
struct scaled {
	double mantissa;
	int64_t exponent;
};

static const int64_t EXPONENT_ZERO = INT64_MIN / 4;
/* A probability below 2^-this is taken for zero, so that exponents cannot overflow. */
static const double exponent_least = 68719476736.0;

enum { MANTISSA_BITS = 52, BIAS = 1023 };

/* 2^d for d <= 0; 0 where a sum would not see it. */
static double power(int64_t d)
{
	uint64_t bits = d < -100 ? 0 : (uint64_t)(d + BIAS) << MANTISSA_BITS;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static struct scaled scaled_normal(double value, int64_t exponent)
{
	struct scaled scaled;
	uint64_t bits;

	if (value == 0.0)
		return (struct scaled){0.0, EXPONENT_ZERO};
	memcpy(&bits, &value, sizeof(bits));
	scaled.exponent = exponent + (int64_t)(bits >> MANTISSA_BITS) - BIAS;
	bits = (bits & ((UINT64_C(1) << MANTISSA_BITS) - 1)) | (uint64_t)BIAS << MANTISSA_BITS;
	memcpy(&scaled.mantissa, &bits, sizeof(bits));
	return scaled;
}

/* e^x for x <= 0. */
static struct scaled scaled_exp(double x)
{
	double base_two = x / 0.693147180559945309417, whole;

	if (!(base_two > -exponent_least))
		return (struct scaled){0.0, EXPONENT_ZERO};
	whole = floor(base_two);
	return scaled_normal(exp2(base_two - whole), (int64_t)whole);
}

static double scaled_log(struct scaled scaled)
{
	return scaled.mantissa == 0.0
		       ? -INFINITY
		       : log(scaled.mantissa) + (double)scaled.exponent * 0.693147180559945309417;
}

/* (a + b + c) * factor */
static struct scaled scaled_step(struct scaled a, struct scaled b, struct scaled c,
				 struct scaled factor)
{
	int64_t most = a.exponent > b.exponent ? a.exponent : b.exponent;
	double sum;

	most = c.exponent > most ? c.exponent : most;
	sum = a.mantissa * power(a.exponent - most) + b.mantissa * power(b.exponent - most) +
	      c.mantissa * power(c.exponent - most);
	return scaled_normal(sum * factor.mantissa, most + factor.exponent);
}

/* Softmax of a row. False where it has none: a NaN, +infinity, nothing but -infinity. */
static bool softmax(const float *logits, size_t tokens, struct scaled *out)
{
	double most = -INFINITY, sum = 0.0;

	for (size_t i = 0; i < tokens; i++) {
		if ((double)logits[i] > most)
			most = (double)logits[i];
	}
	if (isinf(most))
		return false;
	for (size_t i = 0; i < tokens; i++)
		sum += exp((double)logits[i] - most);
	if (isnan(sum))
		return false;
	for (size_t i = 0; i < tokens; i++)
		out[i] = scaled_exp((double)logits[i] - (most + log(sum)));
	return true;
}

static void forward_frame(const struct ctc_lattice *lattice, size_t frame,
			  const struct scaled *probabilities, struct scaled *alpha)
{
	const struct scaled zero = {0.0, EXPONENT_ZERO};
	struct ctc_band band = ctc_lattice_band(lattice, frame);

	for (size_t s = band.end; s-- > band.begin;)
		alpha[s] = scaled_step(alpha[s], s >= 1 ? alpha[s - 1] : zero,
				       ctc_lattice_skips(lattice, s) ? alpha[s - 2] : zero,
				       probabilities[ctc_lattice_token(lattice, s)]);
}

/* Log-likelihood; NAN where a frame has no softmax. */
static double forward(const struct ctc_lattice *lattice, const float *logits,
		      struct scaled *probabilities, struct scaled *alpha)
{
	const struct scaled zero = {0.0, EXPONENT_ZERO}, one = {1.0, 0};

	if (lattice->frames == 0)
		return lattice->states == 1 ? 0.0 : -INFINITY;
	for (size_t s = 0; s < lattice->states; s++)
		alpha[s] = s == 0 ? one : zero;
	for (size_t f = 0; f < lattice->frames; f++) {
		if (!softmax(logits + f * lattice->tokens, lattice->tokens, probabilities))
			return NAN;
		forward_frame(lattice, f, probabilities, alpha);
	}
	return scaled_log(scaled_step(alpha[lattice->states - 1],
				      lattice->states > 1 ? alpha[lattice->states - 2] : zero, zero,
				      one));
}

int ctc_loss(const float *logits, size_t frames, size_t tokens, const int *labels, size_t n,
	     const struct ctc_loss_options *options, double *loss)
{
	struct ctc_lattice lattice;
	struct scaled *alpha, *probabilities;
	int error = ctc_lattice_init(&lattice, frames, tokens, labels, n, options->blank);

	if (error < 0)
		return error;
	alpha = calloc(lattice.states, sizeof(*alpha));
	probabilities = calloc(tokens, sizeof(*probabilities));
	if (alpha == NULL || probabilities == NULL) {
		free(alpha);
		free(probabilities);
		return -ENOMEM;
	}
	*loss = -forward(&lattice, logits, probabilities, alpha);
	free(alpha);
	free(probabilities);
	if (isinf(*loss) && options->zero_infinity)
		*loss = 0.0;
	if (options->mean && n > 0)
		*loss /= (double)n;
	return 0;
}
