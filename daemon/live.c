/*
 * A timer asks the input what happened. Its audio goes on as
 *
 *	mixdown (mono, the model's rate) -> feed (gate, engine)
 *
 * What the engine does not take (a minute is waiting) is lost and told as an
 * overrun; only standard input is slowed down instead.
 */
#include "daemon/live.h"

#include "audio/gate.h"
#include "audio/source.h"
#include "core/base/log.h"
#include "daemon/dump.h"
#include "daemon/feed.h"
#include "daemon/input.h"
#include "daemon/mixdown.h"
#include "daemon/model.h"
#include "daemon/publisher.h"
#include "daemon/server.h"
#include "daemon/shutdown.h"
#include "daemon/wake.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIVE_TICK_MS = 20,  /* how often the source is asked ... */
	LIVE_SLEEP_MS = 60, /* ... and while the gate is closed: the pre-roll makes up for it */
	LIVE_BLOCKS = 16,   /* blocks of the source handled in a tick */
};

struct live {
	struct daemon *daemon;
	uv_timer_t timer;
	bool timer_open;

	struct input input;
	struct mixdown mixdown;
	bool announce; /* SOURCE_OPENED came, its message waits for a gap */
	int64_t gap;   /* samples, for that message */

	/* stream */
	struct engine_params params;
	struct feed feed;
	bool stopping;   /* no more audio is wanted */
	bool ended;      /* the engine was told */
	bool restart;    /* live_start is to be called again */
	int64_t dropped; /* samples lost since the start */

	struct publisher publisher;
};

/* ---- events to all subscribers ---- */

struct message_stamp live_stamp(const struct live *live)
{
	if (!live || !live->feed.rate)
		return message_stamp(0, 0, 1);
	return message_stamp(0, live->feed.position, live->feed.rate);
}

static void tell(struct live *live, const struct message *message)
{
	server_publish(live->daemon->server, message);
}

static void tell_device(struct live *live)
{
	struct message message;

	live_describe(live, &message);
	message.device.gap = live->feed.rate ? (double)live->gap / live->feed.rate : 0;
	live->gap = 0;
	tell(live, &message);
}

static void on_voice(void *ctx, bool started, int64_t clock)
{
	struct live *live = ctx;
	struct message message = {
		.kind = started ? MESSAGE_VOICE_STARTED : MESSAGE_VOICE_STOPPED,
	};

	message.timestamp.given = true;
	message.timestamp.ms = clock * 1000 / live->feed.rate;
	tell(live, &message);
}

static void on_overrun(void *ctx, int64_t dropped)
{
	struct live *live = ctx;
	struct message message = {.kind = MESSAGE_OVERRUN};

	live->dropped += dropped;
	message.overrun = (struct message_overrun){
		.stamp = live_stamp(live),
		.dropped = (double)dropped / live->feed.rate,
		.dropped_total = (double)live->dropped / live->feed.rate,
	};
	tell(live, &message);
}

/* ---- from the source ---- */

static void take_samples(void *ctx, const float *samples, size_t n)
{
	struct live *live = ctx;

	feed_samples(&live->feed, samples, n);
}

static void announce(struct live *live)
{
	if (!live->announce)
		return;
	live->announce = false;
	input_log_opened(&live->input);
	tell_device(live);
}

static void take_gap(struct live *live, const struct source_event *event)
{
	int64_t n = (int64_t)llround((double)event->frames * live->feed.rate / event->format.rate);

	mixdown_end(&live->mixdown);
	if (event->gap == SOURCE_GAP_DEVICE)
		live->gap = n;
	announce(live);
	feed_gap(&live->feed, n);
	if (event->gap == SOURCE_GAP_OVERRUN)
		on_overrun(live, n);
}

static void finish_stream(struct live *live)
{
	if (live->feed.stream && !live->ended)
		live->ended = feed_end(&live->feed);
}

static void stop_stream(struct live *live)
{
	if (live->stopping)
		return;
	live->stopping = true;
	if (!live->feed.stream)
		return;
	mixdown_end(&live->mixdown);
	finish_stream(live);
}

static void take_event(struct live *live, const struct source_event *event)
{
	switch (event->kind) {
	case SOURCE_OPENED:
		mixdown_set_format(&live->mixdown, &event->format);
		live->announce = true;
		break;
	case SOURCE_AUDIO:
		announce(live);
		mixdown_block(&live->mixdown, event);
		break;
	case SOURCE_GAP:
		take_gap(live, event);
		break;
	case SOURCE_LOST:
		mixdown_end(&live->mixdown);
		tell_device(live);
		break;
	case SOURCE_END:
		stop_stream(live);
		/* Clients leave when they are told: take_done does it, behind the
		 * last words. */
		if (!live->feed.stream)
			tell_device(live);
		break;
	}
}

