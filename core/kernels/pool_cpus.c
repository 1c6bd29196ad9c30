/*
 * How many threads are of use. Two hardware threads of one core share the units
 * that the products keep busy, so cores are counted, not threads. A container
 * limits CPU time by a quota that the affinity mask does not show, and threads
 * beyond it are only throttled.
 */
#include "core/kernels/pool_cpus.h"

#include "core/kernels/pool.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, MAX_CPUS = 1 << 16 };

/* The first line of root/dir/name, without its end. */
static bool read_line(const char *root, const char *dir, const char *name, char *line, int size)
{
	char path[PATH_BYTES];

	int length = snprintf(path, sizeof(path), "%s%s/%s", root, dir, name);
	if (length < 0 || (size_t)length >= sizeof(path))
		return false;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	bool ok = fgets(line, size, file) != NULL;
	fclose(file);
	return ok;
}

static unsigned quota_cpus(double quota, double period)
{
	if (!(quota > 0.0) || !(period > 0.0) || quota / period > 65536.0)
		return 0;
	double cpus = quota / period;
	unsigned whole = (unsigned)cpus;
	return whole + (cpus > whole);
}

/* Limit set at exactly this group; "max" and -1 mean none. */
static unsigned group_cpus(const char *root, const char *dir)
{
	char line[128], period[128];
	double quota_us, period_us;

	if (read_line(root, dir, "cpu.max", line, sizeof(line))) {
		if (sscanf(line, "%lf %lf", &quota_us, &period_us) == 2)
			return quota_cpus(quota_us, period_us);
		return 0;
	}
	if (read_line(root, dir, "cpu.cfs_quota_us", line, sizeof(line)) &&
	    read_line(root, dir, "cpu.cfs_period_us", period, sizeof(period)))
		return quota_cpus(strtod(line, NULL), strtod(period, NULL));
	return 0;
}

static unsigned tighter(unsigned a, unsigned b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* A limit binds the groups below it too: looks at `dir` and all its parents.
 * Inside a container the path may be the host's and its leaves missing here;
 * the root is then the container's own group. */
static unsigned ancestors_cpus(const char *root, char *dir)
{
	unsigned cpus = 0;

	for (;;) {
		size_t length = strlen(dir);
		while (length > 0 && dir[length - 1] == '/')
			dir[--length] = '\0';
		cpus = tighter(cpus, group_cpus(root, dir));
		char *slash = strrchr(dir, '/');
		if (slash == NULL)
			return cpus;
		*slash = '\0';
	}
}

/* Is `word` one of the comma-separated words in [list, end)? */
static bool list_has(const char *list, const char *end, const char *word)
{
	size_t length = strlen(word);

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma ? comma : end;
		if ((size_t)(stop - list) == length && memcmp(list, word, length) == 0)
			return true;
		list = stop + 1;
	}
	return false;
}

unsigned cgroup_cpus(const char *membership, const char *root)
{
	char line[PATH_BYTES], controller[PATH_BYTES];
	unsigned cpus = 0;

	FILE *file = fopen(membership, "re");
	if (file == NULL)
		return 0;
	/* "0::/path" is version 2, "4:cpu,cpuacct:/path" version 1. */
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		char *list = strchr(line, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;
		if (path == NULL)
			continue;
		list++;
		if (path == list) {
			cpus = tighter(cpus, ancestors_cpus(root, path + 1));
		} else if (list_has(list, path, "cpu")) {
			int length = snprintf(controller, sizeof(controller), "%s/cpu", root);
			if (length > 0 && (size_t)length < sizeof(controller))
				cpus = tighter(cpus, ancestors_cpus(controller, path + 1));
		}
	}
	fclose(file);
	return cpus;
}

/* Does `list`, such as "0-1,4", name a CPU of `allowed` below `cpu`? */
static bool lists_lower(const char *list, unsigned cpu, const cpu_set_t *allowed, size_t bytes)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long i = first; i <= last && i < cpu; i++) {
			if (CPU_ISSET_S(i, bytes, allowed))
				return true;
		}
		list = end + (*end == ',');
	}
	return false;
}

unsigned physical_cores(const cpu_set_t *allowed, size_t bytes, const char *root)
{
	unsigned cores = 0;

	/* A core is counted at the first of its hardware threads that is allowed. */
	for (unsigned cpu = 0; cpu < bytes * 8; cpu++) {
		char dir[64], line[PATH_BYTES];

		if (!CPU_ISSET_S(cpu, bytes, allowed))
			continue;
		snprintf(dir, sizeof(dir), "/cpu%u/topology", cpu);
		/* The first name is newer, the second is what it was called before. */
		bool known = read_line(root, dir, "core_cpus_list", line, sizeof(line)) ||
			     read_line(root, dir, "thread_siblings_list", line, sizeof(line));
		cores += !known || !lists_lower(line, cpu, allowed, bytes);
	}
	return cores;
}

/* The kernel refuses a mask that is too small for the CPUs it can have. */
static unsigned affinity_cores(void)
{
	unsigned cores = 0;

	for (size_t cpus = CPU_SETSIZE; cores == 0 && cpus <= MAX_CPUS; cpus *= 2) {
		size_t bytes = CPU_ALLOC_SIZE(cpus);
		cpu_set_t *allowed = CPU_ALLOC(cpus);

		if (allowed == NULL)
			break;
		if (sched_getaffinity(0, bytes, allowed) == 0)
			cores = physical_cores(allowed, bytes, "/sys/devices/system/cpu");
		CPU_FREE(allowed);
	}
	return cores > 0 ? cores : 1;
}

unsigned pool_default_threads(void)
{
	return tighter(affinity_cores(), cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup"));
}
