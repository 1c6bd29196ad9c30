/*
 * heard: options, construction, the loop, teardown in reverse.
 */
#include "core/base/log.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/live.h"
#include "daemon/model.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "daemon/shutdown.h"
#include "daemon/status.h"
#include "daemon/wake.h"
#include "daemon/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_SIGNALS = 4 };

static const int signal_numbers[N_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

struct process {
	struct daemon daemon;
	uv_loop_t loop;
	uv_async_t results;
	uv_signal_t signals[N_SIGNALS];
	struct watchdog *watchdog;
	bool ready; /* the first model was loaded */
};

/* ---- callbacks of the loop ---- */

static void wake_loop(void *ctx)
{
	uv_async_send(ctx);
}

static void on_results(uv_async_t *async)
{
	struct process *process = async->data;

	engine_drain(process->daemon.engine);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct process *process = handle->data;

	if (number == SIGHUP)
		reload_begin(&process->daemon);
	else if (number == SIGUSR1)
		status_log(&process->daemon);
	else
		daemon_stop(&process->daemon, EXIT_OK);
}

/* Both models are there, or as many as are wanted. */
static void tell_ready(struct process *process)
{
	notify_status("ready, model %s", model_name(process->daemon.model));
	notify_ready();
}

static void on_wake(struct daemon *daemon, int err)
{
	struct process *process = (struct process *)daemon;

	if (err < 0 && !wake_ready(daemon->wake)) {
		daemon_stop(daemon, EXIT_MODEL);
		return;
	}
	live_update_wake(daemon->live);
	server_resume(daemon->server);
	if (process->ready && !model_busy(daemon->model))
		tell_ready(process);
}

static void on_model(struct daemon *daemon, int err)
{
	struct process *process = (struct process *)daemon;

	if (err < 0 && !process->ready) {
		daemon_stop(daemon, EXIT_MODEL);
		return;
	}
	if (err == 0)
		live_start(daemon->live);
	process->ready = true;
	server_resume(daemon->server);
	if (!wake_busy(daemon->wake))
		tell_ready(process);
}

void daemon_stop(struct daemon *daemon, int exit_code)
{
	if (!daemon->stopping)
		daemon->exit_code = exit_code;
	shutdown_begin(daemon);
}

/* ---- construction ---- */

static int start_signals(struct process *process)
{
	int err = 0;

	/* A client that closes its socket is an error of write, not the end. */
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < N_SIGNALS && err == 0; i++) {
		uv_signal_init(&process->loop, &process->signals[i]);
		process->signals[i].data = process;
		err = uv_signal_start(&process->signals[i], on_signal, signal_numbers[i]);
	}
	return err;
}

static int start_engine(struct process *process)
{
	struct daemon *daemon = &process->daemon;
	struct engine_options options = {
		.max_streams = (size_t)daemon->settings.max_streams + LIMIT_SPARE_STREAMS,
		.wake = wake_loop,
		.ctx = &process->results,
	};

	process->results.data = process;
	int err = uv_async_init(&process->loop, &process->results, on_results);
	return err < 0 ? err : engine_create(&options, &daemon->engine);
}

/* Returns an exit code. */
static int start(struct process *process)
{
	struct daemon *daemon = &process->daemon;
	int err = start_engine(process);

	if (err == 0)
		err = model_create(daemon, on_model, &daemon->model);
	if (err == 0)
		err = wake_create(daemon, on_wake, &daemon->wake);
	if (err == 0)
		err = server_create(daemon, &daemon->server);
	if (err == 0)
		err = live_create(daemon, &daemon->live);
	if (err == 0)
		err = start_signals(process);
	if (err == 0)
		err = watchdog_create(daemon, &process->watchdog);
	if (err < 0) {
		log_error("cannot start: %s", strerror(-err));
		return EXIT_RUN;
	}
	if (server_listen(daemon->server) < 0)
		return EXIT_LISTEN;
	notify_status("loading the model");
	wake_load(daemon->wake);
	model_load(daemon->model);
	return EXIT_OK;
}

/* ---- teardown ---- */

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void stop(struct process *process)
{
	struct daemon *daemon = &process->daemon;

	if (daemon->server)
		server_stop_listening(daemon->server);
	live_close(daemon->live);
	watchdog_close(process->watchdog);
	/* The parts have closed what has memory of its own; left are the handles
	 * that lie in this struct. */
	uv_walk(&process->loop, close_handle, NULL);
	uv_run(&process->loop, UV_RUN_DEFAULT);
	live_destroy(daemon->live);
	server_destroy(daemon->server);
	engine_destroy(daemon->engine);
	model_destroy(daemon->model);
	wake_destroy(daemon->wake);
	watchdog_destroy(process->watchdog);
	uv_loop_close(&process->loop);
}

static int run(struct process *process)
{
	struct daemon *daemon = &process->daemon;
	int code;

	if (uv_loop_init(&process->loop) < 0)
		return EXIT_RUN;
	daemon->loop = &process->loop;
	daemon->started = uv_hrtime();
	uv_timer_init(&process->loop, &daemon->shutdown_timer);
	daemon->shutdown_timer.data = daemon;

	code = start(process);
	if (code == EXIT_OK) {
		uv_run(&process->loop, UV_RUN_DEFAULT);
		code = daemon->exit_code;
	}
	/* A step or a load that is under way cannot be interrupted, and nobody
	 * is left to profit from it. */
	if (daemon->forced || (daemon->model && model_busy(daemon->model)) ||
	    (daemon->wake && wake_busy(daemon->wake)))
		_exit(code);
	stop(process);
	return code;
}

int main(int argc, char **argv)
{
	static struct process process;
	struct invocation invocation;
	struct daemon *daemon = &process.daemon;

	notify_log_init();
	if (options_parse(argc, argv, &invocation, NULL) < 0)
		return EXIT_USAGE;
	if (invocation.help) {
		options_usage(stdout);
		return EXIT_OK;
	}
	if (invocation.version) {
		puts("heard " HEARD_VERSION);
		return EXIT_OK;
	}
	if (reload_read_settings(argc, argv, &daemon->settings) < 0)
		return EXIT_USAGE;
	if (invocation.check_config) {
		settings_finish(&daemon->settings);
		puts("the configuration is right");
		return EXIT_OK;
	}
	log_set_level((enum log_level)daemon->settings.log);
	daemon->argc = argc;
	daemon->argv = argv;

	int code = run(&process);
	settings_finish(&daemon->settings);
	return code;
}
