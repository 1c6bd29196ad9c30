#include "core/decode/plan.h"

#include <stdlib.h>

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
	/* What other holders did with it happens before it is freed. */
	if (plan == NULL ||
	    atomic_fetch_sub_explicit(&plan->references, 1, memory_order_acq_rel) != 1)
		return;
	free(plan);
}
