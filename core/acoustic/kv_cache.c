#include "core/acoustic/kv_cache.h"

#include "core/kernels/kernels.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static size_t panels(size_t n)
{
	return (n + PANEL - 1) / PANEL;
}

size_t kv_cache_capacity(size_t frames)
{
	return panels(frames) * PANEL;
}

void kv_cache_layout(struct kv_cache *cache, struct arena *arena, size_t n_heads, size_t head_dim,
		     size_t frames)
{
	cache->capacity = kv_cache_capacity(frames);
	cache->head_dim = head_dim;
	cache->value_panels = panels(head_dim);
	cache->keys = arena_alloc_array(arena, n_heads * cache->capacity * head_dim, sizeof(float));
	cache->values = arena_alloc_array(
		arena, n_heads * cache->capacity * cache->value_panels * PANEL, sizeof(float));
}

void kv_cache_store(struct kv_cache *cache, size_t head, size_t frame, size_t count,
		    const float *keys, const float *values, size_t stride)
{
	size_t dim = cache->head_dim;
	float *head_keys = cache->keys + head * cache->capacity * dim;
	float *head_values = cache->values + head * cache->capacity * cache->value_panels * PANEL;

	assert(count <= cache->capacity);
	for (size_t i = 0; i < count;) {
		/* Slots up to the panel's end, so that each of its lines is visited once. */
		size_t slot = (frame + i) % cache->capacity, column = slot % PANEL;
		size_t columns = count - i < PANEL - column ? count - i : PANEL - column;
		const float *key = keys + i * stride, *value = values + i * stride;
		float *panel = head_keys + slot / PANEL * dim * PANEL + column;

		for (size_t d = 0; d < dim; d++) {
			for (size_t c = 0; c < columns; c++)
				panel[d * PANEL + c] = key[c * stride + d];
		}
		for (size_t p = 0; p < cache->value_panels; p++) {
			size_t width = dim - p * PANEL < PANEL ? dim - p * PANEL : PANEL;
			float *rows = head_values + (p * cache->capacity + slot) * PANEL;
			/* The padding of a partial panel stays zero from the arena. */
			for (size_t c = 0; c < columns; c++)
				memcpy(rows + c * PANEL, value + c * stride + p * PANEL,
				       width * sizeof(float));
		}
		i += columns;
	}
}

static void mask(struct kv_view *view, size_t first, size_t end)
{
	if (first >= end)
		return;
	view->masked[view->n_masked].first = first;
	view->masked[view->n_masked].count = end - first;
	view->n_masked++;
}

struct kv_view kv_cache_view(const struct kv_cache *cache, size_t head, size_t first, size_t end)
{
	size_t capacity = cache->capacity, visible = end - first;
	size_t from = first % capacity, to = from + visible;
	bool wraps = to > capacity;

	assert(visible <= capacity);
	/* Where the visible slots wrap around, all panels are looked at; else
	 * those from the first visible slot's to the last one's. */
	size_t base = wraps ? 0 : from / PANEL * PANEL;
	struct kv_view view = {
		.keys = cache->keys + (head * capacity + base) * cache->head_dim,
		.values = cache->values + (head * capacity * cache->value_panels + base) * PANEL,
		.key_panel_stride = cache->head_dim * PANEL,
		.value_panel_stride = capacity * PANEL,
		.n_slots = wraps ? capacity : panels(to) * PANEL - base,
	};
	if (wraps) {
		mask(&view, to - capacity, from);
	} else {
		mask(&view, 0, from - base);
		mask(&view, to - base, view.n_slots);
	}
	return view;
}
