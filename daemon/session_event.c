/*
 * What each event of a client does. A handler that cannot act yet (the model is
 * loading, the stream before is not done) returns -EAGAIN before it has changed
 * anything: session.c keeps the event and reads no further.
 */
#include "core/base/log.h"
#include "daemon/decoding.h"
#include "daemon/devices.h"
#include "daemon/info.h"
#include "daemon/live.h"
#include "daemon/model.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/shutdown.h"
#include "daemon/status.h"
#include "daemon/wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What only takes effect with the next stream, and not at all for the daemon's
 * own source: that belongs to its configuration. */
enum {
	STREAM_OPTIONS = SESSION_LANGUAGE | SESSION_FINAL | SESSION_ENDPOINT |
			 SESSION_SILENCE_NO_TEXT | SESSION_SILENCE_TEXT | SESSION_MAX_LENGTH,
	VIEW_OPTIONS = SESSION_PARTIALS | SESSION_PARTIAL_INTERVAL | SESSION_WORDS,
};

/* ---- options ---- */

static void default_options(const struct daemon *daemon, struct session_options *out)
{
	const struct settings *settings = &daemon->settings;

	*out = (struct session_options){
		.given = VIEW_OPTIONS | STREAM_OPTIONS,
		.final = model_final_stream(daemon->model) ? SESSION_FINAL_STREAM
							   : SESSION_FINAL_OFFLINE,
		.partials = true,
		.partial_interval = settings->partial_interval,
		.silence_no_text = settings->endpoint_silence_no_text,
		.silence_text = settings->endpoint_silence_text,
		.max_length = LIMIT_UTTERANCE_SECONDS,
	};
}

void session_options_now(const struct session *session, struct session_options *out)
{
	default_options(session->daemon, out);
	session_options_merge(out, &session->base);
	session_options_merge(out, &session->request);
	if (out->max_length <= 0 || out->max_length > LIMIT_UTTERANCE_SECONDS)
		out->max_length = LIMIT_UTTERANCE_SECONDS;
}

void session_choose_language(const struct daemon *daemon, const char *wanted,
			     struct engine_params *params)
{
	size_t n, length = strcspn(wanted, "-_");
	const char *const *names = model_languages(daemon->model, &n);

	snprintf(params->language, sizeof(params->language), "%s", wanted);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], wanted) == 0) {
			params->language_given = true;
			return;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) == length && strncmp(names[i], wanted, length) == 0) {
			params->language[length] = '\0';
			params->language_given = true;
			return;
		}
	}
}

static void choose_params(const struct session *session, const struct session_options *options,
			  struct engine_params *params)
{
	const struct settings *settings = &session->daemon->settings;

	*params = (struct engine_params){
		.role = ENGINE_PUSHED,
		.context_given = settings->streaming_given,
		.left = settings->left,
		.chunk = settings->chunk,
		.right = settings->right,
		.final = options->final == SESSION_FINAL_STREAM ? FINAL_STREAM : FINAL_OFFLINE,
		.endpoints = options->endpoint,
	};
	if (options->endpoint)
		params->rules = (struct endpoint_rules){
			.silence_no_text = options->silence_no_text,
			.silence_text = options->silence_text,
			.max_length = options->max_length,
		};
	session_choose_language(session->daemon, options->language, params);
}

/* ---- pushed audio ---- */

static void push_send(void *ctx, const struct message *message, enum outqueue_kind kind)
{
	session_send(ctx, message, kind);
}

static void push_room(void *ctx)
{
	session_resume(ctx);
}

static void push_detection(void *ctx, const char *name, float confidence, int64_t clock)
{
	struct session *session = ctx;

	session_detection(session, name, (double)confidence,
			  message_stamp(session->stream, clock, wake_rate(session->daemon->wake)));
}

static void push_done(void *ctx)
{
	struct session *session = ctx;

	session_wake_done(session);
	push_destroy(session->push);
	session->push = NULL;
	if (session->daemon->stopping)
		session_dismiss(session);
	else
		session_resume(session);
	shutdown_check(session->daemon);
}

