/*
 * The answer to heard-device: the list of input devices, which takes up to a
 * second to make, on a worker.
 */
#ifndef HEARD_DAEMON_DEVICES_H
#define HEARD_DAEMON_DEVICES_H

struct session;

void devices_send(struct session *session);

#endif
