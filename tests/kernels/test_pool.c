/* Also meant to run under ThreadSanitizer. */
#include "core/kernels/pool.h"
#include "core/kernels/pool_cpus.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY_TASKS = 1000 };

struct marks {
	unsigned runs[MANY_TASKS]; /* plain memory: the pool orders the accesses */
	unsigned workers;
	unsigned bad_worker;
};

static void mark(void *ctx, size_t task, unsigned worker)
{
	struct marks *marks = ctx;

	marks->runs[task]++;
	if (worker >= marks->workers)
		marks->bad_worker = 1;
}

static void test_every_task_once(void **state)
{
	static const unsigned threads[] = {1, 2, 3, 8};
	static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 64, MANY_TASKS};

	(void)state;
	for (size_t t = 0; t < sizeof(threads) / sizeof(threads[0]); t++) {
		struct pool *pool;

		assert_int_equal(pool_create(threads[t], &pool), 0);
		assert_int_equal(pool_threads(pool), threads[t]);
		for (size_t i = 0; i < 200 * sizeof(sizes) / sizeof(sizes[0]); i++) {
			size_t tasks = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
			struct marks marks = {.workers = threads[t]};

			pool_run(pool, tasks, mark, &marks);
			for (size_t j = 0; j < MANY_TASKS; j++)
				assert_int_equal(marks.runs[j], j < tasks);
			assert_int_equal(marks.bad_worker, 0);
		}
		pool_destroy(pool);
	}
}

/* Each run reads what the other threads wrote in the run before. */
static void sum_neighbours(void *ctx, size_t task, unsigned worker)
{
	uint32_t *values = *(uint32_t **)ctx;
	const uint32_t *from = values + (values[MANY_TASKS] ? 0 : 2 * MANY_TASKS);
	uint32_t *to = values + (values[MANY_TASKS] ? 2 * MANY_TASKS : 0);

	(void)worker;
	to[task] = from[task] + from[(task + MANY_TASKS / 2) % MANY_TASKS];
}

static void test_results_are_visible(void **state)
{
	uint32_t *values = calloc(3 * MANY_TASKS, sizeof(*values));
	struct pool *pool;

	(void)state;
	assert_non_null(values);
	assert_int_equal(pool_create(4, &pool), 0);
	for (size_t i = 0; i < MANY_TASKS; i++)
		values[i] = 1;
	for (unsigned run = 0; run < 20; run++) {
		values[MANY_TASKS] = run % 2 == 0;
		pool_run(pool, MANY_TASKS, sum_neighbours, &values);
	}
	for (size_t i = 0; i < MANY_TASKS; i++)
		assert_int_equal(values[i], 1u << 20);
	pool_destroy(pool);
	free(values);
}

static void nap(void *ctx, size_t task, unsigned worker)
{
	(void)worker;
	nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
	((unsigned char *)ctx)[task] = 1;
}

/* Long tasks and long pauses: the caller and the workers go to sleep. */
static void test_sleep_and_wake(void **state)
{
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(3, &pool), 0);
	for (int run = 0; run < 40; run++) {
		unsigned char done[5] = {0};

		pool_run(pool, sizeof(done), nap, done);
		for (size_t i = 0; i < sizeof(done); i++)
			assert_int_equal(done[i], 1);
		nanosleep(&(struct timespec){.tv_nsec = (run % 4) * 50000}, NULL);
	}
	pool_destroy(pool);
}

static void test_idle_threads_use_no_time(void **state)
{
	struct timespec before, after;
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(4, &pool), 0);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	/* CPU time, not the wall's: four spinning threads would use 100 ms at
	 * the very least; sleeping ones use some microseconds. */
	double used = (double)(after.tv_sec - before.tv_sec) +
		      (double)(after.tv_nsec - before.tv_nsec) * 1e-9;
	assert_true(used < 0.05);
	pool_destroy(pool);
}

