/*
 * A run is a window in time in which workers may join. One atomic word says
 * everything about it: which run (epoch), whether it is open, and how many
 * workers have joined and not left. The caller opens it, works along until no
 * task is left, closes it and waits until nobody is inside. A worker that wakes
 * up late finds it closed, or the next one open, and nobody ever waits for a
 * worker that the system has not scheduled.
 *
 * Tasks are cut into one contiguous range a worker, each with a counter. A
 * worker takes from its own range first, so that task t + 1 usually follows
 * task t on the same core (read-ahead counts on it), then helps with the others.
 *
 * Idle workers spin for a few dozen microseconds, the gaps inside one step, and
 * then sleep on a condition variable.
 */
#include "core/kernels/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum {
	MAX_THREADS = 1024,
	SPIN_NS = 30000,
	SPINS_PER_CLOCK = 16,
	CACHE_LINE = 64,
};

/* The state word: joined workers in the low bits, then flags, then the epoch.
 * The epoch only keeps a worker from joining the run it just left; that it
 * wraps costs an idle worker at most one run. */
#define STATE_JOINED 0x3fffu
#define STATE_QUIT   0x4000u
#define STATE_OPEN   0x8000u
#define STATE_EPOCH  0xffff0000u
#define EPOCH_ONE    0x10000u

/* One worker's range of tasks, on a cache line of its own. */
struct range {
	alignas(CACHE_LINE) atomic_size_t next;
	size_t end;
};

struct pool {
	alignas(CACHE_LINE) atomic_uint state;
	atomic_uint sleepers;      /* workers that need a signal to see a new run */
	atomic_bool caller_sleeps; /* needs a signal when the last worker leaves */

	/* Written while the run is closed and empty, read by those who joined. */
	alignas(CACHE_LINE) pool_func func;
	void *ctx;

	pthread_mutex_t mutex; /* for sleeping only; guards no data */
	pthread_cond_t opened, emptied;

