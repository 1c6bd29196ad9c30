#include "core/base/log.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2048 };

static atomic_int current_level = LOG_LEVEL_INFO;
static log_sink_func current_sink;
static void *current_ctx;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

void log_set_sink(log_sink_func sink, void *ctx)
{
	current_sink = sink;
	current_ctx = ctx;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_writev(level, fmt, args);
	va_end(args);
}

/* Messages quote names from files and sockets: control bytes would let a
 * hostile file forge log lines or drive the reader's terminal. */
static void neutralize(char *line)
{
	for (unsigned char *c = (unsigned char *)line; *c != '\0'; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
}

void log_writev(enum log_level level, const char *fmt, va_list args)
{
	if (level > log_get_level())
		return;

	char line[LINE_BYTES];
	char message[LINE_BYTES - 64];
	int n = vsnprintf(message, sizeof(message), fmt, args);
	if (n < 0)
		return;
	neutralize(message);

	if (current_sink) {
		current_sink(current_ctx, level, message);
		return;
	}

	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int len = snprintf(line, sizeof(line), "[%lld.%03ld] %s: %s\n", (long long)now.tv_sec,
			   now.tv_nsec / 1000000, level_names[level], message);
	if (len <= 0)
		return;
	if ((size_t)len >= sizeof(line))
		len = (int)sizeof(line) - 1;
	/* A log that cannot be written has nowhere to be reported. */
	ssize_t written = write(STDERR_FILENO, line, (size_t)len);
	(void)written;
}
