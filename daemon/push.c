/*
 * The way of a block: bytes -> pcm_decode (interleaved) -> mean of the channels
 * -> resampler -> `out` -> engine. A block is at most what fits into `out`, and
 * the next one is not begun before `out` is empty: so at most one block waits
 * here, and LIMIT_PUSH_RING_SECONDS in the engine's input.
 */
#include "daemon/push.h"

#include "audio/pcm_decoder.h"
#include "audio/resample.h"
#include "core/base/log.h"
#include "core/decode/flicker.h"
#include "daemon/limits.h"
#include "daemon/model.h"
#include "daemon/wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OUT_SAMPLES = 8192, /* at the model's rate, one block */
};

enum push_state {
	PUSH_OPEN,
	PUSH_DRAINING, /* audio-stop came: the resampler's rest is on its way */
	PUSH_ENDED,    /* the engine was told; the last final is awaited */
	PUSH_FAILED,
};

struct push {
	struct daemon *daemon;
	struct push_owner owner;
	struct engine_params params;
	struct engine_stream *stream;
	struct message_audio format;
	struct caption caption;
	struct flicker flicker;
	struct pcm_decoder decoder;
	struct resampler *resampler;
	enum push_state state;
	unsigned rate;      /* the model's */
	size_t block;       /* frames of the client's rate in a block */
	int64_t given;      /* samples given to the engine */
	uint64_t last_ms;   /* uv_now of the last bytes */
	uint64_t stopped;   /* uv_hrtime of audio-stop */
	bool drained;       /* the resampler has given its last */
	float *interleaved; /* [block * channels] */
	float *in;          /* [block], mono; in_begin..in_end wait for the resampler */
	size_t in_begin, in_end;
	float *out; /* [OUT_SAMPLES]; out_begin..out_end wait for the engine */
	size_t out_begin, out_end;
};

static enum pcm_format format_of(const struct message_audio *format)
{
	if (format->floating)
		return PCM_F32LE;
	return format->width == 2 ? PCM_S16LE : format->width == 3 ? PCM_S24LE : PCM_S32LE;
}

static bool format_supported(const struct message_audio *format)
{
	return format->width >= 2 && format->width <= 4 &&
	       format->channels <= LIMIT_PUSH_CHANNELS && format->rate >= LIMIT_PUSH_RATE_MIN &&
	       format->rate <= LIMIT_PUSH_RATE_MAX;
}

/* ---- results ---- */

static void count_result(struct push *push, const struct result *result)
{
	struct counters *counters = &push->daemon->counters;
	uint64_t shown = push->flicker.shown, revised = push->flicker.revised;

	if (result->kind == RESULT_PARTIAL) {
		flicker_partial(&push->flicker, result_text(result, result->stable),
				result_text(result, result->unstable));
	} else if (result->kind == RESULT_FINAL) {
		flicker_final(&push->flicker, result_text(result, result->text));
		counters->utterances++;
		counters->prefix_broken += !result->prefix_ok;
	}
	counters->words_shown += push->flicker.shown - shown;
	counters->words_revised += push->flicker.revised - revised;
}

static double latency(const struct push *push)
{
	return push->state == PUSH_ENDED ? (double)(uv_hrtime() - push->stopped) / 1e9 : -1;
}

static void fail(struct push *push, enum protocol_error error, const char *text)
{
	push->state = PUSH_FAILED;
	push->owner.failed(push->owner.ctx, error, text);
}

/* The stream could not be opened. */
static void fail_opening(struct push *push, int error)
{
	char text[128];

	if (error == -ENOENT) {
		snprintf(text, sizeof(text), "the model has no language \"%s\"",
			 push->params.language);
		fail(push, PROTOCOL_NO_LANGUAGE, text);
	} else {
		fail(push, PROTOCOL_INTERNAL, strerror(-error));
	}
}

