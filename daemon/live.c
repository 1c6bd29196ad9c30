/*
 * A timer asks the source what happened. Its audio goes on as
 *
 *	mean of the channels -> resampler -> feed (gate, engine)
 *
 * What the engine does not take (a minute is waiting) is lost and told as an
 * overrun; only standard input is slowed down instead.
 */
#include "daemon/live.h"

#include "audio/gate.h"
#include "audio/resample.h"
#include "audio/source.h"
#include "core/base/log.h"
#include "daemon/dump.h"
#include "daemon/feed.h"
#include "daemon/flicker.h"
#include "daemon/limits.h"
#include "daemon/model.h"
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
	LIVE_OUT = SOURCE_BLOCK_FRAMES,
	LIVE_REASON_BYTES = 128,
};

enum device_state { DEVICE_SEARCHING, DEVICE_OPEN, DEVICE_LOST, DEVICE_ENDED, DEVICE_NONE };

struct live {
	struct daemon *daemon;
	uv_timer_t timer;
	uv_work_t work;
	bool timer_open, working;

	/* source */
	struct source *source;
	char *spec, *device; /* owned: what `source` was made of, with the next two */
	int device_rate, device_channels;
	bool loop;
	struct source *stale; /* replaced, to be destroyed on the worker */
	int open_result;
	enum device_state state;
	bool announce; /* SOURCE_OPENED came, its message waits for a gap */
	int64_t gap;   /* samples, for that message */
	char reason[LIVE_REASON_BYTES];
	struct source_format format;
	struct resampler *resampler;
	float *mono, *out;

	/* stream */
	struct engine_params params;
	struct feed feed;
	bool stopping; /* no more audio is wanted */
	bool ended;    /* the engine was told */
	bool restart;  /* live_start is to be called again */
	uint64_t next_utterance;
	int64_t dropped; /* samples lost since the start */

	/* results */
	struct flicker flicker;
	struct result lag; /* the last change of rung */
};

static const char *const state_names[] = {"searching", "open", "lost", "ended", "none"};

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

static void resample(struct live *live, const float *samples, size_t n, bool end)
{
	size_t done = 0, n_in, n_out;

	do {
		n_in = n - done;
		n_out = LIVE_OUT;
		if (resampler_run(live->resampler, samples + done, &n_in, live->out, &n_out, end) <
		    0)
			return;
		done += n_in;
		feed_samples(&live->feed, live->out, n_out);
	} while (done < n || n_out > 0);
}

static void take_audio(struct live *live, const struct source_event *event)
{
	unsigned channels = event->format.channels;
	const float *samples = event->samples;

	if (!live->resampler)
		return;
	if (channels > 1) {
		for (size_t i = 0; i < event->frames; i++) {
			float sum = 0;

			for (unsigned c = 0; c < channels; c++)
				sum += event->samples[i * channels + c];
			live->mono[i] = sum / (float)channels;
		}
		samples = live->mono;
	}
	resample(live, samples, event->frames, false);
}

static void end_block(struct live *live)
{
	if (!live->resampler)
		return;
	resample(live, NULL, 0, true);
	resampler_reset(live->resampler);
}

static void take_opened(struct live *live, const struct source_format *format)
{
	if (!live->resampler || format->rate != live->format.rate) {
		resampler_destroy(live->resampler);
		live->resampler = NULL;
		if (resampler_create(format->rate, live->feed.rate, RESAMPLER_FAST,
				     &live->resampler) < 0)
			log_error("source: cannot convert from %u Hz to %u Hz", format->rate,
				  live->feed.rate);
	}
	live->format = *format;
	live->state = DEVICE_OPEN;
	live->reason[0] = '\0';
	live->announce = true;
}

static void announce(struct live *live)
{
	struct source_status status;

	if (!live->announce)
		return;
	live->announce = false;
	source_get_status(live->source, &status);
	log_info("source: %s, %u Hz, %u channels", status.name, live->format.rate,
		 live->format.channels);
	tell_device(live);
}

static void take_gap(struct live *live, const struct source_event *event)
{
	int64_t n = (int64_t)llround((double)event->frames * live->feed.rate / event->format.rate);

	end_block(live);
	if (event->gap == SOURCE_GAP_DEVICE)
		live->gap = n;
	announce(live);
	feed_gap(&live->feed, n);
	if (event->gap == SOURCE_GAP_OVERRUN)
		on_overrun(live, n);
}

static void remember_reason(struct live *live, const char *reason)
{
	live->reason[0] = '\0';
	if (reason)
		strncat(live->reason, reason, sizeof(live->reason) - 1);
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
	end_block(live);
	finish_stream(live);
}

