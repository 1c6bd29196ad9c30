/* Formats every log line, so that its arguments are read, and drops it. */
#ifndef HEARD_TESTS_FUZZ_QUIET_H
#define HEARD_TESTS_FUZZ_QUIET_H

#include "core/base/log.h"

static void quiet_drop(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static inline void quiet_log(void)
{
	log_set_sink(quiet_drop, NULL);
}

#endif