static void on_result(void *ctx, const struct result *result)
{
	struct push *push = ctx;

	if (push->state == PUSH_FAILED)
		return;
	switch (result->kind) {
	case RESULT_OPENED:
		caption_set_rate(&push->caption, result->rate, result->hop);
		break;
	case RESULT_FAILED:
		fail_opening(push, result->error);
		break;
	case RESULT_RESET:
		caption_reset(&push->caption, result->clock);
		push->flicker.last[0] = '\0';
		break;
	case RESULT_DETECTION:
		push->owner.detection(push->owner.ctx, result_text(result, result->text),
				      result->confidence, result->clock);
		break;
	case RESULT_DONE:
		if (push->params.role != ENGINE_WAKE)
			caption_stop(&push->caption, result->clock, latency(push));
		push->owner.done(push->owner.ctx);
		break;
	default:
		count_result(push, result);
		if (caption_result(&push->caption, result, latency(push)) < 0)
			fail(push, PROTOCOL_INTERNAL, "out of memory");
		break;
	}
}

/* ---- samples ---- */

/* Moves what waits in `out`. True when it is empty. */
static bool empty_out(struct push *push)
{
	size_t n = push->out_end - push->out_begin;
	size_t taken =
		n ? engine_push(push->daemon->engine, push->stream, push->out + push->out_begin, n)
		  : 0;

	push->given += (int64_t)taken;
	push->out_begin += taken;
	if (push->out_begin < push->out_end)
		return false;
	push->out_begin = push->out_end = 0;
	return true;
}

/* Moves what waits in `in` through the resampler. True when all has gone. */
static bool empty_in(struct push *push, bool end)
{
	while (push->in_begin < push->in_end || (end && !push->drained)) {
		if (!empty_out(push))
			return false;
		size_t n_in = push->in_end - push->in_begin, n_out = OUT_SAMPLES;
		if (resampler_run(push->resampler, push->in + push->in_begin, &n_in, push->out,
				  &n_out, end) < 0) {
			fail(push, PROTOCOL_INTERNAL, "the resampler failed");
			return true;
		}
		push->in_begin += n_in;
		push->out_end = n_out;
		push->drained = end && n_out == 0;
	}
	push->in_begin = push->in_end = 0;
	return empty_out(push);
}

static void take_block(struct push *push, const unsigned char *bytes, size_t n)
{
	size_t channels = (size_t)push->format.channels;
	size_t frames = pcm_decode(&push->decoder, bytes, n, push->interleaved);

	for (size_t i = 0; i < frames; i++) {
		float sum = 0;

		for (size_t c = 0; c < channels; c++)
			sum += push->interleaved[i * channels + c];
		push->in[i] = channels == 1 ? sum : sum / (float)channels;
	}
	push->in_end = frames;
}

size_t push_bytes(struct push *push, const unsigned char *bytes, size_t n)
{
	size_t frame = pcm_bytes(push->decoder.format) * (size_t)push->format.channels;
	size_t done = 0;

	push->last_ms = uv_now(push->daemon->loop);
	while (done < n) {
		if (push->state == PUSH_FAILED)
			return n;
		if (!empty_in(push, false))
			break;
		/* The carried bytes make one frame more at most. */
		size_t piece = (push->block - 1) * frame;
		if (piece > n - done)
			piece = n - done;
		take_block(push, bytes + done, piece);
		done += piece;
	}
	/* Not to be left waiting for bytes that may come late. */
	if (push->state != PUSH_FAILED)
		empty_in(push, false);
	if (push->given > (int64_t)LIMIT_PUSH_SECONDS * push->rate)
		fail(push, PROTOCOL_TOO_MUCH_AUDIO, NULL);
	return done;
}

static void drain(struct push *push)
{
	if (push->state == PUSH_DRAINING && empty_in(push, true) && push->state == PUSH_DRAINING &&
	    engine_end(push->daemon->engine, push->stream))
		push->state = PUSH_ENDED;
}

static void on_room(void *ctx)
{
	struct push *push = ctx;

	if (push->state == PUSH_DRAINING)
		drain(push);
	else if (push->state != PUSH_FAILED && empty_in(push, false))
		push->owner.room(push->owner.ctx);
}

void push_stop(struct push *push)
{
	if (push->state != PUSH_OPEN)
		return;
	push->state = PUSH_DRAINING;
	push->stopped = uv_hrtime();
	drain(push);
}

bool push_stopped(const struct push *push)
{
	return push->state == PUSH_DRAINING || push->state == PUSH_ENDED;
}

bool push_flush(struct push *push)
{
	if (push->state != PUSH_OPEN)
		return true;
	if (!empty_in(push, false) || !engine_flush(push->daemon->engine, push->stream))
		return false;
	caption_flush(&push->caption);
	return true;
}

