#include "tools/output_file.h"

#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name that an interrupted program must not leave behind; the program
 * writes one file at a time. */
static const char *volatile unfinished;

static void remove_unfinished(int signal_number)
{
	const char *path = unfinished;

	if (path)
		unlink(path);
	/* The handler is gone by now (SA_RESETHAND): this ends the program. */
	raise(signal_number);
}

static void watch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = remove_unfinished, .sa_flags = (int)SA_RESETHAND};
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What nohup ignores stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
}

static int fail(const struct output_file *file, int error)
{
	log_error("%s: %s", file->path, strerror(error));
	return -error;
}

int output_file_open(struct output_file *file, const char *path)
{
	struct stat status;
	bool direct = lstat(path, &status) == 0 && !S_ISREG(status.st_mode);

	*file = (struct output_file){.path = strdup(path), .fd = -1};
	if (!file->path)
		return -ENOMEM;
	if (!direct && asprintf(&file->part_path, "%s.part", path) < 0) {
		file->part_path = NULL;
		return fail(file, ENOMEM);
	}
	/* Before there is a file: a signal may come between any two lines. */
	unfinished = file->part_path;
	watch_signals();
	file->fd = open(direct ? path : file->part_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0666);
	if (file->fd < 0) {
		int error = errno;

		unfinished = NULL;
		free(file->part_path);
		file->part_path = NULL;
		return fail(file, error);
	}
	return 0;
}

int output_file_write(const struct output_file *file, const void *data, size_t bytes, size_t at)
{
	const unsigned char *p = data;

	while (bytes > 0) {
		ssize_t n = pwrite(file->fd, p, bytes, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(file, n < 0 ? errno : EIO);
		p += n;
		at += (size_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

int output_file_resize(const struct output_file *file, size_t bytes)
{
	if (file->part_path && ftruncate(file->fd, (off_t)bytes) != 0)
		return fail(file, errno);
	return 0;
}

int output_file_finish(struct output_file *file)
{
	int closed = close(file->fd);

	file->fd = -1;
	if (closed != 0)
		return fail(file, errno);
	if (!file->part_path)
		return 0;
	if (rename(file->part_path, file->path) != 0)
		return fail(file, errno);
	unfinished = NULL;
	free(file->part_path);
	file->part_path = NULL;
	return 0;
}

void output_file_close(struct output_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->part_path)
		unlink(file->part_path);
	unfinished = NULL;
	free(file->part_path);
	free(file->path);
	*file = (struct output_file){.fd = -1};
}
