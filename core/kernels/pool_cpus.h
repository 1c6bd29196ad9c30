/* What pool_default_threads reads, with the paths as arguments: for the tests. */
#ifndef HEARD_KERNELS_POOL_CPUS_H
#define HEARD_KERNELS_POOL_CPUS_H

#include <sched.h>
#include <stddef.h>

/* CPUs that the cgroup quota of this process grants, rounded up; 0 where there
 * is no limit. `membership` is a file like /proc/self/cgroup, `root` a directory
 * like /sys/fs/cgroup (version 2, or version 1 with its cpu controller). */
unsigned cgroup_cpus(const char *membership, const char *root);

/* Cores among the CPUs of `allowed` (a mask of `bytes`): hardware threads of one
 * core count once. `root` is a directory like /sys/devices/system/cpu; a CPU
 * that it does not tell about counts as a core. */
unsigned physical_cores(const cpu_set_t *allowed, size_t bytes, const char *root);

#endif
