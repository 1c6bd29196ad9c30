/*
 * `hear FILE...`: pushes files to the daemon and prints their transcripts.
 */
#ifndef HEARD_CLIENT_PUSH_H
#define HEARD_CLIENT_PUSH_H

struct options;

/* Returns an exit status of hear.h. */
int push_run(const struct options *options);

#endif