static void push_fail(void *ctx, enum protocol_error error, const char *text)
{
	struct session *session = ctx;

	/* It may be on the stack: destroyed with the next audio-start or -stop. */
	session->push_failed = true;
	session_fail(session, error, text);
}

static void drop_push(struct session *session)
{
	push_destroy(session->push);
	session->push = NULL;
	session->push_failed = false;
}

static void push_failed_to_start(struct session *session, int err)
{
	if (err == -EAGAIN)
		session_fail(session, PROTOCOL_OVERLOADED, "too many streams are open");
	else if (err == -EINVAL)
		session_fail(session, PROTOCOL_BAD_FORMAT, NULL);
	else if (err < 0)
		session_fail(session, PROTOCOL_INTERNAL, strerror(-err));
}

static int handle_audio_start(struct session *session, const struct message_audio *format)
{
	struct daemon *daemon = session->daemon;
	struct push_owner owner = {
		.send = push_send,
		.room = push_room,
		.detection = push_detection,
		.done = push_done,
		.failed = push_fail,
		.ctx = session,
	};
	struct session_options options;
	struct engine_params params;

	if (session->subscriber) {
		session_fail(session, PROTOCOL_BAD_ORDER, "audio-start: this client subscribes");
		return 0;
	}
	if (session->push && !session->push_failed && !push_stopped(session->push)) {
		session_fail(session, PROTOCOL_BAD_ORDER, "audio-start: a stream is open");
		return 0;
	}
	if ((session->push && !session->push_failed) ||
	    (session->detecting ? !wake_ready(daemon->wake) : !model_ready(daemon->model)))
		return -EAGAIN;
	if (engine_stats(daemon->engine)->overloaded) {
		session_fail(session, PROTOCOL_OVERLOADED, NULL);
		return 0;
	}
	drop_push(session);
	session->cancelled = false;
	session->stream = ++daemon->streams;
	if (session->detecting) {
		push_failed_to_start(session, session_wake_start(session, format, &owner));
		return 0;
	}
	session_options_now(session, &options);
	choose_params(session, &options, &params);
	strcpy(session->language, options.language);
	free(session->context);
	session->context = session->request_context;
	session->request_context = NULL;
	struct caption_options caption = {
		.stream = session->stream,
		.heard = session->heard || session->request_heard,
		.joined = !options.endpoint,
		.partials = options.partials,
		.words = options.words,
		.interval = options.partial_interval,
		.language = session->language[0] ? session->language : NULL,
		.context = session->context,
	};
	params.plan = session_plan(session);
	int err = push_create(daemon, &params, format, &caption, &owner, &session->push);
	decode_plan_release(params.plan);
	/* What transcribe chose was for this stream. */
	session->request.given = 0;
	session->request_heard = false;
	session_end_request(session);
	push_failed_to_start(session, err);
	return 0;
}

static void handle_audio_chunk(struct session *session, const struct message_audio *format)
{
	if (session->push_failed || session->cancelled)
		return;
	if (!session->push || push_stopped(session->push))
		session_fail(session, PROTOCOL_BAD_ORDER, "audio-chunk: no stream is open");
	else if (!push_same_format(session->push, format))
		session_fail(session, PROTOCOL_BAD_FORMAT, "audio-chunk: the format has changed");
}

static void handle_audio_stop(struct session *session)
{
	if (session->push_failed)
		drop_push(session);
	else if (session->cancelled)
		session->cancelled = false;
	else if (!session->push || push_stopped(session->push))
		session_fail(session, PROTOCOL_BAD_ORDER, "audio-stop: no stream is open");
	else
		push_stop(session->push);
}