static void take_event(struct live *live, const struct source_event *event)
{
	switch (event->kind) {
	case SOURCE_OPENED:
		take_opened(live, &event->format);
		break;
	case SOURCE_AUDIO:
		announce(live);
		take_audio(live, event);
		break;
	case SOURCE_GAP:
		take_gap(live, event);
		break;
	case SOURCE_LOST:
		end_block(live);
		live->state = DEVICE_LOST;
		remember_reason(live, event->reason);
		tell_device(live);
		break;
	case SOURCE_END:
		live->state = DEVICE_ENDED;
		remember_reason(live, event->reason);
		log_info("source: ended");
		stop_stream(live);
		/* Clients leave when they are told: take_done does it, behind the
		 * last words. */
		if (!live->feed.stream)
			tell_device(live);
		break;
	}
}

/* ---- opening, on a worker ---- */

static void open_work(uv_work_t *work)
{
	struct live *live = work->data;

	source_destroy(live->stale);
	live->stale = NULL;
	live->open_result = live->source ? source_open(live->source) : 0;
}

static void open_done(uv_work_t *work, int status)
{
	struct live *live = work->data;

	(void)status;
	live->working = false;
	if (live->open_result < 0 && live->state == DEVICE_SEARCHING && live->reason[0] == '\0') {
		remember_reason(live, strerror(-live->open_result));
		tell_device(live);
	}
	if (live->restart)
		live_start(live);
	shutdown_check(live->daemon);
}

static void on_tick(uv_timer_t *timer)
{
	struct live *live = timer->data;
	struct source_event event;

	if (live->working)
		return;
	if (live->stale || (live->source && !live->stopping && source_wants_open(live->source))) {
		live->working = uv_queue_work(timer->loop, &live->work, open_work, open_done) == 0;
		return;
	}
	if (live->stopping) {
		finish_stream(live);
		return;
	}
	if (!live->source || !live->feed.stream || !feed_settle(&live->feed))
		return;
	for (int i = 0; i < LIVE_BLOCKS && !live->feed.rest_n && !live->stopping &&
			source_next(live->source, &event);
	     i++)
		take_event(live, &event);
	uv_timer_set_repeat(timer, feed_asleep(&live->feed) ? LIVE_SLEEP_MS : LIVE_TICK_MS);
}

/* ---- results ---- */

static void count_result(struct live *live, const struct result *result)
{
	struct counters *counters = &live->daemon->counters;
	uint64_t shown = live->flicker.shown, revised = live->flicker.revised;

	if (result->kind == RESULT_PARTIAL) {
		flicker_partial(&live->flicker, result_text(result, result->stable),
				result_text(result, result->unstable));
	} else if (result->kind == RESULT_FINAL) {
		flicker_final(&live->flicker, result_text(result, result->text));
		counters->utterances++;
		counters->prefix_broken += !result->prefix_ok;
		live->next_utterance = result->utterance + 1;
	}
	counters->words_shown += live->flicker.shown - shown;
	counters->words_revised += live->flicker.revised - revised;
}

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
	if (live->state == DEVICE_ENDED)
		tell_device(live);
	shutdown_check(live->daemon);
}

static void fill_lag(const struct live *live, struct message *message)
{
	const struct result *lag = &live->lag;

	*message = (struct message){.kind = MESSAGE_LAG};
	message->lag = (struct message_lag){
		.stamp = message_stamp(0, lag->clock, lag->rate),
		.behind = lag->behind_ms / 1000,
		.rtf = lag->rtf,
		.rung = lag->rung,
		.measures = ladder_name(lag->rung),
		.window = {lag->left, lag->chunk, lag->right},
	};
}

static void on_result(void *ctx, const struct result *result)
{
	struct live *live = ctx;
	struct message message;

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
	case RESULT_LAG:
		live->lag = *result;
		log_warn("behind real time by %.1f s: %s from the next utterance on",
			 result->behind_ms / 1000, ladder_name(result->rung));
		fill_lag(live, &message);
		tell(live, &message);
		break;
	default:
		count_result(live, result);
		server_publish_result(live->daemon->server, result, latency(live, result->clock));
		break;
	}
}

