#include "helpers.h"

#include "core/kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fixture_dir(const char *name)
{
	static char path[1024];
	const char *root = getenv("HEARD_FIXTURES");

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

struct acoustic_model *load_fixture(const char *name, struct pool *pool)
{
	struct acoustic_model *model = NULL;
	const char *type = getenv("HEARD_TEST_WEIGHTS");
	enum weight_type weights = WEIGHT_F32;

	assert_true(type == NULL || weight_type_from_name(type, &weights));
	assert_int_equal(acoustic_model_load(fixture_dir(name), pool, weights, &model), 0);
	return model;
}

float *make_audio(size_t n, unsigned seed)
{
	float *audio = malloc((n ? n : 1) * sizeof(*audio));
	unsigned state = seed * 2654435761u + 1;
	double phase = 0;

	assert_non_null(audio);
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		double noise = (double)(state >> 8) / (1 << 24) - 0.5;
		double second = (double)i / 16000;
		double loudness = fmax(0, sin(second * 3.1 + seed));
		phase += 0.02 + 0.3 * (0.5 + 0.5 * sin(second * 1.7 + seed));
		audio[i] = (float)(0.3 * loudness * sin(phase) + 0.05 * noise + 0.01);
	}
	return audio;
}

void record_finish(struct record *record)
{
	free(record->committed);
	free(record->provisional);
	*record = (struct record){0};
}

static float *append(float *rows, size_t have, const float *more, size_t n, size_t width)
{
	rows = realloc(rows, (have + n + 1) * width * sizeof(float));
	assert_non_null(rows);
	memcpy(rows + have * width, more, n * width * sizeof(float));
	return rows;
}

void record_step(struct record *record, const struct acoustic_stream *stream)
{
	struct acoustic_output out = acoustic_stream_output(stream);

	assert_int_equal(out.first, record->n_committed);
	record->committed = append(record->committed, record->n_committed, out.committed,
				   out.n_committed, record->width);
	record->provisional = append(record->provisional, record->n_provisional, out.provisional,
				     out.n_provisional, record->width);
	record->n_committed += out.n_committed;
	record->n_provisional += out.n_provisional;
	record->n_steps++;
}

void run_stream(struct acoustic_batch *batch, struct acoustic_stream *stream, const float *samples,
		size_t n, size_t split, size_t width, struct record *record)
{
	unsigned state = 12345;

	*record = (struct record){.width = width};
	for (size_t done = 0; done < n;) {
		state = state * 1664525u + 1013904223u;
		size_t take = split ? split : 1 + (state >> 8) % 5000;
		if (take > n - done)
			take = n - done;
		while (take > 0) {
			size_t pushed = acoustic_stream_push(stream, samples + done, take);
			done += pushed;
			take -= pushed;
			/* A stream that takes nothing more must have a step to do. */
			assert_true(pushed > 0 || acoustic_stream_ready(stream));
			while (acoustic_stream_ready(stream)) {
				acoustic_step(batch, &stream, 1);
				record_step(record, stream);
			}
		}
	}
	acoustic_stream_end(stream);
	while (acoustic_stream_ready(stream)) {
		acoustic_step(batch, &stream, 1);
		record_step(record, stream);
	}
}

/* OpenBLAS sums in an order that depends on how many rows there are. */
static void assert_same_rows(const float *a, const float *b, size_t n)
{
	if (n == 0)
		return;
	if (kernels_get()->prefers_blas)
		assert_true(max_difference(a, b, n) < 1e-4f);
	else
		assert_memory_equal(a, b, n * sizeof(float));
}

void assert_same_record(const struct record *a, const struct record *b)
{
	assert_int_equal(a->width, b->width);
	assert_int_equal(a->n_steps, b->n_steps);
	assert_int_equal(a->n_committed, b->n_committed);
	assert_int_equal(a->n_provisional, b->n_provisional);
	assert_same_rows(a->committed, b->committed, a->n_committed * a->width);
	assert_same_rows(a->provisional, b->provisional, a->n_provisional * a->width);
}

float max_difference(const float *a, const float *b, size_t n)
{
	float max = 0;

	for (size_t i = 0; i < n; i++) {
		float difference = fabsf(a[i] - b[i]);
		/* NaN is the largest difference of all. */
		if (!(difference <= max))
			max = difference;
	}
	return max;
}
