#include "core/base/mapping.h"

#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

char *mapping_path(const char *dir, const char *name)
{
	size_t bytes = strlen(dir) + 1 + strlen(name) + 1;
	char *path = malloc(bytes);

	if (path)
		snprintf(path, bytes, "%s/%s", dir, name);
	return path;
}

/* Returns the mapped bytes in *data and *size. */
static int map_descriptor(int fd, const char *path, const unsigned char **data, size_t *size)
{
	struct stat info;

	if (fstat(fd, &info) < 0) {
		int err = errno;
		log_error("%s: cannot inspect: %s", path, strerror(err));
		return -err;
	}
	if (!S_ISREG(info.st_mode)) {
		log_error("%s: not a regular file", path);
		return -EINVAL;
	}
	if (info.st_size == 0) {
		log_error("%s: the file is empty", path);
		return -EINVAL;
	}
	if ((uintmax_t)info.st_size > SIZE_MAX) {
		log_error("%s: too large for this machine's address space", path);
		return -EFBIG;
	}
	void *mapped = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED) {
		int err = errno;
		log_error("%s: cannot map: %s", path, strerror(err));
		return -err;
	}
	(void)madvise(mapped, (size_t)info.st_size, MADV_RANDOM);
	*data = mapped;
	*size = (size_t)info.st_size;
	return 0;
}

int mapping_open(struct mapping *mapping, const char *path)
{
	*mapping = (struct mapping){0};

	/* A FIFO of that name would block in open without O_NONBLOCK. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int err = errno;
		if (err != ENOENT)
			log_error("%s: cannot open: %s", path, strerror(err));
		return -err;
	}
	int rc = map_descriptor(fd, path, &mapping->data, &mapping->size);
	close(fd);
	if (rc < 0)
		return rc;
	mapping->path = strdup(path);
	if (mapping->path == NULL) {
		mapping_close(mapping);
		return -ENOMEM;
	}
	return 0;
}

void mapping_expect_reading(const struct mapping *mapping)
{
	(void)madvise((void *)(uintptr_t)mapping->data, mapping->size, MADV_NORMAL);
}

void mapping_release(const struct mapping *mapping)
{
	/* Only a hint: without it memory use is higher, nothing else changes. */
	(void)madvise((void *)(uintptr_t)mapping->data, mapping->size, MADV_DONTNEED);
}

void mapping_close(struct mapping *mapping)
{
	if (mapping->data)
		munmap((void *)(uintptr_t)mapping->data, mapping->size);
	free(mapping->path);
	*mapping = (struct mapping){0};
}
