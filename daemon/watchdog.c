#include "daemon/watchdog.h"

#include "core/base/log.h"
#include "daemon/notify.h"

#include <errno.h>
#include <stdlib.h>

/* Looks this often within the interval that systemd allows. */
enum { WATCHDOG_LOOKS = 4 };

struct watchdog {
	struct daemon *daemon;
	uv_timer_t timer;
	uint64_t progress; /* of the engine, last time */
	bool warned;
};

static void on_look(uv_timer_t *timer)
{
	struct watchdog *watchdog = timer->data;
	uint64_t progress = engine_stats(watchdog->daemon->engine)->progress;

	/* A busy engine counts its steps and layers; an idle one answers the poke
	 * of the last time. */
	if (progress != watchdog->progress) {
		notify_watchdog();
		watchdog->warned = false;
	} else if (!watchdog->warned) {
		log_warn("the engine has not moved for a while");
		watchdog->warned = true;
	}
	watchdog->progress = progress;
	engine_poke(watchdog->daemon->engine);
}

int watchdog_create(struct daemon *daemon, struct watchdog **out)
{
	uint64_t interval_ms = notify_watchdog_interval() / 1000;
	struct watchdog *watchdog;

	*out = NULL;
	if (interval_ms == 0)
		return 0;
	watchdog = calloc(1, sizeof(*watchdog));
	if (!watchdog)
		return -ENOMEM;
	watchdog->daemon = daemon;
	uv_timer_init(daemon->loop, &watchdog->timer);
	watchdog->timer.data = watchdog;
	uint64_t period = interval_ms / WATCHDOG_LOOKS;
	if (period == 0)
		period = 1;
	uv_timer_start(&watchdog->timer, on_look, period, period);
	engine_poke(daemon->engine);
	*out = watchdog;
	return 0;
}

void watchdog_close(struct watchdog *watchdog)
{
	if (watchdog)
		uv_close((uv_handle_t *)&watchdog->timer, NULL);
}

void watchdog_destroy(struct watchdog *watchdog)
{
	free(watchdog);
}
