/*
 * Places of a pool of fixed size, as numbers: taken, given back, taken again. What is
 * in them is the pool's own. Numbers, not pointers, so a pool is copied as blocks of
 * memory, of which only the first `used` places were ever in use.
 */
#ifndef HEARD_DECODE_SLOTS_H
#define HEARD_DECODE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX

struct slots {
	uint32_t *next; /* owned, [capacity]: the chain of given back ones */
	uint32_t capacity;
	uint32_t free; /* its first; SLOT_NONE */
	uint32_t used; /* from here on none was ever taken */
	uint32_t left; /* that may be taken */
};

/* All are free. 0 or -ENOMEM; slots_finish in any case. */
int slots_init(struct slots *slots, size_t capacity);
void slots_finish(struct slots *slots);
void slots_reset(struct slots *slots); /* all are free again */
/* Of the same capacity. */
void slots_copy(struct slots *to, const struct slots *from);

/* SLOT_NONE: none is left. */
static inline uint32_t slots_take(struct slots *slots)
{
	uint32_t slot = slots->free;

	if (slots->left == 0)
		return SLOT_NONE;
	slots->left--;
	if (slot == SLOT_NONE)
		return slots->used++;
	slots->free = slots->next[slot];
	return slot;
}

static inline void slots_give(struct slots *slots, uint32_t slot)
{
	slots->next[slot] = slots->free;
	slots->free = slot;
	slots->left++;
}

#endif
