#include "daemon/session.h"

#include "core/base/log.h"
#include "daemon/live.h"
#include "daemon/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- output ---- */

static void leave(struct session *session)
{
	session->leaving = true;
	connection_finish(&session->connection);
}

static void too_slow(struct session *session)
{
	struct message message = {.kind = MESSAGE_ERROR};
	char *bytes;
	size_t n;

	log_warn("%s: dropped, it does not read: %zu bytes are waiting", session->name,
		 session->connection.queue.bytes);
	session->daemon->counters.dropped_clients++;
	session->leaving = true;
	message.error.text = protocol_error_text(PROTOCOL_TOO_SLOW);
	message.error.code = protocol_error_name(PROTOCOL_TOO_SLOW);
	/* Past the cap already: the queue keeps it all the same, and the client
	 * gets the grace time to read up to it. */
	if (message_print(&message, 0, &bytes, &n) == 0)
		connection_send(&session->connection, OUTQUEUE_KEEP, bytes, n);
	connection_finish(&session->connection);
}

void session_send(struct session *session, const struct message *message, enum outqueue_kind kind)
{
	char *bytes;
	size_t n;

	if (session->leaving)
		return;
	int err = message_print(message, 0, &bytes, &n);
	if (err == 0)
		err = connection_send(&session->connection, kind, bytes, n);
	if (err == -ENOBUFS) {
		too_slow(session);
	} else if (err == -ENOMEM) {
		log_error("%s: dropped: out of memory", session->name);
		session_close(session);
	}
}

void session_fail(struct session *session, enum protocol_error error, const char *text)
{
	struct message message = {.kind = MESSAGE_ERROR};

	if (session->leaving)
		return;
	message.error.text = text ? text : protocol_error_text(error);
	message.error.code = protocol_error_name(error);
	session_send(session, &message, OUTQUEUE_KEEP);
	/* Home Assistant before 2026.5 does not read errors, but sees the end. */
	bool closes = protocol_error_fatal(error) || !session->heard;
	log_info("%s: %s: %s%s", session->name, message.error.code, message.error.text,
		 closes ? ", closed" : "");
	if (!closes || session->leaving)
		return;
	if (error != PROTOCOL_SHUTDOWN && error != PROTOCOL_NOT_READY)
		session->daemon->counters.dropped_clients++;
	leave(session);
}

void session_dismiss(struct session *session)
{
	bool failed = session->daemon->exit_code == EXIT_MODEL;

	session_fail(session, failed ? PROTOCOL_NOT_READY : PROTOCOL_SHUTDOWN, NULL);
}

/* ---- input ---- */

/* Nothing more can come of a peer that has sent its last byte, unless it waits
 * for something. */
static void settle(struct session *session)
{
	if (!session->peer_ended || session->holding || session->leaving)
		return;
	if (session->push && !push_stopped(session->push)) {
		log_info("%s: hung up in the middle of a stream", session->name);
		session_close(session);
	} else if (!session->push && !session->subscriber) {
		leave(session);
	}
}

static void handle_item(struct session *session, const struct framing_item *item)
{
	struct problem problem = {0};
	int err = message_parse(item->type, item->data, &session->held, &problem);

	framing_release(session->framing);
	if (err == -ENOMEM) {
		session_fail(session, PROTOCOL_INTERNAL, "out of memory");
	} else if (err < 0) {
		session_fail(session, PROTOCOL_BAD_FIELD, problem.text);
	} else if (session_handle(session, &session->held) == -EAGAIN) {
		session->holding = true;
	} else {
		message_finish(&session->held);
	}
}

/* False: not now. */
static bool retry_held(struct session *session)
{
	if (!session->holding)
		return true;
	if (session_handle(session, &session->held) == -EAGAIN)
		return false;
	session->holding = false;
	message_finish(&session->held);
	return true;
}

static size_t take_payload(struct session *session, const unsigned char *bytes, size_t n)
{
	if (session->push && !push_stopped(session->push))
		return push_bytes(session->push, bytes, n);
	return n;
}

static size_t take(void *ctx, const unsigned char *bytes, size_t n)
{
	struct session *session = ctx;
	struct framing_item item;
	size_t done = 0;

	if (session->in_take)
		return 0;
	session->in_take = true;
	while (!session->leaving && retry_held(session)) {
		size_t left = n - done;

		if (left == 0)
			break;
		if (session->payload > 0) {
			size_t piece = session->payload < left ? session->payload : left;
			size_t taken = take_payload(session, bytes + done, piece);

			session->payload -= taken;
			done += taken;
			if (taken < piece)
				break;
			continue;
		}
		ssize_t used = framing_take(session->framing, bytes + done, left, &item);
		if (used < 0) {
			session_fail(session, framing_error(session->framing),
				     framing_error_text(session->framing));
			break;
		}
		if (item.kind == FRAMING_PAYLOAD) {
			session->payload = item.payload_length;
			continue;
		}
		done += (size_t)used;
		if (item.kind == FRAMING_EVENT)
			handle_item(session, &item);
	}
	session->in_take = false;
	settle(session);
	return done;
}

