/*
 * The source that the settings name: made, replaced after a reload, opened on a
 * worker (a device takes a second or two), and what clients are told of it.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_INPUT_H
#define HEARD_DAEMON_INPUT_H

#include "audio/source.h"
#include "daemon/daemon.h"
#include "protocol/message.h"

#include <stdbool.h>

enum { INPUT_REASON_BYTES = 256 };

enum input_state { INPUT_SEARCHING, INPUT_OPEN, INPUT_LOST, INPUT_ENDED, INPUT_NONE };

struct input_owner {
	/* The worker is done; `failed`: for the first time, or for another reason
	 * than before, which clients are to be told. */
	void (*opened)(void *ctx, bool failed);
	void *ctx;
};

struct input {
	struct daemon *daemon; /* borrowed */
	struct input_owner owner;
	struct source *source; /* owned; NULL: none */
	struct source *stale;  /* owned: replaced, to be destroyed on the worker */
	uv_work_t work;
	bool working; /* the worker has `source` and `stale` */
	int result;   /* of the worker */

	/* what `source` was made of */
	char *spec, *device; /* owned */
	int device_rate, device_channels;
	bool loop;

	enum input_state state;
	struct source_format format; /* while OPEN */
	char reason[INPUT_REASON_BYTES];
};

void input_init(struct input *input, struct daemon *daemon, const struct input_owner *owner);
/* No worker runs any more. */
void input_finish(struct input *input);

/* The settings name a source. */
bool input_exists(const struct input *input);

/* They name another one than `source` was made of. */
bool input_differs(const struct input *input);
/* Replaces it, closed yet; `rate` in Hz is the model's. Not while a worker runs.
 * A negative errno where it cannot be made. */
int input_replace(struct input *input, unsigned rate);

/* Sends the worker where there is something to open or to let go. `wanted`: the
 * source is still listened to. True while a worker runs. */
bool input_attend(struct input *input, bool wanted);

/* Takes the next event, and the state it brings. False: none for now. */
bool input_next(struct input *input, struct source_event *event);

void input_log_opened(struct input *input);

/* Fill all but stamp and gap; strings are valid until the loop goes on. */
void input_describe(struct input *input, struct message_device *device);
void input_fill_status(struct input *input, struct message_status *status);

#endif
