#include "daemon/outqueue.h"

#include <errno.h>
#include <stdlib.h>

void outqueue_init(struct outqueue *queue, size_t cap)
{
	*queue = (struct outqueue){.cap = cap};
	queue->last = &queue->first;
}

void outqueue_finish(struct outqueue *queue)
{
	struct outqueue_item *item;

	if (!queue->last)
		return;
	while ((item = outqueue_pop(queue)))
		outqueue_release(queue, item);
}

static void drop_partial(struct outqueue *queue)
{
	struct outqueue_item **link = &queue->first;

	while (*link && (*link)->kind != OUTQUEUE_PARTIAL)
		link = &(*link)->next;

	struct outqueue_item *item = *link;
	if (!item)
		return;
	*link = item->next;
	if (!item->next)
		queue->last = link;
	queue->superseded++;
	outqueue_release(queue, item);
}

int outqueue_push(struct outqueue *queue, enum outqueue_kind kind, char *bytes, size_t n)
{
	struct outqueue_item *item = malloc(sizeof(*item));

	if (!item) {
		free(bytes);
		return -ENOMEM;
	}
	/* Never more than one partial is queued, so one drop is enough. */
	if (kind != OUTQUEUE_KEEP)
		drop_partial(queue);

	*item = (struct outqueue_item){.kind = kind, .bytes = bytes, .n = n};
	*queue->last = item;
	queue->last = &item->next;
	queue->bytes += n;
	if (queue->bytes > queue->cap) {
		/* Under pressure a partial goes first, be it this one. */
		drop_partial(queue);
	}
	return queue->bytes > queue->cap ? -ENOBUFS : 0;
}

struct outqueue_item *outqueue_pop(struct outqueue *queue)
{
	struct outqueue_item *item = queue->first;

	if (!item)
		return NULL;
	queue->first = item->next;
	if (!queue->first)
		queue->last = &queue->first;
	item->next = NULL;
	return item;
}

void outqueue_release(struct outqueue *queue, struct outqueue_item *item)
{
	queue->bytes -= item->n;
	free(item->bytes);
	free(item);
}
