/*
 * The microphone: a capture device that comes and goes.
 *
 *	closed --open--> open --it stopped, or no samples came--> closed
 *
 * A lost stream is only marked here; source_open, which may block, frees it
 * before it looks for the device again. Tries come ever less often, but anew as
 * soon as something in the surroundings has changed. The count of failures is
 * forgotten with the first samples only: a device that opens but stays mute is
 * a failure too.
 *
 * The time that a device was away goes from the end of its last samples to the
 * start of its first new ones, both by the clock.
 */
#include "audio/capture.h"
#include "audio/pace.h"
#include "audio/source_kind.h"
#include "core/base/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SECOND_NS = 1000000000;
static const int64_t FIRST_RETRY_NS = 250000000;
/* A device that is there and fails gives no sign when it would work again (it
 * was in use); one that is not there mostly does when it comes. */
static const int64_t LAST_RETRY_NS = 60000000000;
static const int64_t LAST_RETRY_ABSENT_NS = 300000000000;
static const int64_t LOOK_NS = 1000000000;
static const double STALL_DEFAULT_S = 2.0;
/* Sound servers take up to two seconds until the first samples come. */
static const int64_t START_NS = 5000000000;

struct source_microphone {
	struct source source;
	const struct capture_backend *backend;
	char *device; /* owned; NULL: the default */
	unsigned channels, device_rate, wanted_rate;
	int64_t stall_ns;

	void *stream; /* the backend's; kept after a loss until the next open */
	struct capture_info info;
	char bound[CAPTURE_NAME_BYTES];
	float *block; /* owned, SOURCE_BLOCK_FRAMES frames */
	char reason[CAPTURE_REASON_BYTES];

	int64_t next_try;
	int64_t next_look;
	uint64_t surroundings; /* at the last try */
	unsigned failures;

	bool told;           /* SOURCE_OPENED was given */
	int64_t opened;      /* when the stream was opened */
	bool heard;          /* samples came since */
	int64_t heard_until; /* when samples last came, of this stream */
	bool away;           /* there was a stream before, lost at `away_since` */
	int64_t away_since;
	uint64_t dropped; /* the backend's count, as told */
	size_t held;      /* frames in `block` that follow a gap just told */
	uint64_t drained; /* frames since `pace` was updated */
	struct pace pace;
};

static void retry_later(struct source_microphone *m, int64_t longest)
{
	int64_t delay = FIRST_RETRY_NS;

	for (unsigned i = 0; i < m->failures && delay < longest; i++)
		delay *= 2;
	m->next_try = source_now(&m->source) + (delay < longest ? delay : longest);
	m->failures++;
}

static int open_failed(struct source_microphone *m, int rc, const char *reason)
{
	/* The same failure again and again is one line in the log. */
	if (strcmp(reason, m->reason) != 0)
		log_warn("microphone: %s", reason);
	snprintf(m->reason, sizeof(m->reason), "%s", reason);
	m->source.status.reason = m->reason;
	retry_later(m, rc == -ENODEV ? LAST_RETRY_ABSENT_NS : LAST_RETRY_NS);
	return rc;
}

static int microphone_open(struct source *source)
{
	struct source_microphone *m = (struct source_microphone *)source;
	struct capture_request request = {
		.device = m->device,
		.bound = m->bound,
		.channels = m->channels,
		.rate = m->device_rate,
		.wanted_rate = m->wanted_rate,
	};
	char reason[CAPTURE_REASON_BYTES] = "";

	m->backend->close(m->stream);
	m->stream = NULL;
	/* Before the search, so that what comes meanwhile is not missed. */
	m->surroundings = m->backend->surroundings();
	int rc = m->backend->open(&request, &m->stream, &m->info, reason);
	if (rc < 0)
		return open_failed(m, rc, reason);
	float *block = realloc(m->block, sizeof(*block) * SOURCE_BLOCK_FRAMES * m->info.channels);
	if (!block) {
		m->backend->close(m->stream);
		m->stream = NULL;
		return open_failed(m, -ENOMEM, strerror(ENOMEM));
	}
	m->block = block;
	memcpy(m->bound, m->info.name, sizeof(m->bound));
	m->reason[0] = '\0';
	source->status.reason = NULL;
	source->status.format = (struct source_format){m->info.rate, m->info.channels};
	source->status.name = m->bound;
	m->told = m->heard = false;
	m->opened = source_now(source);
	m->dropped = 0;
	m->held = 0;
	m->drained = 0;
	pace_init(&m->pace, m->info.rate);
	log_info("microphone: %s, %u Hz, %u channel%s", m->bound, m->info.rate, m->info.channels,
		 m->info.channels == 1 ? "" : "s");
	return 0;
}

