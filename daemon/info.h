/*
 * The answer to describe.
 */
#ifndef HEARD_DAEMON_INFO_H
#define HEARD_DAEMON_INFO_H

struct session;

void info_send(struct session *session);

#endif