static int handle_transcribe(struct session *session, const struct message_transcribe *transcribe)
{
	int err = session_take_search(session, &transcribe->options, &transcribe->hotwords,
				      &transcribe->grammar, true);

	if (err < 0)
		return err == -EAGAIN ? err : 0;
	/* A client wants one or the other of what it pushes. */
	if (!session->subscriber)
		session->detecting = false;
	session->request = transcribe->options;
	session->request_heard = transcribe->heard;
	free(session->request_context);
	session->request_context = transcribe->context ? strdup(transcribe->context) : NULL;
	return 0;
}

/* The stream that flush and reset are about; NULL: an error was sent. */
static struct push *open_push(struct session *session, const char *what)
{
	if (session->push && !session->push_failed && !push_stopped(session->push))
		return session->push;
	session_fail(session, PROTOCOL_BAD_ORDER, what);
	return NULL;
}

static int handle_flush(struct session *session)
{
	struct push *push = open_push(session, "heard-flush: no stream is open");

	return push && !push_flush(push) ? -EAGAIN : 0;
}

static int handle_reset(struct session *session, const struct message_reset *reset)
{
	struct push *push = open_push(session, "heard-reset: no stream is open");

	return push && !push_reset(push, reset->full) ? -EAGAIN : 0;
}

static void handle_cancel(struct session *session)
{
	if (!session->push)
		return;
	session->cancelled = !session->push_failed && !push_stopped(session->push);
	drop_push(session);
}

/* ---- the daemon's own source ---- */

static bool refuse_stream_options(struct session *session, unsigned given)
{
	if (!(given & STREAM_OPTIONS))
		return false;
	session_fail(session, PROTOCOL_BAD_FIELD,
		     "language, final and endpoint of the daemon's source are its configuration");
	return true;
}

static void set_view(struct session *session)
{
	struct session_options options;

	session_options_now(session, &options);
	if (session->subscriber) {
		session->caption.options.partials = options.partials;
		session->caption.options.words = options.words;
		session->caption.options.interval = options.partial_interval;
	}
	if (session->push)
		push_set_view(session->push, options.partials, options.words,
			      options.partial_interval);
}

static int handle_subscribe(struct session *session, const struct message_set *set)
{
	struct caption_options caption = {.heard = true};
	struct message message;

	session->heard = true;
	if (session->push) {
		session_fail(session, PROTOCOL_BAD_ORDER, "heard-subscribe: a stream is open");
		return 0;
	}
	if (!live_exists(session->daemon->live)) {
		session_fail(session, PROTOCOL_NO_SOURCE, NULL);
		return 0;
	}
	if (refuse_stream_options(session, set->options.given))
		return 0;
	int err = session_take_search(session, &set->options, &set->hotwords, &set->grammar, false);
	if (err < 0)
		return err == -EAGAIN ? err : 0;
	session->base = set->options;
	if (!session->subscriber) {
		caption_init(&session->caption, &caption, push_send, session);
		session->subscriber = true;
		live_joined(session->daemon->live, &session->caption);
		live_update_wake(session->daemon->live);
	}
	set_view(session);
	session_apply_search(session);
	live_describe(session->daemon->live, &message);
	session_send(session, &message, OUTQUEUE_KEEP);
	if (live_lag(session->daemon->live, &message))
		session_send(session, &message, OUTQUEUE_KEEP);
	return 0;
}

/* ---- options and orders ---- */

/* False: an error was sent. */
static bool obey(struct session *session, const struct message_set *set)
{
	struct daemon *daemon = session->daemon;

	if (!set->device && !set->model && !set->reload)
		return true;
	if (!session->privileged) {
		session_fail(session, PROTOCOL_NOT_PERMITTED, NULL);
		return false;
	}
	const char *reason = reload_order(daemon, set->model, set->device, set->reload);
	if (reason)
		session_fail(session, PROTOCOL_BAD_FIELD, reason);
	return !reason;
}

