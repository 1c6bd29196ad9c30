/*
 * What systemd wants to know, and the log in the form the journal wants.
 * Without libsystemd (meson -Dsystemd=disabled), or outside systemd, all of it
 * does nothing.
 *
 * Loop thread, except the log sink.
 */
#ifndef HEARD_DAEMON_NOTIFY_H
#define HEARD_DAEMON_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

/* Lines get the journal's priority prefix where standard error is the
 * journal. Call before other threads start. */
void notify_log_init(void);

/* Once: the sockets listen and the model answers. */
void notify_ready(void);
/* SIGHUP came; notify_ready follows when it is done. */
void notify_reloading(void);
void notify_stopping(void);
/* One line for `systemctl status`. */
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Microseconds after which systemd kills us without notify_watchdog; 0: it
 * does not watch. */
uint64_t notify_watchdog_interval(void);
void notify_watchdog(void);

/* Sockets passed by socket activation: their number; they are the descriptors
 * from NOTIFY_FIRST_FD on. The environment is cleared so that no child thinks
 * they are its own. */
enum { NOTIFY_FIRST_FD = 3 };
int notify_listen_fds(void);

#endif
