/* A list of hotwords as text. */
#ifndef HEARD_DECODE_HOTWORDS_LIST_H
#define HEARD_DECODE_HOTWORDS_LIST_H

#include "core/decode/hotwords.h"

struct hotwords_list {
	struct hotword *items; /* owned, [n]; phrases in `text` */
	size_t *lines;         /* owned, [n]: where each stands, from 1 */
	size_t n;
	char *text; /* owned */
};

/* Reads what hotwords_compile_text describes. 0, or *error filled in and -EINVAL, -E2BIG or
 * -ENOMEM; then there is nothing to finish. */
int hotwords_list_read(struct hotwords_list *list, const char *text, size_t size,
		       struct hotwords_error *error);
void hotwords_list_finish(struct hotwords_list *list);

#endif
