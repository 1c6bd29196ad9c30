#include "tools/deviation.h"

#include "core/base/log.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A stage and what the reference gave in it for the utterance at hand. */
struct kept {
	struct deviation_stage sums[DEVIATION_MAX_OTHERS];
	float *values; /* owned, [n] */
	size_t n, capacity;
	size_t compared; /* of them */
};

struct deviation {
	struct kept *stages; /* owned */
	size_t n_stages;
	size_t other; /* that is compared */
	struct acoustic_tap keep, compare;
	int error;
};

/* What the input is does not depend on weights, and of the conv encoder the
 * output says enough: its lower layers are by far the largest stages. What the
 * head is given is the last hidden state. */
static bool wanted(const char *stage)
{
	return strcmp(stage, "input_values") != 0 && strcmp(stage, "conv_out") != 0 &&
	       strcmp(stage, "last_hidden_state") != 0;
}

static struct kept *find(struct deviation *deviation, const char *stage, int layer)
{
	char name[DEVIATION_NAME_BYTES];

	if (layer < 0)
		snprintf(name, sizeof(name), "%s", stage);
	else
		snprintf(name, sizeof(name), "%s.%d", stage, layer);
	for (size_t i = 0; i < deviation->n_stages; i++) {
		if (strcmp(deviation->stages[i].sums[0].name, name) == 0)
			return &deviation->stages[i];
	}
	struct kept *stages =
		realloc(deviation->stages, (deviation->n_stages + 1) * sizeof(*stages));
	if (!stages)
		return NULL;
	deviation->stages = stages;
	struct kept *new = &stages[deviation->n_stages++];
	*new = (struct kept){0};
	for (size_t i = 0; i < DEVIATION_MAX_OTHERS; i++)
		memcpy(new->sums[i].name, name, sizeof(name));
	return new;
}

static void no_memory(struct deviation *deviation)
{
	if (!deviation->error)
		log_error("no memory for the stages of the network");
	deviation->error = -ENOMEM;
}

static void keep(void *ctx, const char *stage, int layer, size_t first, const float *values,
		 size_t rows, size_t columns, size_t stride)
{
	struct deviation *deviation = ctx;

	(void)first;
	if (!wanted(stage) || deviation->error)
		return;
	struct kept *kept = find(deviation, stage, layer);
	if (!kept) {
		no_memory(deviation);
		return;
	}
	size_t n = kept->n + rows * columns;
	if (n > kept->capacity) {
		float *grown = realloc(kept->values, n * sizeof(*grown));
		if (!grown) {
			no_memory(deviation);
			return;
		}
		kept->values = grown;
		kept->capacity = n;
	}
	for (size_t r = 0; r < rows; r++, kept->n += columns)
		memcpy(kept->values + kept->n, values + r * stride, columns * sizeof(*values));
}

static void compare(void *ctx, const char *stage, int layer, size_t first, const float *values,
		    size_t rows, size_t columns, size_t stride)
{
	struct deviation *deviation = ctx;

	(void)first;
	if (!wanted(stage) || deviation->error)
		return;
	struct kept *kept = find(deviation, stage, layer);
	/* Both are the same network and see the same samples. */
	if (!kept || kept->compared + rows * columns > kept->n)
		abort();
	struct deviation_stage *sums = &kept->sums[deviation->other];
	for (size_t r = 0; r < rows; r++) {
		const float *reference = kept->values + kept->compared;
		for (size_t c = 0; c < columns; c++) {
			double exact = reference[c];
			double difference = values[r * stride + c] - exact;
			sums->error += difference * difference;
			sums->reference += exact * exact;
			sums->largest = fmax(sums->largest, fabs(difference));
		}
		kept->compared += columns;
		sums->values += columns;
	}
}

int deviation_create(struct deviation **out)
{
	struct deviation *deviation = calloc(1, sizeof(*deviation));

	*out = deviation;
	if (!deviation) {
		log_error("no memory to compare networks");
		return -ENOMEM;
	}
	deviation->keep = (struct acoustic_tap){.func = keep, .ctx = deviation};
	deviation->compare = (struct acoustic_tap){.func = compare, .ctx = deviation};
	return 0;
}

void deviation_destroy(struct deviation *deviation)
{
	if (!deviation)
		return;
	for (size_t i = 0; i < deviation->n_stages; i++)
		free(deviation->stages[i].values);
	free(deviation->stages);
	free(deviation);
}

const struct acoustic_tap *deviation_keep(struct deviation *deviation)
{
	for (size_t i = 0; i < deviation->n_stages; i++)
		deviation->stages[i].n = 0;
	return &deviation->keep;
}

const struct acoustic_tap *deviation_compare(struct deviation *deviation, size_t other)
{
	for (size_t i = 0; i < deviation->n_stages; i++)
		deviation->stages[i].compared = 0;
	deviation->other = other;
	return &deviation->compare;
}

int deviation_error(const struct deviation *deviation)
{
	return deviation->error;
}

size_t deviation_stages(const struct deviation *deviation)
{
	return deviation->n_stages;
}

const struct deviation_stage *deviation_stage(const struct deviation *deviation, size_t i,
					      size_t other)
{
	return &deviation->stages[i].sums[other];
}

double deviation_rms(const struct deviation_stage *stage)
{
	return stage->values > 0 ? sqrt(stage->error / stage->reference) : NAN;
}

double deviation_max(const struct deviation_stage *stage)
{
	return stage->values > 0 ? stage->largest / sqrt(stage->reference / (double)stage->values)
				 : NAN;
}
