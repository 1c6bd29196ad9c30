#include "daemon/notify.h"

#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* syslog priorities, by enum log_level. */
static const char *const prefixes[] = {"<3>", "<4>", "<6>", "<7>"};

static void journal_sink(void *ctx, enum log_level level, const char *line)
{
	char text[2100];

	(void)ctx;
	int n = snprintf(text, sizeof(text), "%s%s\n", prefixes[level], line);
	if (n >= (int)sizeof(text)) {
		n = (int)sizeof(text) - 1;
		text[n - 1] = '\n';
	}
	/* A log that cannot be written has nowhere to be reported. */
	ssize_t written = n > 0 ? write(STDERR_FILENO, text, (size_t)n) : 0;
	(void)written;
}

void notify_log_init(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	/* systemd.exec(5): the variable is inherited, so it counts only where it
	 * names the very file that standard error is. */
	if (stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode)
		log_set_sink(journal_sink, NULL);
}

#if HEARD_HAVE_SYSTEMD

#include <systemd/sd-daemon.h>

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_status(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sd_notifyf(0, "STATUS=%s", text);
}

uint64_t notify_watchdog_interval(void)
{
	uint64_t usec = 0;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

int notify_listen_fds(void)
{
	int n = sd_listen_fds(1);

	if (n < 0) {
		log_error("socket activation: %s", strerror(-n));
		return 0;
	}
	return n;
}

#else

void notify_ready(void)
{
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

void notify_status(const char *fmt, ...)
{
	(void)fmt;
}

uint64_t notify_watchdog_interval(void)
{
	return 0;
}

void notify_watchdog(void)
{
}

int notify_listen_fds(void)
{
	return 0;
}

#endif
