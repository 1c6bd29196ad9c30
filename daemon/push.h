/*
 * One stream of audio that a client pushes: bytes to mono samples at the
 * model's rate to the engine, results to events. Bounded: what the engine does
 * not take yet stops the reading of the client's socket.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_PUSH_H
#define HEARD_DAEMON_PUSH_H

#include "daemon/caption.h"
#include "daemon/daemon.h"
#include "protocol/error.h"

#include <stdbool.h>
#include <stddef.h>

struct push;

struct push_owner {
	void (*send)(void *ctx, const struct message *message, enum outqueue_kind kind);
	/* push_bytes takes more now. */
	void (*room)(void *ctx);
	/* WAKE: a keyword was heard, in the window that ends at `clock`. */
	void (*detection)(void *ctx, const char *name, float confidence, int64_t clock);
	/* The transcript was sent; the push may be destroyed in this call. */
	void (*done)(void *ctx);
	/* The stream failed; it takes and drops everything until it is destroyed. */
	void (*failed)(void *ctx, enum protocol_error error, const char *text);
	void *ctx;
};

/* The model that the role needs is loaded. Returns 0, -EINVAL (format), -EAGAIN (too many streams)
 * or -ENOMEM. */
int push_create(struct daemon *daemon, const struct engine_params *params,
		const struct message_audio *format, const struct caption_options *caption,
		const struct push_owner *owner, struct push **out);
/* At any time; no further calls. NULL is allowed. */
void push_destroy(struct push *push);

/* Takes bytes from the front and returns how many; fewer: `room` follows. */
size_t push_bytes(struct push *push, const unsigned char *bytes, size_t n);
/* audio-stop: `done` follows. */
void push_stop(struct push *push);
bool push_stopped(const struct push *push);
/* heard-flush. False: not now, `room` follows. */
bool push_flush(struct push *push);
/* heard-reset: the utterance in progress is thrown away, clock and numbers go
 * on. False: not now, `room` follows. */
bool push_reset(struct push *push, bool full);
/* Shutdown: sends what is committed. */
void push_abandon(struct push *push);

/* How text is searched for from the next utterance on; held. */
void push_set_plan(struct push *push, struct decode_plan *plan);
void push_set_view(struct push *push, bool partials, bool words, double interval);
/* The same format as at the start. */
bool push_same_format(const struct push *push, const struct message_audio *format);
/* It is searched for keywords. */
bool push_is_wake(const struct push *push);
/* Where the stream is. */
struct message_stamp push_stamp(const struct push *push);
/* uv_now of the last bytes. */
uint64_t push_last_ms(const struct push *push);

#endif
