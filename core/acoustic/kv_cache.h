/*
 * Keys and values of one layer of one stream, a ring over frames. The only
 * file that knows both a frame's number and its slot.
 *
 * Frame f lives in slot f % capacity. Attention has no order among keys (there
 * is no relative position in it), so slots are used where they lie: nothing is
 * shifted or copied when the ring wraps, and slots that hold no visible frame
 * are masked. The capacity is at least left context + chunk + lookahead, so the
 * window's own frames are written into the ring too: the chunk's stay, the
 * lookahead's are overwritten by the next step.
 *
 * Layout is what kernels->tile reads as its constant operand, in panels of 16:
 *     keys    [heads][slots / 16][head_dim][16]     panel columns are slots
 *     values  [heads][head_dim / 16][slots][16]     panel columns are channels
 */
#ifndef HEARD_ACOUSTIC_KV_CACHE_H
#define HEARD_ACOUSTIC_KV_CACHE_H

#include "core/base/arena.h"

#include <stddef.h>

struct kv_cache {
	float *keys, *values;
	size_t capacity; /* slots, a multiple of 16 */
	size_t head_dim;
	size_t value_panels; /* head_dim / 16, rounded up */
};

/* Slots for `frames` visible frames at once. */
size_t kv_cache_capacity(size_t frames);

void kv_cache_layout(struct kv_cache *cache, struct arena *arena, size_t n_heads, size_t head_dim,
		     size_t frames);

/* Stores one head's keys and values of `count` frames from `frame` on; rows of
 * `stride` floats, the head's channels first. */
void kv_cache_store(struct kv_cache *cache, size_t head, size_t frame, size_t count,
		    const float *keys, const float *values, size_t stride);

/* What a window whose visible frames are [first, end) must look at: slots
 * [slot, slot + n_slots), in whole panels, some of them masked. */
struct kv_view {
	const float *keys;         /* panel of `slot` */
	const float *values;       /* row of `slot` in panel 0 */
	size_t key_panel_stride;   /* floats */
	size_t value_panel_stride; /* floats */
	size_t n_slots;
	struct {
		size_t first, count; /* relative to `slot` */
	} masked[2];
	size_t n_masked;
};
struct kv_view kv_cache_view(const struct kv_cache *cache, size_t head, size_t first, size_t end);

#endif