static bool microphone_wants_open(struct source *source)
{
	struct source_microphone *m = (struct source_microphone *)source;
	int64_t now = source_now(source);

	if (now >= m->next_try)
		return true;
	if (now < m->next_look)
		return false;
	m->next_look = now + LOOK_NS;
	if (m->backend->surroundings() == m->surroundings)
		return false;
	m->failures = 0;
	return true;
}

static bool tell_gap(struct source_event *event, enum source_gap gap, uint64_t frames)
{
	event->kind = SOURCE_GAP;
	event->gap = gap;
	event->frames = frames;
	return true;
}

static bool tell_audio(struct source_microphone *m, struct source_event *event, size_t frames)
{
	m->drained += frames;
	event->kind = SOURCE_AUDIO;
	event->samples = m->block;
	event->frames = frames;
	return true;
}

static bool tell_lost(struct source_microphone *m, struct source_event *event, const char *reason)
{
	log_warn("microphone: %s lost: %s", m->bound, reason);
	if (m->heard) {
		m->away = true;
		m->away_since = m->heard_until;
	}
	retry_later(m, LAST_RETRY_NS);
	event->kind = SOURCE_LOST;
	event->reason = reason;
	return true;
}

/* The first samples have come. True where the device was away before. */
static bool first_samples(struct source_microphone *m, int64_t now, struct source_event *event)
{
	double rate = m->info.rate;
	double since = (double)(now - m->away_since) * 1e-9 * rate;
	double gap = since - (double)m->backend->pending(m->stream);
	bool was_away = m->away;

	m->heard = true;
	m->heard_until = now;
	m->failures = 0;
	m->away = false;
	return was_away && gap >= 0.5 && tell_gap(event, SOURCE_GAP_DEVICE, (uint64_t)(gap + 0.5));
}

/* Nothing waits to be read. */
static bool idle(struct source_microphone *m, int64_t now, struct source_event *event)
{
	uint64_t missing = pace_update(&m->pace, now, m->drained);

	m->drained = 0;
	if (missing > 0)
		return tell_gap(event, SOURCE_GAP_OVERRUN, missing);
	if (!m->backend->active(m->stream))
		return tell_lost(m, event, "the device stopped");
	int64_t start_ns = m->stall_ns > START_NS ? m->stall_ns : START_NS;
	if (m->heard ? now - m->heard_until >= m->stall_ns : now - m->opened >= start_ns)
		return tell_lost(m, event, "no samples come");
	return false;
}

static bool microphone_next(struct source *source, struct source_event *event)
{
	struct source_microphone *m = (struct source_microphone *)source;
	int64_t now = source_now(source);

	if (!m->told) {
		m->told = true;
		event->kind = SOURCE_OPENED;
		return true;
	}
	if (m->held > 0) {
		size_t frames = m->held;
		m->held = 0;
		return tell_audio(m, event, frames);
	}
	if (!m->heard && m->backend->pending(m->stream) > 0 && first_samples(m, now, event))
		return true;

	uint64_t dropped;
	size_t frames = m->backend->read(m->stream, m->block, SOURCE_BLOCK_FRAMES, &dropped);
	if (frames > 0)
		m->heard_until = now;
	if (dropped != m->dropped) {
		uint64_t lost = dropped - m->dropped;
		m->dropped = dropped;
		m->held = frames;
		pace_account(&m->pace, lost);
		return tell_gap(event, SOURCE_GAP_OVERRUN, lost);
	}
	if (frames > 0)
		return tell_audio(m, event, frames);
	return idle(m, now, event);
}

static void microphone_destroy(struct source *source)
{
	struct source_microphone *m = (struct source_microphone *)source;

	m->backend->close(m->stream);
	free(m->device);
	free(m->block);
	free(m);
}

static const struct source_kind microphone_kind = {
	.name = "microphone",
	.live = true,
	.open = microphone_open,
	.wants_open = microphone_wants_open,
	.next = microphone_next,
	.destroy = microphone_destroy,
};

int source_microphone_create(const struct source_options *options, struct source **out)
{
	const struct capture_backend *backend =
		options->backend ? options->backend : capture_portaudio();
	double stall_s = options->stall_s > 0 ? options->stall_s : STALL_DEFAULT_S;

	if (!backend) {
		log_error("microphone: this program was built without PortAudio");
		return -ENOTSUP;
	}
	struct source_microphone *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	if (options->device) {
		m->device = strdup(options->device);
		if (!m->device) {
			free(m);
			return -ENOMEM;
		}
	}
	m->backend = backend;
	m->channels = options->channels;
	m->device_rate = options->device_rate;
	m->wanted_rate = options->rate;
	m->stall_ns = (int64_t)(fmin(stall_s, 3600.0) * (double)SECOND_NS);
	m->next_try = INT64_MIN;
	m->source.kind = &microphone_kind;
	m->source.status.name = options->device ? m->device : "default";
	*out = &m->source;
	return 0;
}
