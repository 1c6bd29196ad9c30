#include "core/decode/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int slots_init(struct slots *slots, size_t capacity)
{
	*slots = (struct slots){0};
	if (capacity >= SLOT_NONE)
		return -ENOMEM;
	slots->next = malloc(capacity * sizeof(*slots->next));
	if (slots->next == NULL)
		return -ENOMEM;
	slots->capacity = (uint32_t)capacity;
	slots_reset(slots);
	return 0;
}

void slots_finish(struct slots *slots)
{
	free(slots->next);
	slots->next = NULL;
}

void slots_reset(struct slots *slots)
{
	slots->free = SLOT_NONE;
	slots->used = 0;
	slots->left = slots->capacity;
}

void slots_copy(struct slots *to, const struct slots *from)
{
	memcpy(to->next, from->next, from->used * sizeof(*from->next));
	to->free = from->free;
	to->used = from->used;
	to->left = from->left;
}
