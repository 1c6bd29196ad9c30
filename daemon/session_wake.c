/*
 * Keywords for one client: in what it pushes, or in the daemon's own source
 * beside its captions.
 */
#include "daemon/live.h"
#include "daemon/session.h"
#include "daemon/wake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void session_handle_detect(struct session *session, const struct message_detect *detect)
{
	int err = 0;

	if (!wake_exists(session->daemon->wake)) {
		session_fail(session, PROTOCOL_NO_WAKE, NULL);
		return;
	}
	string_list_clear(&session->keywords);
	for (size_t i = 0; i < detect->n_names && err == 0; i++)
		err = string_list_add(&session->keywords, detect->names[i],
				      strlen(detect->names[i]));
	free(session->detect_context);
	session->detect_context = detect->context ? strdup(detect->context) : NULL;
	if (err < 0) {
		session_fail(session, PROTOCOL_INTERNAL, "out of memory");
		return;
	}
	session->detecting = true;
	live_update_wake(session->daemon->live);
}

int session_wake_start(struct session *session, const struct message_audio *format,
		       const struct push_owner *owner)
{
	struct caption_options caption = {.stream = session->stream};
	struct engine_params params;

	wake_params(session->daemon->wake, &params);
	session->detected = false;
	return push_create(session->daemon, &params, format, &caption, owner, &session->push);
}

void session_detection(struct session *session, const char *name, double confidence,
		       struct message_stamp stamp)
{
	struct message message = {.kind = MESSAGE_DETECTION};

	if (session->keywords.n > 0 && !string_list_has(&session->keywords, name))
		return;
	session->detected = true;
	message.detection = (struct message_detection){
		.name = name,
		.context = session->detect_context,
		.timestamp = {.given = true, .ms = llround(stamp.time * 1000)},
		.heard = session->heard,
		.stamp = stamp,
		.confidence = confidence,
	};
	session_send(session, &message, OUTQUEUE_KEEP);
}

void session_wake_done(struct session *session)
{
	struct message message = {.kind = MESSAGE_NOT_DETECTED};

	if (!push_is_wake(session->push) || session->detected)
		return;
	message.not_detected.context = session->detect_context;
	session_send(session, &message, OUTQUEUE_KEEP);
}
