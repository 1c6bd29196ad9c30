/* Reading ahead, as the microkernels do it: every block of rows asks for its
 * share of the next strip, evenly spread over its own work. */
#ifndef HEARD_KERNELS_DOT_AHEAD_H
#define HEARD_KERNELS_DOT_AHEAD_H

#include "core/kernels/kernels.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/vec.h"

enum {
	PANEL_VECS = PANEL / VEC,
	DOT_STEPS = 8, /* between two looks at the prefetches that are due */
	LINE_BYTES = 64,
};

/* Lines of the next strip's panels that one block of rows asks for. */
struct dot_ahead {
	const unsigned char *line; /* in the first panel; NULL for none */
	size_t panel_stride;
	size_t left;      /* lines a panel */
	size_t each_time; /* lines a panel and DOT_STEPS steps */
};

static ALWAYS_INLINE void dot_look_ahead(struct dot_ahead *ahead, const int vecs)
{
	if (ahead->line == NULL)
		return;
	size_t lines = ahead->left < ahead->each_time ? ahead->left : ahead->each_time;
	for (size_t j = 0; j < lines; j++, ahead->line += LINE_BYTES) {
		vec_prefetch(ahead->line);
		if (vecs > PANEL_VECS)
			vec_prefetch(ahead->line + ahead->panel_stride);
	}
	ahead->left -= lines;
}

/* The share of block b of `blocks`, which takes `steps` steps. */
static ALWAYS_INLINE struct dot_ahead dot_share(const unsigned char *ahead, size_t panel_stride,
						size_t b, size_t blocks, size_t steps)
{
	size_t lines = panel_stride / LINE_BYTES, first = lines * b / blocks;
	size_t looks = (steps + DOT_STEPS - 1) / DOT_STEPS;

	if (ahead == NULL)
		return (struct dot_ahead){0};
	size_t left = lines * (b + 1) / blocks - first;
	return (struct dot_ahead){
		.line = ahead + first * LINE_BYTES,
		.panel_stride = panel_stride,
		.left = left,
		.each_time = (left + looks - 1) / looks,
	};
}

static ALWAYS_INLINE const unsigned char *dot_row(const struct packed_strip *s, size_t r)
{
	return (const unsigned char *)s->rows + r * s->row_stride;
}

#endif
