/*
 * The one thread pool. Work is cut into tasks that the threads take from a
 * shared counter, so a thread that a neighbour slows down takes fewer of them.
 * Threads sleep when idle.
 *
 * A pool serves one caller at a time (the inference thread); the caller works
 * along and counts as worker 0.
 */
#ifndef HEARD_KERNELS_POOL_H
#define HEARD_KERNELS_POOL_H

#include <stddef.h>

struct pool;

/* `worker` is in [0, pool_threads()): an index for per-worker scratch. */
typedef void (*pool_func)(void *ctx, size_t task, unsigned worker);

/* `threads` counts the caller; 0 picks pool_default_threads(). Returns 0, -EAGAIN
 * or -ENOMEM. */
int pool_create(unsigned threads, struct pool **out);
void pool_destroy(struct pool *pool); /* NULL is allowed */

unsigned pool_threads(const struct pool *pool);

/* Runs func for every task in [0, tasks) and returns when all are done; what
 * the tasks wrote is visible to the caller. No allocation, no lock while the
 * threads are awake. */
void pool_run(struct pool *pool, size_t tasks, pool_func func, void *ctx);

/* Physical cores that this process may use: as many as its affinity mask reaches,
 * within its cgroup's quota of CPU time (versions 1 and 2, rounded up); at least 1. */
unsigned pool_default_threads(void);

#endif