static int handle_set(struct session *session, const struct message_set *set)
{
	struct message answer = {.kind = MESSAGE_SET};

	session->heard = true;
	if (session->subscriber && refuse_stream_options(session, set->options.given))
		return 0;
	int err = session_take_search(session, &set->options, &set->hotwords, &set->grammar, false);
	if (err < 0)
		return err == -EAGAIN ? err : 0;
	if (!obey(session, set))
		return 0;
	session_options_merge(&session->base, &set->options);
	session->request.given &= ~(set->options.given & VIEW_OPTIONS);
	set_view(session);
	if (set->hotwords.given || set->grammar.given || (set->options.given & DECODING_OPTIONS))
		session_apply_search(session);

	session_options_now(session, &answer.set.options);
	session_fill_search(session, &answer.set.options);
	answer.set.stamped = true;
	if (session->push)
		answer.set.stamp = push_stamp(session->push);
	else
		answer.set.stamp = live_stamp(session->daemon->live);
	session_send(session, &answer, OUTQUEUE_KEEP);
	return 0;
}

static void handle_hello(struct session *session, const struct message_hello *hello)
{
	/* The last one only where there is a keyword model. */
	static const char *const capabilities[] = {"transcribe", "subscribe", "f32",   "endpoint",
						   "hotwords",   "grammar",   "nbest", "wake"};
	struct daemon *daemon = session->daemon;
	struct message answer = {.kind = MESSAGE_WELCOME};

	session->heard = true;
	if (hello->client)
		log_debug("%s: is %.80s", session->name, hello->client);
	answer.welcome = (struct message_welcome){
		.stamp = live_stamp(daemon->live),
		.version = HEARD_VERSION,
		.capabilities = capabilities,
		.n_capabilities =
			sizeof(capabilities) / sizeof(capabilities[0]) - !wake_exists(daemon->wake),
		.ready = model_ready(daemon->model),
		.model = model_name(daemon->model),
		.rate = model_rate(daemon->model),
		.line_limit = FRAMING_LINE_LIMIT,
		.data_limit = FRAMING_DATA_LIMIT,
		.payload_limit = FRAMING_PAYLOAD_LIMIT,
	};
	session_send(session, &answer, OUTQUEUE_KEEP);
}

static void handle_ping(struct session *session, const struct message *message)
{
	struct message answer = {.kind = MESSAGE_PONG, .text = message->text};

	session_send(session, &answer, OUTQUEUE_KEEP);
}

static void handle_status(struct session *session)
{
	struct message answer;

	session->heard = true;
	status_fill(session->daemon, &answer);
	session_send(session, &answer, OUTQUEUE_KEEP);
}

int session_handle(struct session *session, const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_DESCRIBE:
		info_send(session);
		return 0;
	case MESSAGE_TRANSCRIBE:
		return handle_transcribe(session, &message->transcribe);
	case MESSAGE_AUDIO_START:
		return handle_audio_start(session, &message->audio);
	case MESSAGE_AUDIO_CHUNK:
		handle_audio_chunk(session, &message->audio);
		return 0;
	case MESSAGE_AUDIO_STOP:
		handle_audio_stop(session);
		return 0;
	case MESSAGE_DETECT:
		session_handle_detect(session, &message->detect);
		return 0;
	case MESSAGE_PING:
		handle_ping(session, message);
		return 0;
	case MESSAGE_HELLO:
		handle_hello(session, &message->hello);
		return 0;
	case MESSAGE_SUBSCRIBE:
		return handle_subscribe(session, &message->set);
	case MESSAGE_SET:
		return handle_set(session, &message->set);
	case MESSAGE_FLUSH:
		return handle_flush(session);
	case MESSAGE_RESET:
		return handle_reset(session, &message->reset);
	case MESSAGE_CANCEL:
		handle_cancel(session);
		return 0;
	case MESSAGE_STATUS:
		handle_status(session);
		return 0;
	case MESSAGE_DEVICE:
		session->heard = true;
		devices_send(session);
		return 0;
	default:
		/* Events for peers, and those of later versions. */
		return 0;
	}
}
