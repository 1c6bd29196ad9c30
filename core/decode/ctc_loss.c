/* The forward variable is kept as a logarithm in double precision, one row in all. */
#include "core/decode/ctc_loss.h"

#include "core/decode/ctc_lattice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* log(e^a + e^b + e^c); -INFINITY is zero. Terms that a double would round away are skipped. */
static double log_add(double a, double b, double c)
{
	double most = a > b ? a : b, sum = 0.0;

	if (c > most)
		most = c;
	if (most == -INFINITY)
		return -INFINITY;
	if (a - most > -38.0)
		sum += a == most ? 1.0 : exp(a - most);
	if (b - most > -38.0)
		sum += b == most ? 1.0 : exp(b - most);
	if (c - most > -38.0)
		sum += c == most ? 1.0 : exp(c - most);
	return sum == 1.0 ? most : most + log(sum);
}

static double log_sum_exp(const float *logits, size_t tokens)
{
	double most = -INFINITY, sum = 0.0;

	for (size_t i = 0; i < tokens; i++) {
		if ((double)logits[i] > most)
			most = (double)logits[i];
	}
	if (isinf(most))
		return most;
	for (size_t i = 0; i < tokens; i++)
		sum += exp((double)logits[i] - most);
	return most + log(sum);
}

/* One frame in place, from the last state down, so that what is read is still the old row. */
static void forward_frame(const struct ctc_lattice *lattice, size_t frame, const float *logits,
			  double *alpha)
{
	struct ctc_band band = ctc_lattice_band(lattice, frame);
	double norm = log_sum_exp(logits, lattice->tokens);

	for (size_t s = band.end; s-- > band.begin;) {
		double one = s >= 1 ? alpha[s - 1] : -INFINITY;
		double two = ctc_lattice_skips(lattice, s) ? alpha[s - 2] : -INFINITY;
		double here = log_add(alpha[s], one, two);

		alpha[s] = here == -INFINITY
				   ? here
				   : here + ((double)logits[ctc_lattice_token(lattice, s)] - norm);
	}
}

int ctc_loss(const float *logits, size_t frames, size_t tokens, const int *labels, size_t n,
	     const struct ctc_loss_options *options, double *loss)
{
	struct ctc_lattice lattice;
	double *alpha, total;
	int error = ctc_lattice_init(&lattice, frames, tokens, labels, n, options->blank);

	if (error < 0)
		return error;
	alpha = malloc(lattice.states * sizeof(*alpha));
	if (alpha == NULL)
		return -ENOMEM;
	ctc_lattice_start(&lattice, alpha);
	if (frames == 0) {
		total = n == 0 ? 0.0 : -INFINITY;
	} else {
		for (size_t f = 0; f < frames; f++)
			forward_frame(&lattice, f, logits + f * tokens, alpha);
		total = log_add(alpha[lattice.states - 1],
				n > 0 ? alpha[lattice.states - 2] : -INFINITY, -INFINITY);
	}
	free(alpha);
	*loss = -total;
	if (isinf(*loss) && options->zero_infinity)
		*loss = 0.0;
	if (options->mean && n > 0)
		*loss /= (double)n;
	return 0;
}