static void on_input_opened(void *ctx, bool failed)
{
	struct live *live = ctx;

	if (failed)
		tell_device(live);
	if (live->restart)
		live_start(live);
	shutdown_check(live->daemon);
}

static void on_tick(uv_timer_t *timer)
{
	struct live *live = timer->data;
	struct source_event event;

	if (input_attend(&live->input, !live->stopping))
		return;
	if (live->stopping) {
		finish_stream(live);
		return;
	}
	if (!live->input.source || !live->feed.stream || !feed_settle(&live->feed))
		return;
	for (int i = 0; i < LIVE_BLOCKS && !live->feed.rest_n && !live->stopping &&
			input_next(&live->input, &event);
	     i++)
		take_event(live, &event);
	uv_timer_set_repeat(timer, feed_asleep(&live->feed) ? LIVE_SLEEP_MS : LIVE_TICK_MS);
}

/* ---- results ---- */

/* Seconds since the sample at `clock` came. */
static double latency(const struct live *live, int64_t clock)
{
	return (double)(uv_hrtime() - live->feed.given_time) / 1e9 +
	       (double)(live->feed.given - clock) / live->feed.rate;
}

static void take_done(struct live *live, int64_t clock)
{
	server_publish_stop(live->daemon->server, clock, latency(live, clock));
	engine_close(live->daemon->engine, live->feed.stream);
	live->feed.stream = NULL;
	live_update_wake(live);
	if (live->input.state == INPUT_ENDED)
		tell_device(live);
	shutdown_check(live->daemon);
}

static void on_result(void *ctx, const struct result *result)
{
	struct live *live = ctx;

	switch (result->kind) {
	case RESULT_OPENED:
		break;
	case RESULT_FAILED:
		log_error("source: cannot be recognized: %s", strerror(-result->error));
		take_done(live, live->feed.given);
		break;
	case RESULT_DONE:
		take_done(live, result->clock);
		break;
	default:
		publisher_result(&live->publisher, result, latency(live, result->clock));
		break;
	}
}

static void on_room(void *ctx)
{
	struct live *live = ctx;

	/* The timer would do it too, but standard input has no pace of its own. */
	if (!live->input.working)
		on_tick(&live->timer);
}

/* ---- keywords ---- */

static void on_wake_result(void *ctx, const struct result *result)
{
	struct live *live = ctx;

	if (result->kind == RESULT_DETECTION)
		server_publish_detection(live->daemon->server, result_text(result, result->text),
					 (double)result->confidence,
					 message_stamp(0, result->clock, live->feed.rate));
}

static void on_wake_room(void *ctx)
{
	(void)ctx; /* the next block tries again */
}

static void start_wake(struct live *live)
{
	struct engine_listener listener = {on_wake_result, on_wake_room, live};
	struct engine_params params;

	if (wake_rate(live->daemon->wake) != live->feed.rate) {
		log_warn("the keyword model is for %u Hz: the source is not searched",
			 wake_rate(live->daemon->wake));
		return;
	}
	wake_params(live->daemon->wake, &params);
	params.spotting.live = true;
	params.clock = live->feed.given;
	if (engine_open(live->daemon->engine, &params, &listener, &live->feed.wake) < 0)
		log_warn("no stream is free: the source is not searched for keywords");
	live->feed.wake_skip = 0;
}

void live_update_wake(struct live *live)
{
	bool wanted = live && live->feed.stream && wake_ready(live->daemon->wake) &&
		      server_wants_keywords(live->daemon->server);

	if (wanted && !live->feed.wake) {
		start_wake(live);
	} else if (!wanted && live && live->feed.wake) {
		engine_close(live->daemon->engine, live->feed.wake);
		live->feed.wake = NULL;
	}
}

/* ---- start and stop ---- */

static void choose_params(struct live *live, bool paced)
{
	const struct settings *settings = &live->daemon->settings;

	live->params = (struct engine_params){
		.role = paced ? ENGINE_LIVE : ENGINE_PUSHED,
		.context_given = settings->streaming_given,
		.left = settings->left,
		.chunk = settings->chunk,
		.right = settings->right,
		.final = model_final_stream(live->daemon->model) ? FINAL_STREAM : FINAL_OFFLINE,
		.endpoints = true,
		.rules =
			{
				.silence_no_text = settings->endpoint_silence_no_text,
				.silence_text = settings->endpoint_silence_text,
				.max_length = settings->endpoint_max_length,
			},
		.clock = live->feed.given,
		.utterance = live->publisher.next_utterance,
		.plan = model_plan(live->daemon->model),
	};
}

/* The gate must stay open until the endpoint rule has had its silence, as the
 * recognizer sees it: a chunk and a lookahead late. */
static double choose_hangover(const struct live *live)
{
	double rule = live->daemon->settings.endpoint_silence_text;
	long left, chunk, right;

	model_context(live->daemon->model, &left, &chunk, &right);
	if (chunk < 0)
		chunk = 0;
	if (rule > 0)
		rule += (double)(2 * chunk + right) * model_hop(live->daemon->model) /
			live->feed.rate;
	return rule;
}

