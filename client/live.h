/*
 * `hear`: captions of the daemon's own source until interrupted.
 */
#ifndef HEARD_CLIENT_LIVE_H
#define HEARD_CLIENT_LIVE_H

struct options;

/* Returns an exit status of hear.h. */
int live_run(const struct options *options);

#endif
