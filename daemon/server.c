#include "daemon/server.h"

#include "core/base/log.h"
#include "daemon/limits.h"
#include "daemon/listener.h"
#include "daemon/notify.h"
#include "daemon/session.h"
#include "daemon/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_IDLE_CHECK_MS = 10000 };

struct server {
	struct daemon *daemon;
	struct listener *listeners[LIMIT_LISTENERS];
	size_t n_listeners;
	uv_timer_t idle;
	bool idle_open;
	bool stdio_only; /* when that client goes, so do we */
	struct session *sessions;
	size_t n_sessions;
};

static void on_idle_check(uv_timer_t *timer)
{
	struct server *server = timer->data;
	struct session *next;

	for (struct session *session = server->sessions; session; session = next) {
		next = session->next;
		session_check_idle(session, uv_now(timer->loop));
	}
}

int server_create(struct daemon *daemon, struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->daemon = daemon;
	uv_timer_init(daemon->loop, &server->idle);
	server->idle.data = server;
	server->idle_open = true;
	uv_timer_start(&server->idle, on_idle_check, SERVER_IDLE_CHECK_MS, SERVER_IDLE_CHECK_MS);
	*out = server;
	return 0;
}

void server_destroy(struct server *server)
{
	free(server);
}

/* ---- listening ---- */

static void on_connection(uv_stream_t *stream, int status)
{
	struct server *server = stream->data;

	if (status < 0)
		log_error("accept: %s", uv_strerror(status));
	else
		session_accept(server->daemon, stream);
}

static int adopt(struct server *server, int n, const struct listener_options *options)
{
	for (int i = 0; i < n; i++) {
		if (server->n_listeners == LIMIT_LISTENERS) {
			log_error("more than %d sockets were passed", LIMIT_LISTENERS);
			return -E2BIG;
		}
		int err = listener_adopt(server->daemon->loop, NOTIFY_FIRST_FD + i, options,
					 &server->listeners[server->n_listeners]);
		if (err < 0)
			return err;
		server->n_listeners++;
	}
	return 0;
}

static int open_address(struct server *server, const struct address *address,
			const struct listener_options *options, bool *stdio)
{
	if (address->kind == ADDRESS_STDIO) {
		*stdio = true;
		return 0;
	}
	int err = listener_open(server->daemon->loop, address, options,
				&server->listeners[server->n_listeners]);
	if (err == 0)
		server->n_listeners++;
	return err;
}

int server_listen(struct server *server)
{
	const struct settings *settings = &server->daemon->settings;
	struct listener_options options = {
		.mode = settings->socket_mode,
		.group = settings->socket_group,
		.on_connection = on_connection,
		.ctx = server,
	};
	struct address address;
	const char *reason;
	bool stdio = false;
	int inherited = notify_listen_fds();
	int err = adopt(server, inherited, &options);

	for (size_t i = 0; err == 0 && inherited == 0 && i < settings->listen.n; i++) {
		err = address_parse(settings->listen.items[i], &address, &reason);
		if (err == 0)
			err = open_address(server, &address, &options, &stdio);
	}
	if (err == 0 && inherited == 0 && settings->listen.n == 0) {
		err = address_default(&address, &reason);
		if (err < 0)
			log_error("HEARD_SOCKET: %s", reason);
		else
			err = open_address(server, &address, &options, &stdio);
	}
	if (err == 0 && stdio) {
		server->stdio_only = server->n_listeners == 0;
		session_stdio(server->daemon);
	}
	return err;
}

static void on_idle_closed(uv_handle_t *handle)
{
	(void)handle;
}

void server_stop_listening(struct server *server)
{
	for (size_t i = 0; i < server->n_listeners; i++)
		listener_close(server->listeners[i]);
	server->n_listeners = 0;
	if (server->idle_open)
		uv_close((uv_handle_t *)&server->idle, on_idle_closed);
	server->idle_open = false;
}

/* ---- sessions ---- */

void server_add(struct server *server, struct session *session)
{
	session->next = server->sessions;
	session->previous = NULL;
	if (session->next)
		session->next->previous = session;
	server->sessions = session;
	server->n_sessions++;
}

void server_remove(struct server *server, struct session *session)
{
	if (session->previous)
		session->previous->next = session->next;
	else
		server->sessions = session->next;
	if (session->next)
		session->next->previous = session->previous;
	server->n_sessions--;
	if (server->stdio_only && server->n_sessions == 0)
		daemon_stop(server->daemon, EXIT_OK);
	shutdown_check(server->daemon);
}

size_t server_count(const struct server *server)
{
	return server->n_sessions;
}

struct session *server_first(const struct server *server)
{
	return server->sessions;
}

struct session *server_find(const struct server *server, uint64_t id)
{
	struct session *session = server->sessions;

	while (session && session->id != id)
		session = session->next;
	return session;
}

void server_resume(struct server *server)
{
	struct session *next;

	for (struct session *session = server->sessions; session; session = next) {
		next = session->next;
		session_resume(session);
	}
}

/* ---- subscribers ---- */

/* Sessions are freed by the loop, never while they are visited here. */
#define EACH_SUBSCRIBER(server, session)                                                     \
	for (struct session *session = (server)->sessions; session; session = session->next) \
		if (session->subscriber && !session->leaving)

void server_publish(struct server *server, const struct message *message)
{
	EACH_SUBSCRIBER(server, session)
	session_send(session, message, OUTQUEUE_KEEP);
}

void server_publish_result(struct server *server, const struct result *result, double latency)
{
	EACH_SUBSCRIBER(server, session)
	{
		if (session_sees(session, result) &&
		    caption_result(&session->caption, result, latency) < 0)
			session_fail(session, PROTOCOL_INTERNAL, "out of memory");
	}
}

void server_publish_view(struct server *server, uint64_t view, uint64_t utterance)
{
	EACH_SUBSCRIBER(server, session)
	{
		if (session->view != view || session->view_known)
			continue;
		session->view_known = true;
		session->view_from = utterance;
	}
}

size_t server_views(const struct server *server)
{
	size_t n = 0;

	for (const struct session *session = server->sessions; session; session = session->next)
		n += session->view != 0;
	return n;
}

void server_open_views(struct server *server)
{
	EACH_SUBSCRIBER(server, session)
	session_open_view(session);
}

void server_publish_detection(struct server *server, const char *name, double confidence,
			      struct message_stamp stamp)
{
	EACH_SUBSCRIBER(server, session)
	{
		if (session->detecting)
			session_detection(session, name, confidence, stamp);
	}
}

bool server_wants_keywords(const struct server *server)
{
	EACH_SUBSCRIBER(server, session)
	{
		if (session->detecting)
			return true;
	}
	return false;
}

void server_publish_rate(struct server *server, double rate, double hop)
{
	EACH_SUBSCRIBER(server, session)
	caption_set_rate(&session->caption, rate, hop);
}

void server_publish_stop(struct server *server, int64_t clock, double latency)
{
	EACH_SUBSCRIBER(server, session)
	caption_stop(&session->caption, clock, latency);
}

void server_publish_abandon(struct server *server)
{
	EACH_SUBSCRIBER(server, session)
	caption_abandon(&session->caption, "shutdown");
}
