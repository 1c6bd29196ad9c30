/*
 * The daemon's own source, stream 0: microphone, file or standard input to mono
 * samples at the model's rate, through the gate to the engine; results to all
 * subscribers.
 *
 * Loop thread. Opening a device runs on a worker.
 */
#ifndef HEARD_DAEMON_LIVE_H
#define HEARD_DAEMON_LIVE_H

#include "daemon/caption.h"
#include "daemon/daemon.h"

#include <stdbool.h>

struct live;

int live_create(struct daemon *daemon, struct live **out);
/* After its handles were closed by live_close and the loop ran. NULL is allowed. */
void live_destroy(struct live *live);
void live_close(struct live *live);

/* The model is loaded: opens the source of the settings. Called again after a
 * reload: takes up what has changed, without a break where the source is the
 * same. */
void live_start(struct live *live);

/* Searches the source for keywords, or stops it, as subscribers want. */
void live_update_wake(struct live *live);

/* No more audio; the open utterance ends. */
void live_stop(struct live *live);
/* Nothing more will come of it. */
bool live_done(const struct live *live);
/* What is committed is the final. */
void live_abandon(struct live *live);

/* There is a source to subscribe to. */
bool live_exists(const struct live *live);
/* A subscriber's own view of the source, held; where there is no stream yet, server_open_views
 * comes back to it. False: the engine has no room now. */
bool live_set_view(struct live *live, uint64_t view, struct decode_plan *plan);
void live_drop_view(struct live *live, uint64_t view);
/* A new subscriber. */
void live_joined(struct live *live, struct caption *caption);

/* For heard-device, heard-lag (false: nothing to tell), heard-status. Strings
 * are valid until the loop goes on. */
void live_describe(struct live *live, struct message *message);
bool live_lag(const struct live *live, struct message *message);
void live_fill_status(struct live *live, struct message_status *status);
struct message_stamp live_stamp(const struct live *live);

#endif
