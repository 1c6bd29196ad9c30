#include "daemon/feed.h"

#include "audio/gate.h"
#include "core/base/log.h"
#include "daemon/dump.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

void feed_finish(struct feed *feed)
{
	gate_destroy(feed->gate);
	dump_close(feed->dump);
	free(feed->rest);
	memset(feed, 0, sizeof(*feed));
}

/* ---- to the engine ---- */

/* Keywords are searched for as far as the machine allows. */
static void give_wake(struct feed *feed, const float *samples, size_t n, int64_t skip)
{
	if (!feed->wake)
		return;
	feed->wake_skip += skip;
	if (feed->wake_skip > 0 && engine_skip(feed->engine, feed->wake, feed->wake_skip))
		feed->wake_skip = 0;
	size_t taken = feed->wake_skip ? 0 : engine_push(feed->engine, feed->wake, samples, n);
	feed->wake_skip += (int64_t)(n - taken);
}

/* Gives what has to come before samples. False: no room. */
static bool give_marks(struct feed *feed)
{
	if (feed->flush && !engine_flush(feed->engine, feed->stream))
		return false;
	feed->flush = false;
	if (feed->skip > 0) {
		if (!engine_skip(feed->engine, feed->stream, feed->skip))
			return false;
		dump_silence(feed->dump, feed->skip);
		give_wake(feed, NULL, 0, feed->skip);
		feed->given += feed->skip;
		feed->skip = 0;
	}
	return true;
}

static size_t give_some(struct feed *feed, const float *samples, size_t n)
{
	size_t taken = give_marks(feed) ? engine_push(feed->engine, feed->stream, samples, n) : 0;

	dump_samples(feed->dump, samples, taken);
	give_wake(feed, samples, taken, 0);
	feed->given += (int64_t)taken;
	feed->given_time = uv_hrtime();
	return taken;
}

static void keep_rest(struct feed *feed, const float *samples, size_t n)
{
	if (feed->rest_n + n > feed->rest_capacity) {
		float *grown = realloc(feed->rest, (feed->rest_n + n) * sizeof(*grown));

		if (!grown) {
			log_error("source: out of memory, %zu samples are lost", n);
			feed->skip += (int64_t)n;
			return;
		}
		feed->rest = grown;
		feed->rest_capacity = feed->rest_n + n;
	}
	memcpy(feed->rest + feed->rest_n, samples, n * sizeof(*samples));
	feed->rest_n += n;
}

static void give(struct feed *feed, const float *samples, size_t n)
{
	size_t taken = feed->rest_n ? 0 : give_some(feed, samples, n);

	if (taken == n)
		return;
	if (!feed->paced) {
		keep_rest(feed, samples + taken, n - taken);
	} else {
		feed->skip += (int64_t)(n - taken);
		feed->owner.overrun(feed->owner.ctx, (int64_t)(n - taken));
	}
}

bool feed_settle(struct feed *feed)
{
	if (!feed->stream)
		return true;
	if (feed->rest_n) {
		feed->rest_done += give_some(feed, feed->rest + feed->rest_done,
					     feed->rest_n - feed->rest_done);
		if (feed->rest_done < feed->rest_n)
			return false;
		feed->rest_n = feed->rest_done = 0;
	}
	return give_marks(feed);
}

/* ---- the gate ---- */

static void take_gate_events(struct feed *feed)
{
	struct gate_event event;

	while (gate_next(feed->gate, &event)) {
		int64_t clock = feed->gate_base + event.position;

		switch (event.kind) {
		case GATE_OPEN:
			if (clock > feed->given)
				feed->skip = clock - feed->given;
			feed->owner.voice(feed->owner.ctx, true, clock);
			break;
		case GATE_AUDIO:
			give(feed, event.samples, event.n);
			break;
		case GATE_CLOSE:
			/* At the end of the source the end of the stream will do. */
			feed->flush = !feed->ending;
			give_marks(feed);
			feed->owner.voice(feed->owner.ctx, false, clock);
			break;
		}
	}
}

static void close_gate(struct feed *feed)
{
	if (!feed->gate || !feed->stream)
		return;
	gate_end(feed->gate);
	take_gate_events(feed);
	gate_destroy(feed->gate);
	feed->gate = NULL;
}

void feed_set_gate(struct feed *feed, bool gate, double hangover_s)
{
	struct gate_options options = gate_options_default();

	if (feed->gate && gate && hangover_s == feed->hangover_s)
		return;
	close_gate(feed);
	if (!gate)
		return;
	if (options.hangover_s < hangover_s)
		options.hangover_s = hangover_s;
	feed->hangover_s = hangover_s;
	feed->gate_base = feed->position;
	if (gate_create(&options, feed->rate, &feed->gate) < 0)
		log_error("gate: cannot be made: all audio is recognized");
}

bool feed_asleep(const struct feed *feed)
{
	return feed->gate && !gate_is_open(feed->gate);
}

/* ---- from the source ---- */

void feed_samples(struct feed *feed, const float *samples, size_t n)
{
	feed->position += (int64_t)n;
	if (!feed->stream)
		return;
	if (!feed->gate) {
		give(feed, samples, n);
		return;
	}
	while (n > 0) {
		size_t taken = gate_push(feed->gate, samples, n);

		samples += taken;
		n -= taken;
		take_gate_events(feed);
	}
}

void feed_gap(struct feed *feed, int64_t n)
{
	feed->position += n;
	if (!feed->stream)
		return;
	if (feed->gate) {
		gate_skip(feed->gate, n);
		take_gate_events(feed);
	} else {
		feed->flush = true;
		feed->skip += n;
		give_marks(feed);
	}
}

bool feed_end(struct feed *feed)
{
	feed->ending = true;
	close_gate(feed);
	return feed_settle(feed) && engine_end(feed->engine, feed->stream);
}
