/*
 * `hear status` and `hear devices`: one question, one answer.
 */
#ifndef HEARD_CLIENT_STATUS_H
#define HEARD_CLIENT_STATUS_H

struct options;

/* Both return an exit status of hear.h. */
int status_run(const struct options *options);
int devices_run(const struct options *options);

#endif
