/*
 * Messages as the events of the client library.
 */
#ifndef HEARD_PROTOCOL_EVENT_H
#define HEARD_PROTOCOL_EVENT_H

#include "protocol/heard.h"
#include "protocol/message.h"

/* Room for the lists of an event, grown as needed. Start with zeros. */
struct event_lists {
	struct heard_word *words;            /* owned */
	struct heard_slot *slots;            /* owned */
	struct heard_hypothesis *hypotheses; /* owned */
};

void event_lists_finish(struct event_lists *lists);

/* Fills in the event; its strings are the message's, its lists are in `lists` until the next
 * call. 0 or -ENOMEM. */
int event_from_message(const struct message *message, const char *type, struct event_lists *lists,
		       struct heard_event *event);

#endif
