/*
 * The keyword model in force, and loading one on a worker thread. The engine
 * owns it; here is what clients want to know.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_WAKE_H
#define HEARD_DAEMON_WAKE_H

#include "daemon/daemon.h"

#include <stdbool.h>
#include <stddef.h>

struct wake;

/* `loaded` is called after each load with 0 or what went wrong; the model that
 * was there before stays in force then. */
int wake_create(struct daemon *daemon, void (*loaded)(struct daemon *daemon, int err),
		struct wake **out);
/* Nothing is being loaded. NULL is allowed. */
void wake_destroy(struct wake *wake);

/* Loads settings.wake_model, where there is one. */
void wake_load(struct wake *wake);
bool wake_busy(const struct wake *wake);

/* There is one, or will be. */
bool wake_exists(const struct wake *wake);
bool wake_ready(const struct wake *wake);
/* Of the one in force; before, 0 and none. */
unsigned wake_rate(const struct wake *wake);
const char *wake_name(const struct wake *wake);
/* Its keywords, without the ignored labels. */
const char *const *wake_words(const struct wake *wake, size_t *n);

/* As the settings say. */
void wake_params(const struct wake *wake, struct engine_params *params);

/* Closes what the engine gave back, on a worker. */
void wake_retire(struct wake *wake, struct keywords *keywords);

#endif