static int choose_source(struct live *live)
{
	if (!input_differs(&live->input))
		return 0;
	mixdown_end(&live->mixdown);
	return input_replace(&live->input, live->feed.rate);
}

static int allocate(struct live *live)
{
	unsigned rate = model_rate(live->daemon->model);

	if (live->feed.rate)
		return 0;
	if (mixdown_init(&live->mixdown, rate, take_samples, live) < 0)
		return -ENOMEM;
	live->feed.engine = live->daemon->engine;
	live->feed.owner = (struct feed_owner){on_voice, on_overrun, live};
	live->feed.rate = rate;
	if (live->daemon->settings.dump)
		dump_open(live->daemon->settings.dump, rate, &live->feed.dump);
	server_publish_rate(live->daemon->server, rate, model_hop(live->daemon->model));
	return 0;
}

void live_start(struct live *live)
{
	struct engine_listener listener = {on_result, on_room, live};
	int err;

	/* A source is being opened: the settings are taken up right after. */
	live->restart = live->input.working;
	if (live->input.working || live->daemon->stopping)
		return;
	err = allocate(live);
	if (err == 0)
		err = choose_source(live);
	if (err < 0) {
		log_error("source: %s: %s", live->daemon->settings.source, strerror(-err));
		live->input.state = INPUT_NONE;
		return;
	}
	if (!live->input.source)
		return;

	choose_params(live, source_is_live(live->input.source));
	live->feed.paced = live->params.role == ENGINE_LIVE;
	if (live->feed.stream) {
		engine_configure(live->daemon->engine, live->feed.stream, &live->params);
	} else {
		live->stopping = live->ended = live->feed.ending = false;
		err = engine_open(live->daemon->engine, &live->params, &listener,
				  &live->feed.stream);
		if (err < 0)
			log_error("source: no stream is free for it");
	}
	server_open_views(live->daemon->server);
	live_update_wake(live);
	feed_set_gate(&live->feed, live->daemon->settings.gate && live->feed.paced,
		      choose_hangover(live));
}

static void on_timer_closed(uv_handle_t *handle)
{
	((struct live *)handle->data)->timer_open = false;
}

int live_create(struct daemon *daemon, struct live **out)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return -ENOMEM;
	live->daemon = daemon;
	live->publisher.daemon = daemon;
	input_init(&live->input, daemon, &(struct input_owner){on_input_opened, live});
	uv_timer_init(daemon->loop, &live->timer);
	live->timer.data = live;
	live->timer_open = true;
	uv_timer_start(&live->timer, on_tick, LIVE_TICK_MS, LIVE_TICK_MS);
	*out = live;
	return 0;
}

void live_close(struct live *live)
{
	if (live && live->timer_open)
		uv_close((uv_handle_t *)&live->timer, on_timer_closed);
}

void live_destroy(struct live *live)
{
	if (!live)
		return;
	input_finish(&live->input);
	mixdown_finish(&live->mixdown);
	feed_finish(&live->feed);
	free(live);
}

void live_stop(struct live *live)
{
	stop_stream(live);
}

bool live_done(const struct live *live)
{
	return !live->feed.stream;
}

void live_abandon(struct live *live)
{
	if (!live->feed.stream)
		return;
	server_publish_abandon(live->daemon->server);
	engine_close(live->daemon->engine, live->feed.stream);
	live->feed.stream = NULL;
}

/* ---- what it is ---- */

bool live_exists(const struct live *live)
{
	return input_exists(&live->input);
}

bool live_set_view(struct live *live, uint64_t view, struct decode_plan *plan)
{
	return !live->feed.stream ||
	       engine_set_view(live->daemon->engine, live->feed.stream, view, plan);
}

void live_drop_view(struct live *live, uint64_t view)
{
	if (live && live->feed.stream)
		engine_drop_view(live->daemon->engine, live->feed.stream, view);
}

void live_joined(struct live *live, struct caption *caption)
{
	if (live->feed.rate)
		caption_set_rate(caption, live->feed.rate, model_hop(live->daemon->model));
}

void live_describe(struct live *live, struct message *message)
{
	*message = (struct message){.kind = MESSAGE_DEVICE};
	message->device.stamp = live_stamp(live);
	input_describe(&live->input, &message->device);
}

bool live_lag(const struct live *live, struct message *message)
{
	return publisher_lag(&live->publisher, message);
}

void live_fill_status(struct live *live, struct message_status *status)
{
	const struct gate *gate = live->feed.gate;

	input_fill_status(&live->input, status);
	status->level = gate ? gate_level_db(gate) : NAN;
	status->gate_open = gate ? gate_is_open(gate) : live->input.state == INPUT_OPEN;
	status->overrun = live->feed.rate ? (double)live->dropped / live->feed.rate : 0;
}
