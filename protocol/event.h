/*
 * Messages as the events of the client library.
 */
#ifndef HEARD_PROTOCOL_EVENT_H
#define HEARD_PROTOCOL_EVENT_H

#include "protocol/heard.h"
#include "protocol/message.h"

/* Fills in the event; its strings are the message's. `words` is its storage for
 * words, owned by the caller (free), grown here. 0 or -ENOMEM. */
int event_from_message(const struct message *message, const char *type, struct heard_word **words,
		       struct heard_event *event);

#endif
