#include "core/decode/plan.h"

#include "core/decode/hotwords.h"

#include <stdlib.h>

struct plan_lm *plan_lm_create(struct lm *lm)
{
	struct plan_lm *shared = calloc(1, sizeof(*shared));

	if (shared == NULL) {
		lm_close(lm);
		return NULL;
	}
	atomic_init(&shared->references, 1);
	shared->lm = lm;
	shared->weights = lm_weights_default();
	return shared;
}

struct plan_lm *plan_lm_hold(struct plan_lm *lm)
{
	if (lm != NULL)
		atomic_fetch_add_explicit(&lm->references, 1, memory_order_relaxed);
	return lm;
}

/* What other holders did happens before it is freed. */
static bool last_reference(atomic_uint *references)
{
	return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

void plan_lm_release(struct plan_lm *lm)
{
	if (lm == NULL || !last_reference(&lm->references))
		return;
	lm_close(lm->lm);
	for (size_t i = 0; lm->labels != NULL && i < lm->n_labels; i++)
		free(lm->labels[i]);
	free(lm->labels);
	free(lm);
}

struct decode_plan *decode_plan_create(void)
{
	struct decode_plan *plan = calloc(1, sizeof(*plan));

	if (plan != NULL)
		atomic_init(&plan->references, 1);
	return plan;
}

struct decode_plan *decode_plan_hold(struct decode_plan *plan)
{
	if (plan != NULL)
		atomic_fetch_add_explicit(&plan->references, 1, memory_order_relaxed);
	return plan;
}

void decode_plan_release(struct decode_plan *plan)
{
	if (plan == NULL || !last_reference(&plan->references))
		return;
	hotwords_release(plan->hotwords);
	plan_lm_release(plan->lm);
	grammar_unref(plan->grammar);
	free(plan);
}