/* ---- lifecycle ---- */

static int open_stream(struct push *push, const struct engine_params *params)
{
	struct engine_listener listener = {on_result, on_room, push};

	return engine_open(push->daemon->engine, params, &listener, &push->stream);
}

static int allocate(struct push *push, unsigned model_rate)
{
	unsigned rate = (unsigned)push->format.rate;
	int err = resampler_create(rate, model_rate, RESAMPLER_BEST, &push->resampler);

	if (err < 0)
		return err;
	/* About half of what `out` holds, so that a block mostly goes in one. */
	push->block = (size_t)OUT_SAMPLES / 2 * rate / model_rate;
	if (push->block < 64)
		push->block = 64;
	if (push->block > OUT_SAMPLES)
		push->block = OUT_SAMPLES;
	push->interleaved = malloc(push->block * (size_t)push->format.channels * sizeof(float));
	push->in = malloc(push->block * sizeof(float));
	push->out = malloc(OUT_SAMPLES * sizeof(float));
	return push->interleaved && push->in && push->out ? 0 : -ENOMEM;
}

int push_create(struct daemon *daemon, const struct engine_params *params,
		const struct message_audio *format, const struct caption_options *caption,
		const struct push_owner *owner, struct push **out)
{
	struct push *push;
	int err;

	if (!format_supported(format))
		return -EINVAL;
	if (daemon->pushing >= (size_t)daemon->settings.max_streams)
		return -EAGAIN;
	push = calloc(1, sizeof(*push));
	if (!push)
		return -ENOMEM;
	push->daemon = daemon;
	daemon->pushing++;
	push->owner = *owner;
	push->params = *params;
	push->params.plan = NULL; /* the engine's, from open_stream on */
	push->format = *format;
	push->rate =
		params->role == ENGINE_WAKE ? wake_rate(daemon->wake) : model_rate(daemon->model);
	push->last_ms = uv_now(daemon->loop);
	caption_init(&push->caption, caption, owner->send, owner->ctx);
	caption_set_rate(&push->caption, push->rate, model_hop(daemon->model));
	err = pcm_decoder_init(&push->decoder, format_of(format), (unsigned)format->channels);
	if (err == 0)
		err = allocate(push, push->rate);
	if (err == 0)
		err = open_stream(push, params);
	if (err < 0) {
		push_destroy(push);
		return err;
	}
	*out = push;
	return 0;
}

void push_destroy(struct push *push)
{
	if (!push)
		return;
	push->daemon->pushing--;
	if (push->stream)
		engine_close(push->daemon->engine, push->stream);
	caption_finish(&push->caption);
	resampler_destroy(push->resampler);
	free(push->interleaved);
	free(push->in);
	free(push->out);
	free(push);
}

bool push_reset(struct push *push, bool full)
{
	return push->state != PUSH_OPEN ||
	       (empty_in(push, false) && engine_reset(push->daemon->engine, push->stream, full));
}

void push_abandon(struct push *push)
{
	if (push->state != PUSH_FAILED && push->params.role != ENGINE_WAKE)
		caption_abandon(&push->caption, "shutdown");
	push->state = PUSH_FAILED;
}

void push_set_plan(struct push *push, struct decode_plan *plan)
{
	/* Without room, two seconds of samples wait: they keep the old plan, and so
	 * does what follows. */
	if (!push_stopped(push) && push->state != PUSH_FAILED &&
	    !engine_set_view(push->daemon->engine, push->stream, 0, plan))
		log_warn("a stream keeps its search: too much of it waits");
}

void push_set_view(struct push *push, bool partials, bool words, double interval)
{
	push->caption.options.partials = partials;
	push->caption.options.words = words;
	push->caption.options.interval = interval;
}

bool push_same_format(const struct push *push, const struct message_audio *format)
{
	return push->format.rate == format->rate && push->format.width == format->width &&
	       push->format.channels == format->channels;
}

bool push_is_wake(const struct push *push)
{
	return push->params.role == ENGINE_WAKE;
}

struct message_stamp push_stamp(const struct push *push)
{
	return message_stamp(push->caption.options.stream, push->given, push->rate);
}

uint64_t push_last_ms(const struct push *push)
{
	return push->last_ms;
}
