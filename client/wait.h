/*
 * Waiting for the daemon and for the user at once.
 */
#ifndef HEARD_CLIENT_WAIT_H
#define HEARD_CLIENT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct heard;

/* From here on SIGINT and SIGTERM only end the waits below, and a closed pipe is
 * an error of write(2) (-EPIPE), no death. 0 or a negative errno. */
int wait_init(void);

bool wait_interrupted(void);

/* From here on the waits below call `reap` soon after a child process ended, on this thread, and
 * go on waiting. NULL: no more. 0 or a negative errno. */
int wait_on_child(void (*reap)(void *ctx), void *ctx);

/* What wait_for found; several at once. */
enum {
	WAIT_EVENT = 1, /* heard_next has one, or heard_push has room */
	WAIT_INPUT = 2, /* input_fd can be read */
};

/* Waits at most timeout_ms (-1: as long as it takes) for the connection (NULL:
 * none) and for input_fd (-1: none). Returns bits, 0 on a timeout, -EINTR once
 * interrupted, or the negative errno with which the connection ended. */
int wait_for(struct heard *heard, int input_fd, int timeout_ms);

/* CLOCK_MONOTONIC. */
int64_t wait_now_ms(void);

/* Times between attempts to connect: 0.1 s, doubling up to 5 s. */
struct backoff {
	int next_ms; /* 0: none was waited yet */
};

/* 0, or -EINTR. */
int backoff_wait(struct backoff *backoff);

#endif
