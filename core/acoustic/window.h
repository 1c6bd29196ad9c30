/*
 * The frames of one stream that a step works on: the chunk and its lookahead,
 * or a whole utterance offline. Windows of several streams lie one after the
 * other in the rows of the workspace.
 */
#ifndef HEARD_ACOUSTIC_WINDOW_H
#define HEARD_ACOUSTIC_WINDOW_H

#include <stddef.h>

struct kv_cache;

struct window {
	size_t row;   /* first row in the workspace */
	size_t count; /* frames */
	size_t frame; /* the first frame's number in its utterance */

	const float
		*features; /* projected features; the row of `frame`, with `before` rows in front */
	size_t features_stride;
	size_t before; /* real frames in front that positional convolution may see */

	struct kv_cache *caches; /* of layer 0; layer i's at caches + i * cache_step */
	size_t cache_step;       /* 1, or 0 where the layers share one */
	size_t left;             /* cached frames that attention may see */
	int head;                /* adapters and CTC head */
};

#endif
