/* The ring against a plain list of all frames: whatever the position, a view
 * shows exactly the visible frames, each with its own key and value. */
#include "core/acoustic/kv_cache.h"
#include "core/kernels/kernels.h"
#include "helpers.h"

#include <stdlib.h>
#include <string.h>

enum { HEADS = 3, DIM = 20, STRIDE = HEADS * DIM + 5 };

static float key_of(size_t frame, size_t head, size_t d)
{
	return (float)(frame * 1000 + head * 100 + d);
}

static void store(struct kv_cache *cache, size_t first, size_t count)
{
	float *keys = malloc(count * STRIDE * sizeof(float));
	float *values = malloc(count * STRIDE * sizeof(float));

	for (size_t i = 0; i < count * STRIDE; i++) {
		size_t column = i % STRIDE;
		keys[i] = key_of(first + i / STRIDE, column / DIM, column % DIM);
		values[i] = -keys[i];
	}
	for (size_t head = 0; head < HEADS; head++)
		kv_cache_store(cache, head, first, count, keys + head * DIM, values + head * DIM,
			       STRIDE);
	free(keys);
	free(values);
}

static bool is_masked(const struct kv_view *view, size_t slot)
{
	for (size_t m = 0; m < view->n_masked; m++) {
		if (slot >= view->masked[m].first &&
		    slot < view->masked[m].first + view->masked[m].count)
			return true;
	}
	return false;
}

static void check_view(const struct kv_cache *cache, size_t first, size_t end)
{
	for (size_t head = 0; head < HEADS; head++) {
		struct kv_view view = kv_cache_view(cache, head, first, end);
		size_t seen = 0;

		assert_int_equal(view.n_slots % PANEL, 0);
		for (size_t slot = 0; slot < view.n_slots; slot++) {
			if (is_masked(&view, slot))
				continue;
			const float *key =
				view.keys + slot / PANEL * view.key_panel_stride + slot % PANEL;
			size_t frame = (size_t)(key[0] / 1000);
			assert_in_range(frame, first, end - 1);
			for (size_t d = 0; d < DIM; d++) {
				float value = view.values[d / PANEL * view.value_panel_stride +
							  slot * PANEL + d % PANEL];
				assert_true(key[d * PANEL] == key_of(frame, head, d));
				assert_true(value == -key_of(frame, head, d));
			}
			seen++;
		}
		assert_int_equal(seen, end - first);
	}
}

/* L:C:R as a stream uses it, over many times the capacity. */
static void run(size_t left, size_t chunk, size_t right)
{
	struct arena arena = {0};
	struct kv_cache cache;

	kv_cache_layout(&cache, &arena, HEADS, DIM, left + chunk + right);
	assert_int_equal(arena_init(&arena, arena.used), 0);
	kv_cache_layout(&cache, &arena, HEADS, DIM, left + chunk + right);
	for (size_t a = 0; a < 10 * cache.capacity; a += chunk) {
		store(&cache, a, chunk + right);
		check_view(&cache, a < left ? 0 : a - left, a + chunk + right);
	}
	arena_finish(&arena);
}

static void test_views_show_the_visible_frames(void **state)
{
	(void)state;
	run(64, 16, 16);
	run(32, 8, 4);
	run(0, 5, 0);
	run(1, 1, 1);
	run(250, 16, 16);
	run(15, 16, 17);
	run(100, 3, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views_show_the_visible_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