static void test_create_and_destroy(void **state)
{
	(void)state;
	pool_destroy(NULL);
	for (int i = 0; i < 50; i++) {
		struct pool *pool;

		assert_int_equal(pool_create((unsigned)i % 5, &pool), 0);
		assert_true(pool_threads(pool) >= 1);
		pool_destroy(pool);
	}
	assert_true(pool_default_threads() >= 1);
	assert_true(pool_default_threads() <= (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}

static void write_file(const char *root, const char *path, const char *text)
{
	char name[512];

	snprintf(name, sizeof(name), "%s%s", root, path);
	for (char *slash = strchr(name + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(name, 0700);
		*slash = '/';
	}
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static unsigned cpus_with(const char *root, const char *membership)
{
	char path[512];

	write_file(root, "/membership", membership);
	snprintf(path, sizeof(path), "%s/membership", root);
	return cgroup_cpus(path, root);
}

static void test_cgroup_quota(void **state)
{
	char root[] = "/tmp/heard-test-cgroup-XXXXXX", command[64];

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(cgroup_cpus("/nonexistent", root), 0);
	assert_int_equal(cpus_with(root, "0::/\n"), 0);

	/* Version 2: the tightest of the group and its parents. */
	write_file(root, "/a/cpu.max", "350000 100000\n");
	write_file(root, "/a/b/cpu.max", "max 100000\n");
	write_file(root, "/a/b/c/cpu.max", "800000 100000\n");
	assert_int_equal(cpus_with(root, "0::/a\n"), 4);
	assert_int_equal(cpus_with(root, "0::/a/b\n"), 4);
	assert_int_equal(cpus_with(root, "0::/a/b/c\n"), 4);
	assert_int_equal(cpus_with(root, "0::/elsewhere/unseen\n"), 0);
	write_file(root, "/cpu.max", "20000 100000\n");
	assert_int_equal(cpus_with(root, "0::/elsewhere/unseen\n"), 1);

	/* Version 1, by the cpu controller alone. */
	write_file(root, "/cpu/x/cpu.cfs_quota_us", "200000\n");
	write_file(root, "/cpu/x/cpu.cfs_period_us", "100000\n");
	write_file(root, "/cpu/y/cpu.cfs_quota_us", "-1\n");
	write_file(root, "/cpu/y/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cpus_with(root, "4:cpu,cpuacct:/x\n"), 2);
	assert_int_equal(cpus_with(root, "4:cpuacct,cpu:/x\n"), 2);
	assert_int_equal(cpus_with(root, "4:cpuset:/x\n"), 0);
	assert_int_equal(cpus_with(root, "4:cpu,cpuacct:/y\n"), 0);

	/* Nonsense is no limit. */
	write_file(root, "/a/cpu.max", "-5 0\n");
	write_file(root, "/cpu.max", "what\n");
	assert_int_equal(cpus_with(root, "0::/a\n"), 0);
	assert_int_equal(cpus_with(root, "garbage\n:\n::\n"), 0);

	snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

static void topology(const char *root, unsigned cpu, const char *name, const char *siblings)
{
	char path[128];

	snprintf(path, sizeof(path), "/cpu%u/topology/%s", cpu, name);
	write_file(root, path, siblings);
}

/* `cpus`: a digit a CPU. */
static unsigned cores_among(const char *root, const char *cpus)
{
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	for (; *cpus; cpus++)
		CPU_SET(*cpus - '0', &allowed);
	return physical_cores(&allowed, sizeof(allowed), root);
}

static void test_physical_cores(void **state)
{
	char root[] = "/tmp/heard-test-cores-XXXXXX", command[64];

	(void)state;
	assert_non_null(mkdtemp(root));
	/* 0 and 1 share a core, 2 and 6, 3 has it alone, 4, 5, 7 and 8 share one. */
	topology(root, 0, "core_cpus_list", "0-1\n");
	topology(root, 1, "core_cpus_list", "0-1\n");
	topology(root, 2, "thread_siblings_list", "2,6\n");
	topology(root, 6, "thread_siblings_list", "2,6\n");
	topology(root, 3, "core_cpus_list", "3\n");
	for (unsigned cpu = 4; cpu < 9; cpu++) {
		if (cpu != 6)
			topology(root, cpu, "core_cpus_list", "4-5,7-8\n");
	}
	assert_int_equal(cores_among(root, "012345678"), 4);
	assert_int_equal(cores_among(root, "0"), 1);
	assert_int_equal(cores_among(root, "1"), 1);
	assert_int_equal(cores_among(root, "16"), 2);
	assert_int_equal(cores_among(root, "26"), 1);
	assert_int_equal(cores_among(root, "58"), 1);
	assert_int_equal(cores_among(root, "6578"), 2);
	assert_int_equal(cores_among(root, ""), 0);
	/* Not told about: each may be a core. */
	assert_int_equal(cores_among("/nonexistent", "0123"), 4);
	topology(root, 0, "core_cpus_list", "what\n");
	assert_int_equal(cores_among(root, "0"), 1);

	snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

/* A process bound to one CPU takes one thread. */
static void test_affinity_counts(void **state)
{
	cpu_set_t before, one;
	int cpu = 0;

	(void)state;
	CPU_ZERO(&before);
	if (sched_getaffinity(0, sizeof(before), &before) != 0)
		skip();
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(pool_default_threads(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_true(pool_default_threads() <= (unsigned)CPU_COUNT(&before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_task_once),
		cmocka_unit_test(test_results_are_visible),
		cmocka_unit_test(test_sleep_and_wake),
		cmocka_unit_test(test_idle_threads_use_no_time),
		cmocka_unit_test(test_create_and_destroy),
		cmocka_unit_test(test_cgroup_quota),
		cmocka_unit_test(test_physical_cores),
		cmocka_unit_test(test_affinity_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