static void on_end(void *ctx)
{
	struct session *session = ctx;

	session->peer_ended = true;
	if (!framing_idle(session->framing))
		log_info("%s: hung up in the middle of an event", session->name);
	settle(session);
}

void session_resume(struct session *session)
{
	if (session->leaving || session->in_take)
		return;
	take(session, NULL, 0);
	if (!session->leaving)
		connection_resume(&session->connection);
}

/* ---- life ---- */

static void on_closed(void *ctx)
{
	struct session *session = ctx;

	session->daemon->counters.dropped_partials += session->connection.queue.superseded;
	server_remove(session->daemon->server, session);
	live_update_wake(session->daemon->live);
	push_destroy(session->push);
	session_drop_search(session);
	if (session->subscriber)
		caption_finish(&session->caption);
	if (session->compile)
		compile_abandon(session->compile, &session->held);
	else if (session->holding)
		message_finish(&session->held);
	framing_destroy(session->framing);
	string_list_clear(&session->keywords);
	free(session->detect_context);
	free(session->request_context);
	free(session->context);
	log_debug("%s: gone", session->name);
	free(session);
}

void session_close(struct session *session)
{
	session->leaving = true;
	connection_close(&session->connection);
}

static struct session *make(struct daemon *daemon)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session || framing_create(NULL, &session->framing) < 0) {
		log_error("client refused: out of memory");
		free(session);
		return NULL;
	}
	session->daemon = daemon;
	session->id = ++daemon->counters.clients;
	server_add(daemon->server, session);
	return session;
}

static void identify(struct session *session)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uv_os_fd_t fd;

	if (session->connection.in.handle.type == UV_TCP) {
		struct sockaddr_storage name;
		int length = sizeof(name);
		char text[64] = "?";

		uv_tcp_getpeername(&session->connection.in.tcp, (struct sockaddr *)&name, &length);
		if (name.ss_family == AF_INET6)
			uv_ip6_name((struct sockaddr_in6 *)&name, text, sizeof(text));
		else if (name.ss_family == AF_INET)
			uv_ip4_name((struct sockaddr_in *)&name, text, sizeof(text));
		snprintf(session->name, sizeof(session->name), "client %llu (%s)",
			 (unsigned long long)session->id, text);
	} else if (uv_fileno(&session->connection.in.handle, &fd) == 0 &&
		   getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
		session->local = true;
		session->privileged = peer.uid == 0 || peer.uid == geteuid();
		snprintf(session->name, sizeof(session->name), "client %llu (pid %ld, uid %ld)",
			 (unsigned long long)session->id, (long)peer.pid, (long)peer.uid);
	} else {
		snprintf(session->name, sizeof(session->name), "client %llu",
			 (unsigned long long)session->id);
	}
}

void session_accept(struct daemon *daemon, uv_stream_t *listener)
{
	struct session *session = make(daemon);

	if (!session)
		return;
	struct connection_owner owner = {take, on_end, on_closed, session};
	connection_accept(&session->connection, listener, &owner);
	if (session->connection.closing)
		return;
	identify(session);
	log_info("%s: connected", session->name);
	if (daemon->stopping)
		session_dismiss(session);
	else if (server_count(daemon->server) > (size_t)daemon->settings.max_clients)
		session_fail(session, PROTOCOL_TOO_MANY_CLIENTS, NULL);
}

void session_stdio(struct daemon *daemon)
{
	struct session *session = make(daemon);

	if (!session)
		return;
	struct connection_owner owner = {take, on_end, on_closed, session};
	session->local = session->privileged = true;
	snprintf(session->name, sizeof(session->name), "client %llu (stdio)",
		 (unsigned long long)session->id);
	connection_stdio(&session->connection, daemon->loop, &owner);
}

/* ---- the end of the daemon ---- */

bool session_idle(const struct session *session)
{
	return !session->push || session->push_failed;
}

void session_stop(struct session *session)
{
	if (session->leaving)
		return;
	/* What was read counts, what was not does not. */
	session->peer_ended = true;
	if (session->push && !session->push_failed)
		push_stop(session->push);
	else if (!session->subscriber)
		session_dismiss(session);
}

void session_abandon(struct session *session)
{
	if (session->push && !session->push_failed)
		push_abandon(session->push);
	session_dismiss(session);
}

void session_check_idle(struct session *session, uint64_t now_ms)
{
	if (session->push && !session->push_failed && !push_stopped(session->push) &&
	    !session->payload &&
	    now_ms - push_last_ms(session->push) > LIMIT_PUSH_IDLE_SECONDS * 1000)
		session_fail(session, PROTOCOL_TIMEOUT, NULL);
}
