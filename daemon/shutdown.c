#include "daemon/shutdown.h"

#include "core/base/log.h"
#include "daemon/limits.h"
#include "daemon/live.h"
#include "daemon/notify.h"
#include "daemon/server.h"
#include "daemon/session.h"

static void on_exit_time(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	log_warn("leaving with %zu clients unserved", server_count(daemon->server));
	daemon->forced = true;
	uv_stop(daemon->loop);
}

static void on_final_time(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	struct session *next;

	log_warn("finals are not ready: sending what is committed");
	live_abandon(daemon->live);
	for (struct session *session = server_first(daemon->server); session; session = next) {
		next = session->next;
		session_abandon(session);
	}
	uv_timer_start(timer, on_exit_time, LIMIT_EXIT_MS - LIMIT_FINAL_MS, 0);
	shutdown_check(daemon);
}

void shutdown_begin(struct daemon *daemon)
{
	struct session *next;

	if (daemon->stopping)
		return;
	daemon->stopping = true;
	log_info("stopping");
	notify_stopping();
	uv_timer_start(&daemon->shutdown_timer, on_final_time, LIMIT_FINAL_MS, 0);
	server_stop_listening(daemon->server);
	live_stop(daemon->live);
	for (struct session *session = server_first(daemon->server); session; session = next) {
		next = session->next;
		session_stop(session);
	}
	shutdown_check(daemon);
}

void shutdown_check(struct daemon *daemon)
{
	struct session *next;

	if (!daemon->stopping || !live_done(daemon->live))
		return;
	for (struct session *session = server_first(daemon->server); session; session = next) {
		next = session->next;
		if (session_idle(session))
			session_dismiss(session);
	}
	if (server_count(daemon->server) == 0)
		uv_stop(daemon->loop);
}