	unsigned threads; /* the caller included */
	unsigned started; /* threads to join, in workers[] */
	struct worker {
		struct pool *pool; /* borrowed: the one this is in */
		unsigned index;
		pthread_t thread;
	} * workers;          /* owned, [threads - 1] */
	struct range *ranges; /* owned, [threads] */
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	/* "yield" takes no time on most cores; a barrier does. */
	__asm__ volatile("isb");
#endif
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Can a worker that last saw the run `epoch` do anything? */
static bool state_wakes(unsigned state, unsigned epoch)
{
	return (state & STATE_QUIT) || ((state & STATE_OPEN) && (state & STATE_EPOCH) != epoch);
}

static bool state_is_empty(unsigned state, unsigned unused)
{
	(void)unused;
	return (state & STATE_JOINED) == 0;
}

/* Waits for a state that satisfies `test`, for a short while only. */
static bool spin_for(struct pool *pool, bool (*test)(unsigned, unsigned), unsigned epoch)
{
	long long start = 0;

	for (;;) {
		for (int i = 0; i < SPINS_PER_CLOCK; i++) {
			if (test(atomic_load_explicit(&pool->state, memory_order_acquire), epoch))
				return true;
			relax();
		}
		long long now = now_ns();
		if (start == 0)
			start = now;
		if (now - start > SPIN_NS)
			return false;
	}
}

static void work(struct pool *pool, unsigned worker)
{
	for (unsigned i = 0; i < pool->threads; i++) {
		struct range *range = &pool->ranges[(worker + i) % pool->threads];

		for (;;) {
			/* Relaxed: being atomic is what makes a task one's own. What
			 * tasks read and write is ordered by joining and leaving. */
			size_t task =
				atomic_fetch_add_explicit(&range->next, 1, memory_order_relaxed);
			if (task >= range->end)
				break;
			pool->func(pool->ctx, task, worker);
		}
	}
}

/* Sleeping is Dekker's problem: the sleeper announces itself and then looks at
 * the state, the waker changes the state and then looks for sleepers. Both
 * pairs are sequentially consistent, so one of the two sees the other. The
 * mutex closes the gap between the sleeper's look and its sleep. */
static void sleep_until_opened(struct pool *pool, unsigned epoch)
{
	pthread_mutex_lock(&pool->mutex);
	atomic_fetch_add(&pool->sleepers, 1);
	while (!state_wakes(atomic_load(&pool->state), epoch))
		pthread_cond_wait(&pool->opened, &pool->mutex);
	atomic_fetch_sub(&pool->sleepers, 1);
	pthread_mutex_unlock(&pool->mutex);
}

static void wake_sleepers(struct pool *pool)
{
	if (atomic_load(&pool->sleepers) == 0)
		return;
	pthread_mutex_lock(&pool->mutex);
	pthread_cond_broadcast(&pool->opened);
	pthread_mutex_unlock(&pool->mutex);
}

static void sleep_until_empty(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	atomic_store(&pool->caller_sleeps, true);
	while (!state_is_empty(atomic_load(&pool->state), 0))
		pthread_cond_wait(&pool->emptied, &pool->mutex);
	atomic_store(&pool->caller_sleeps, false);
	pthread_mutex_unlock(&pool->mutex);
}

static void leave(struct pool *pool)
{
	/* Releases what the tasks wrote; further leavers are read-modify-writes
	 * and so continue the release sequence until the caller acquires. */
	unsigned before = atomic_fetch_sub(&pool->state, 1);

	if ((before & STATE_JOINED) != 1 || (before & STATE_OPEN))
		return;
	if (!atomic_load(&pool->caller_sleeps))
		return;
	pthread_mutex_lock(&pool->mutex);
	pthread_cond_signal(&pool->emptied);
	pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *arg)
{
	const struct worker *self = arg;
	struct pool *pool = self->pool;
	unsigned epoch = 0;

	for (;;) {
		if (!spin_for(pool, state_wakes, epoch))
			sleep_until_opened(pool, epoch);

		/* Acquires the run's function and ranges; the exchange fails where
		 * the caller closed it or another worker came in between. */
		unsigned state = atomic_load_explicit(&pool->state, memory_order_relaxed);
		if (state & STATE_QUIT)
			return NULL;
		if (!(state & STATE_OPEN) || (state & STATE_EPOCH) == epoch)
			continue;
		if (!atomic_compare_exchange_weak_explicit(&pool->state, &state, state + 1,
							   memory_order_acquire,
							   memory_order_relaxed))
			continue;
		epoch = state & STATE_EPOCH;
		work(pool, self->index);
		leave(pool);
	}
}

void pool_run(struct pool *pool, size_t tasks, pool_func func, void *ctx)
{
	if (pool->threads == 1 || tasks <= 1) {
		for (size_t task = 0; task < tasks; task++)
			func(ctx, task, 0);
		return;
	}

	/* Closed and empty: nobody reads these now. */
	pool->func = func;
	pool->ctx = ctx;
	size_t share = tasks / pool->threads, rest = tasks % pool->threads, next = 0;
	for (unsigned i = 0; i < pool->threads; i++) {
		atomic_store_explicit(&pool->ranges[i].next, next, memory_order_relaxed);
		next += share + (i < rest);
		pool->ranges[i].end = next;
	}
	unsigned epoch = atomic_load_explicit(&pool->state, memory_order_relaxed) & STATE_EPOCH;
	atomic_store(&pool->state, (epoch + EPOCH_ONE) | STATE_OPEN);
	wake_sleepers(pool);

	work(pool, 0);

	atomic_fetch_and(&pool->state, ~STATE_OPEN);
	if (!spin_for(pool, state_is_empty, 0))
		sleep_until_empty(pool);
}

static int worker_start(struct worker *worker)
{
	sigset_t all, before;

	/* Signals belong to the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result != 0)
		return -EAGAIN;
	pthread_setname_np(worker->thread, "heard-pool");
	return 0;
}

int pool_create(unsigned threads, struct pool **out)
{
	*out = NULL;
	if (threads == 0)
		threads = pool_default_threads();
	if (threads > MAX_THREADS)
		threads = MAX_THREADS;

	struct pool *pool = aligned_alloc(CACHE_LINE, sizeof(*pool));
	if (pool == NULL)
		return -ENOMEM;
	*pool = (struct pool){.threads = threads};
	atomic_init(&pool->state, STATE_EPOCH & EPOCH_ONE);
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->opened, NULL);
	pthread_cond_init(&pool->emptied, NULL);
	pool->workers = calloc(threads, sizeof(*pool->workers));
	pool->ranges = aligned_alloc(CACHE_LINE, threads * sizeof(*pool->ranges));

	int result = pool->workers && pool->ranges ? 0 : -ENOMEM;
	for (unsigned i = 1; result == 0 && i < threads; i++) {
		pool->workers[i - 1] = (struct worker){.pool = pool, .index = i};
		result = worker_start(&pool->workers[i - 1]);
		pool->started += result == 0;
	}
	if (result < 0) {
		pool_destroy(pool);
		return result;
	}
	*out = pool;
	return 0;
}

void pool_destroy(struct pool *pool)
{
	if (pool == NULL)
		return;
	atomic_fetch_or(&pool->state, STATE_QUIT);
	wake_sleepers(pool);
	for (unsigned i = 0; i < pool->started; i++)
		pthread_join(pool->workers[i].thread, NULL);
	pthread_cond_destroy(&pool->emptied);
	pthread_cond_destroy(&pool->opened);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->ranges);
	free(pool->workers);
	free(pool);
}

unsigned pool_threads(const struct pool *pool)
{
	return pool->threads;
}
