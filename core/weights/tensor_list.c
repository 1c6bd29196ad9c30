#include "core/weights/tensor_list.h"

#include "core/base/log.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tensor_list_add(struct tensor_list *list, const struct tensor *tensor, const char *name,
		    size_t length)
{
	if (length > TENSOR_NAME_MAX || memchr(name, '\0', length) || !utf8_valid(name, length)) {
		log_error("%s: a tensor name of %zu bytes is too long or no text: '%.*s'",
			  tensor->file, length, length < 40 ? (int)length : 40, name);
		return -EINVAL;
	}
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 256;
		struct tensor *items = realloc(list->items, capacity * sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	char *copy = malloc(length + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, name, length);
	copy[length] = '\0';
	list->items[list->n] = *tensor;
	list->items[list->n].name = copy;
	list->n++;
	return 0;
}

void tensor_list_finish(struct tensor_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free((char *)list->items[i].name);
	free(list->items);
	*list = (struct tensor_list){0};
}
