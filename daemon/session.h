/*
 * One client: its state between events. session.c moves its bytes and keeps its
 * life, session_event.c acts on its events.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_SESSION_H
#define HEARD_DAEMON_SESSION_H

#include "daemon/caption.h"
#include "daemon/compile.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/decoding.h"
#include "daemon/push.h"
#include "protocol/error.h"
#include "protocol/framing.h"
#include "protocol/message.h"

enum { SESSION_NAME_BYTES = 96 };

struct session {
	struct session *next, *previous; /* server's list */
	struct daemon *daemon;
	uint64_t id;
	char name[SESSION_NAME_BYTES]; /* for logs */
	bool local;                    /* unix socket or stdio */
	bool privileged;               /* may change the daemon: root or its own user */
	struct connection connection;
	struct framing *framing; /* owned */

	/* input */
	struct message held; /* an event that has to wait */
	bool holding;
	size_t payload;  /* bytes in front that framing has passed on already */
	bool peer_ended; /* it sends no more */
	bool leaving;    /* an error was sent, or it is closing */
	bool in_take;

	/* options */
	bool heard;                     /* opted in */
	struct session_options base;    /* heard-set */
	struct session_options request; /* transcribe, for the next stream */
	bool request_heard;
	char *request_context; /* owned */

	/* the stream it pushes */
	struct push *push;
	bool push_failed; /* the rest of its audio is dropped */
	bool cancelled;   /* audio up to the next audio-start is dropped */
	uint64_t stream;
	char language[SESSION_LANGUAGE_BYTES];
	char *context; /* owned */

	/* keywords */
	bool detecting;              /* detect came, and no transcribe after it */
	struct string_list keywords; /* wanted; empty: any */
	char *detect_context;        /* owned */
	bool detected;               /* in the stream that is pushed */

	/* how text is searched for; its options are in base and request */
	struct hotwords *base_hotwords;            /* held; NULL: the settings' */
	struct hotwords *request_hotwords;         /* held; NULL: those of base */
	struct decoding_commands base_commands;    /* not given: the settings' */
	struct decoding_commands request_commands; /* not given: those of base */
	struct compile *compile;                   /* owned; of the held message */

	/* the daemon's source */
	bool subscriber;
	uint64_t view;   /* of its own; 0: it has the common one */
	bool view_known; /* there is one from utterance view_from on */
	uint64_t view_from;
	struct caption caption; /* where subscriber */
};

/* Both create the session and put it into the server's list. */
void session_accept(struct daemon *daemon, uv_stream_t *listener);
void session_stdio(struct daemon *daemon);

/* Prints and queues. Drops a client that is too slow. */
void session_send(struct session *session, const struct message *message, enum outqueue_kind kind);
/* Sends an error; text NULL: the code's own. Closes where the protocol says so. */
void session_fail(struct session *session, enum protocol_error error, const char *text);
/* The same for the end of the daemon: because it was told to, or has no model. */
void session_dismiss(struct session *session);
/* Goes on with what had to wait. */
void session_resume(struct session *session);

/* The daemon leaves: no more input, the open stream ends. */
void session_stop(struct session *session);
/* What is committed is sent as the final, then the connection ends. */
void session_abandon(struct session *session);
/* Nothing is awaited: the connection may end. */
bool session_idle(const struct session *session);
void session_close(struct session *session);
/* A pushed stream that stood still for too long. */
void session_check_idle(struct session *session, uint64_t now_ms);

/* session_wake.c */
void session_handle_detect(struct session *session, const struct message_detect *detect);
/* A stream to be searched for keywords instead of being transcribed. */
int session_wake_start(struct session *session, const struct message_audio *format,
		       const struct push_owner *owner);
void session_detection(struct session *session, const char *name, double confidence,
		       struct message_stamp stamp);
/* The pushed stream is over. */
void session_wake_done(struct session *session);

/* session_search.c. Takes what a message asks for: 0, -EAGAIN (not now, nothing was taken), or
 * -EINVAL (an error was sent, nothing was taken). request: it is for the next stream. Options are
 * merged by the caller. What takes long is done on a worker: -EAGAIN until then, for a message
 * that is session.held. */
int session_take_search(struct session *session, const struct session_options *options,
			const struct message_hotwords *hotwords,
			const struct message_grammar *grammar, bool request);
/* The plan in force; one reference, for the caller. The model is loaded. */
struct decode_plan *session_plan(const struct session *session);
/* Adds what it does to options. */
void session_fill_search(const struct session *session, struct session_options *options);
/* Puts the plan in force for what is open: from the next utterance on. */
void session_apply_search(struct session *session);
/* The source has a stream: opens the session's view of it, where it has one. */
void session_open_view(struct session *session);
/* A result of the source is for this subscriber. */
bool session_sees(const struct session *session, const struct result *result);
/* What transcribe chose was for the stream that has begun. */
void session_end_request(struct session *session);
void session_drop_search(struct session *session);

/* session_event.c. 0, or -EAGAIN: not now, keep the event. */
int session_handle(struct session *session, const struct message *message);
/* Options in force for a stream or subscription. */
void session_options_now(const struct session *session, struct session_options *out);
/* A language that we advertise is right even where the model names none; of
 * "en-US" the "en" will do. */
void session_choose_language(const struct daemon *daemon, const char *wanted,
			     struct engine_params *params);

#endif
