/*
 * Listening sockets and the list of sessions.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_SERVER_H
#define HEARD_DAEMON_SERVER_H

#include "daemon/daemon.h"
#include "protocol/message.h"

#include <stdbool.h>
#include <stddef.h>

struct server;
struct session;

int server_create(struct daemon *daemon, struct server **out);
/* All sessions are gone and the loop has run. NULL is allowed. */
void server_destroy(struct server *server);

/* Opens what systemd passed, else the addresses of the settings, else the
 * default socket. Logs and returns a negative errno. */
int server_listen(struct server *server);
/* Accepts nobody any more, removes socket files. */
void server_stop_listening(struct server *server);

void server_add(struct server *server, struct session *session);
void server_remove(struct server *server, struct session *session);
size_t server_count(const struct server *server);
/* NULL where it is gone. */
struct session *server_find(const struct server *server, uint64_t id);
struct session *server_first(const struct server *server);

/* To all subscribers. */
void server_publish(struct server *server, const struct message *message);
void server_publish_result(struct server *server, const struct result *result, double latency);
/* A subscriber's own view begins with this utterance. */
void server_publish_view(struct server *server, uint64_t view, uint64_t utterance);
/* How many have one; the source has a new stream: they want it again. */
size_t server_views(const struct server *server);
void server_open_views(struct server *server);
void server_publish_detection(struct server *server, const char *name, double confidence,
			      struct message_stamp stamp);
/* Some subscriber wants to be told of keywords. */
bool server_wants_keywords(const struct server *server);
void server_publish_rate(struct server *server, double rate, double hop);
void server_publish_stop(struct server *server, int64_t clock, double latency);
void server_publish_abandon(struct server *server);

/* The model is there, or a place became free: sessions go on. */
void server_resume(struct server *server);

#endif
