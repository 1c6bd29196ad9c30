/*
 * What smaller weights cost: weights DIR. Runs input.wav with every type of
 * weights and compares the output with that of f32: the error of all logits
 * (hidden states without a head) against their own size, root mean square both.
 * Prints TAP. Random weights, as the fixtures have them, are the hard case: a
 * trained network's errors partly cancel.
 */
#include "core/acoustic/acoustic.h"
#include "core/kernels/pool.h"
#include "tests/golden/fixture.h"
#include "tests/golden/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bounds that docs/SPEED.md states; about twice the largest error of any fixture. */
static const struct {
	enum weight_type type;
	double bound;
} bounds[] = {
	{WEIGHT_F16, 0.004},
	{WEIGHT_BF16, 0.04},
	{WEIGHT_INT8, 0.15},
	{WEIGHT_INT4, 0.8},
};

/* Owned [*n] outputs of a whole offline pass. */
static float *output_of(const char *dir, enum weight_type type, struct pool *pool, size_t *n)
{
	struct acoustic_model *model;
	struct acoustic_offline *offline;
	size_t n_samples;
	float *samples = fixture_samples(dir, "input.wav", &n_samples);

	if (acoustic_model_load(dir, pool, type, &model) < 0)
		fixture_die("%s does not load", dir);
	if (acoustic_model_weights(model) != type)
		fixture_die("the weights are %s", weight_type_name(acoustic_model_weights(model)));
	if (acoustic_offline_create(model, n_samples, &offline) < 0 ||
	    acoustic_offline_begin(offline, samples, n_samples, 0, NULL) < 0)
		fixture_die("the offline pass does not start");
	while (acoustic_offline_advance(offline) > 0) {
	}
	*n = acoustic_offline_frames(offline) * acoustic_model_output_size(model, 0);
	float *copy = fixture_allocate(*n, sizeof(*copy));
	memcpy(copy, acoustic_offline_output(offline), *n * sizeof(*copy));
	acoustic_offline_destroy(offline);
	acoustic_model_destroy(model);
	free(samples);
	return copy;
}

int main(int argc, char **argv)
{
	struct pool *pool;
	size_t n, n_exact;

	if (argc != 2) {
		fprintf(stderr, "usage: weights FIXTURE_DIR\n");
		return 2;
	}
	if (pool_create(2, &pool) < 0)
		fixture_die("no thread pool");
	float *exact = output_of(argv[1], WEIGHT_F32, pool, &n_exact);

	for (size_t t = 0; t < sizeof(bounds) / sizeof(bounds[0]); t++) {
		float *output = output_of(argv[1], bounds[t].type, pool, &n);
		double error = 0.0, power = 0.0;

		for (size_t i = 0; i < n && n == n_exact; i++) {
			double d = (double)output[i] - exact[i];
			error += d * d;
			power += (double)exact[i] * exact[i];
		}
		double relative = sqrt(error / power);
		report_true(report_name("%s: relative error %.5f of at most %.3f",
					weight_type_name(bounds[t].type), relative,
					bounds[t].bound),
			    n == n_exact && relative <= bounds[t].bound);
		/* It must be the type that was asked for. */
		report_true(report_name("%s: not f32", weight_type_name(bounds[t].type)),
			    relative > 0.0);
		free(output);
	}
	free(exact);
	pool_destroy(pool);
	return report_finish();
}
