/*
 * What the parts of the loop thread share. main.c makes it and takes it down;
 * each part has its own file and looks at the others through it.
 */
#ifndef HEARD_DAEMON_DAEMON_H
#define HEARD_DAEMON_DAEMON_H

#include "daemon/engine.h"
#include "daemon/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct live;
struct model;
struct server;
struct wake;

/* Exit codes, heard(1). */
enum {
	EXIT_OK = 0,
	EXIT_RUN = 1,    /* failed while running */
	EXIT_USAGE = 2,  /* options or configuration */
	EXIT_MODEL = 3,  /* the model could not be loaded */
	EXIT_LISTEN = 4, /* a socket could not be opened */
};

/* Since the start. */
struct counters {
	uint64_t clients;
	uint64_t utterances;
	uint64_t dropped_partials;
	uint64_t dropped_clients;
	uint64_t words_shown;
	uint64_t words_revised;
	uint64_t prefix_broken;
};

struct daemon {
	uv_loop_t *loop;
	struct settings settings; /* in force */
	int argc;
	char **argv;
	uint64_t started; /* uv_hrtime */
	struct counters counters;
	uint64_t views;   /* of subscribers so far: the last one's tag */
	uint64_t streams; /* pushed ones so far: the last one's number */
	size_t pushing;   /* those that are open */
	bool compiling;   /* a worker compiles for a session */
	bool stopping;    /* the orderly end has begun */
	bool forced;      /* and was cut short */
	int exit_code;
	uv_timer_t shutdown_timer;

	struct engine *engine;
	struct model *model;
	struct wake *wake;
	struct server *server;
	struct live *live;
};

/* main.c: begins the orderly end, as SIGTERM does. */
void daemon_stop(struct daemon *daemon, int exit_code);

#endif
