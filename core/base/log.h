/*
 * Leveled logging to one sink. An error is logged once, by the lowest function
 * that knows the name (file, tensor, key, device); its callers only propagate
 * the negative errno value.
 *
 * Thread-safe: a line is written with a single write(2). Not real-time safe:
 * the audio callback and the inference step never log.
 */
#ifndef HEARD_BASE_LOG_H
#define HEARD_BASE_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Receives every line at or above the level in force. `line` has no newline
 * and is valid during the call only. */
typedef void (*log_sink_func)(void *ctx, enum log_level level, const char *line);

/* Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Replaces standard error as the sink; NULL restores it. Not thread-safe:
 * call it before other threads start. */
void log_set_sink(log_sink_func sink, void *ctx);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_writev(enum log_level level, const char *fmt, va_list args);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