static void on_room(void *ctx)
{
	struct live *live = ctx;

	/* The timer would do it too, but standard input has no pace of its own. */
	if (!live->working)
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
		.utterance = live->next_utterance,
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

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int choose_source(struct live *live)
{
	const struct settings *settings = &live->daemon->settings;
	struct source_options options = {
		.rate = live->feed.rate,
		.device = settings->device,
		.device_rate = (unsigned)settings->device_rate,
		.channels = (unsigned)settings->device_channels,
		.loop = settings->loop,
	};

	if (same(live->spec, settings->source) && same(live->device, settings->device) &&
	    live->loop == settings->loop && live->device_rate == settings->device_rate &&
	    live->device_channels == settings->device_channels)
		return 0;
	end_block(live);
	free(live->spec);
	free(live->device);
	live->spec = strdup(settings->source);
	live->device = settings->device ? strdup(settings->device) : NULL;
	live->loop = settings->loop;
	live->device_rate = settings->device_rate;
	live->device_channels = settings->device_channels;
	source_destroy(live->stale);
	live->stale = live->source;
	live->source = NULL;
	live->reason[0] = '\0';
	live->state = live_exists(live) ? DEVICE_SEARCHING : DEVICE_NONE;
	return live_exists(live) ? source_create(live->spec, &options, &live->source) : 0;
}

static int allocate(struct live *live)
{
	if (live->mono)
		return 0;
	live->feed.engine = live->daemon->engine;
	live->feed.owner = (struct feed_owner){on_voice, on_overrun, live};
	live->feed.rate = model_rate(live->daemon->model);
	live->mono = malloc(SOURCE_BLOCK_FRAMES * sizeof(float));
	live->out = malloc(LIVE_OUT * sizeof(float));
	if (!live->mono || !live->out)
		return -ENOMEM;
	if (live->daemon->settings.dump)
		dump_open(live->daemon->settings.dump, live->feed.rate, &live->feed.dump);
	server_publish_rate(live->daemon->server, live->feed.rate, model_hop(live->daemon->model));
	return 0;
}

void live_start(struct live *live)
{
	struct engine_listener listener = {on_result, on_room, live};
	int err;

	/* A source is being opened: the settings are taken up right after. */
	live->restart = live->working;
	if (live->working || live->daemon->stopping)
		return;
	err = allocate(live);
	if (err == 0)
		err = choose_source(live);
	if (err < 0) {
		log_error("source: %s: %s", live->daemon->settings.source, strerror(-err));
		live->state = DEVICE_NONE;
		return;
	}
	if (!live->source)
		return;

	choose_params(live, source_is_live(live->source));
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
	live->work.data = live;
	live->state = strcmp(daemon->settings.source, "none") == 0 ? DEVICE_NONE : DEVICE_SEARCHING;
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
	source_destroy(live->stale);
	source_destroy(live->source);
	resampler_destroy(live->resampler);
	feed_finish(&live->feed);
	free(live->spec);
	free(live->device);
	free(live->mono);
	free(live->out);
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
	return strcmp(live->daemon->settings.source, "none") != 0;
}

void live_joined(struct live *live, struct caption *caption)
{
	if (live->feed.rate)
		caption_set_rate(caption, live->feed.rate, model_hop(live->daemon->model));
}

void live_describe(struct live *live, struct message *message)
{
	struct source_status status = {0};

	/* While a worker opens it the source is not to be asked. */
	if (live->source && !live->working)
		source_get_status(live->source, &status);
	*message = (struct message){.kind = MESSAGE_DEVICE};
	message->device.stamp = live_stamp(live);
	message->device.state = state_names[live->state];
	message->device.name = status.name ? status.name : live->daemon->settings.device;
	message->device.reason = live->reason[0] ? live->reason : NULL;
	if (live->state == DEVICE_OPEN) {
		message->device.rate = live->format.rate;
		message->device.channels = live->format.channels;
	}
}

bool live_lag(const struct live *live, struct message *message)
{
	if (live->lag.rung == LADDER_NONE)
		return false;
	fill_lag(live, message);
	return true;
}

void live_fill_status(struct live *live, struct message_status *status)
{
	struct source_status source = {0};

	if (live->source && !live->working)
		source_get_status(live->source, &source);
	status->source = strncmp(live->daemon->settings.source, "file:", 5) == 0
				 ? "file"
				 : live->daemon->settings.source;
	status->device = source.name ? source.name : live->daemon->settings.device;
	status->device_state = state_names[live->state];
	status->level = live->feed.gate ? gate_level_db(live->feed.gate) : NAN;
	status->gate_open =
		live->feed.gate ? gate_is_open(live->feed.gate) : live->state == DEVICE_OPEN;
	status->overrun = live->feed.rate ? (double)live->dropped / live->feed.rate : 0;
}
