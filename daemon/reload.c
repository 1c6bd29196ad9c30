#include "daemon/reload.h"

#include "core/base/log.h"
#include "daemon/config.h"
#include "daemon/live.h"
#include "daemon/model.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/wake.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int reload_read_settings(int argc, char **argv, struct settings *settings)
{
	struct invocation invocation;
	char reason[OPTION_REASON_BYTES];
	char found[PATH_MAX];
	int err;

	settings_init(settings);
	err = options_parse(argc, argv, &invocation, NULL);
	if (err == 0) {
		const char *path = invocation.config;

		if (!path && config_find(found, sizeof(found)) > 0)
			path = found;
		if (path)
			err = config_read(path, settings);
	}
	if (err == 0)
		err = options_parse(argc, argv, &invocation, settings);
	if (err == 0) {
		err = options_complete(settings, reason);
		if (err < 0)
			log_error("%s", reason);
	}
	if (err < 0)
		settings_finish(settings);
	return err;
}

static bool same_list(const struct string_list *a, const struct string_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What cannot change while we run is said, and stays as it is until the next
 * start. */
static void warn_fixed(const struct settings *old, const struct settings *new)
{
	if (!same_list(&old->listen, &new->listen) || old->socket_mode != new->socket_mode ||
	    !same_text(old->socket_group, new->socket_group))
		log_warn("reload: the sockets change with the next start");
	if (old->max_streams != new->max_streams)
		log_warn("reload: max-streams changes with the next start");
	if (!same_text(old->dump, new->dump))
		log_warn("reload: dump changes with the next start");
}

static bool is_stdin(const struct settings *settings)
{
	return strcmp(settings->source, "stdin") == 0;
}

static void take_settings(struct daemon *daemon, struct settings *settings)
{
	warn_fixed(&daemon->settings, settings);
	if (is_stdin(&daemon->settings) != is_stdin(settings)) {
		log_warn("reload: to and from stdin the source changes with the next start");
		char *source = settings->source;

		settings->source = daemon->settings.source;
		daemon->settings.source = source;
	}
	settings_finish(&daemon->settings);
	daemon->settings = *settings;
	log_set_level((enum log_level)daemon->settings.log);
}

void reload_begin(struct daemon *daemon)
{
	struct settings settings;

	if (daemon->stopping)
		return;
	log_info("reloading");
	notify_reloading();
	if (reload_read_settings(daemon->argc, daemon->argv, &settings) < 0) {
		log_error("reload: the configuration stays as it was");
		notify_ready();
		return;
	}
	take_settings(daemon, &settings);
	/* The rest follows when the models are there. */
	wake_load(daemon->wake);
	model_load(daemon->model);
}

static int replace(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

const char *reload_order(struct daemon *daemon, const char *model, const char *device,
			 bool everything)
{
	if (everything)
		reload_begin(daemon);
	if (model && replace(&daemon->settings.model, model) < 0)
		return "out of memory";
	if (device && replace(&daemon->settings.device, device) < 0)
		return "out of memory";
	if (model)
		model_load(daemon->model);
	else if (device && !everything && model_ready(daemon->model))
		live_start(daemon->live);
	return NULL;
}
