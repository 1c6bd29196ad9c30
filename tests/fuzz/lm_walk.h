/* Uses an open language model as a decoder does, with every check that holds
 * for any model: for the targets that make one. */
#ifndef HEARD_TESTS_FUZZ_LM_WALK_H
#define HEARD_TESTS_FUZZ_LM_WALK_H

#include "core/decode/lm_fusion.h"

#include <math.h>
#include <stdlib.h>

static inline void walk_check(bool holds)
{
	if (!holds)
		abort();
}

/* Scores `steps` words that `seed` chooses, spelled letter by letter. */
static inline void walk_lm(const struct lm *lm, unsigned seed, unsigned steps)
{
	const struct lm_weights weights = lm_weights_default();
	struct lm_state state;

	walk_check(lm_order(lm) >= 1 && lm_order(lm) <= LM_MAX_ORDER);
	lm_begin(lm, seed % 2 == 0, &state);
	for (unsigned i = 0; i < steps; i++) {
		struct lm_cursor cursor;
		size_t n;

		seed = seed * 1103515245U + 12345U;
		uint32_t id = (seed >> 8) % (uint32_t)lm_size(lm);
		const char *word = lm_word(lm, id, &n);
		lm_cursor_begin(lm, &cursor);
		for (size_t k = 0; k < n; k++) {
			walk_check(lm_cursor_push(lm, &cursor, word + k, 1));
			walk_check(isfinite(lm_fusion_partial(lm, &weights, &cursor)));
		}
		walk_check(lm_find(lm, word, n) == id);
		walk_check(lm_cursor_word(lm, &cursor) == id);
		walk_check(isfinite(lm_fusion_word(lm, &weights, &state, id, &state)));
		walk_check(state.length < lm_order(lm));
		walk_check(isfinite(lm_end(lm, &state)));
	}
}

#endif
