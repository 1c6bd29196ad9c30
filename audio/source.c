#include "audio/source.h"

#include "audio/source_kind.h"
#include "core/base/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int64_t monotonic_now(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t source_now(const struct source *source)
{
	return source->clock(source->clock_ctx);
}

int source_create(const char *spec, const struct source_options *options, struct source **out)
{
	static const char file_prefix[] = "file:";
	int rc;

	*out = NULL;
	if (options->rate == 0) {
		log_error("source %s: no sampling rate", spec);
		return -EINVAL;
	}
	if (strcmp(spec, "mic") == 0) {
		rc = source_microphone_create(options, out);
	} else if (strcmp(spec, "stdin") == 0) {
		rc = source_pcm_create(options, out);
	} else if (strncmp(spec, file_prefix, strlen(file_prefix)) == 0 &&
		   spec[strlen(file_prefix)] != '\0') {
		rc = source_file_create(spec + strlen(file_prefix), options, out);
	} else {
		log_error("source '%s' is none of mic, file:PATH, stdin", spec);
		return -EINVAL;
	}
	if (rc < 0)
		return rc;

	struct source *source = *out;
	source->clock = options->clock ? options->clock : monotonic_now;
	source->clock_ctx = options->clock_ctx;
	source->status.kind = source->kind->name;
	return 0;
}

void source_destroy(struct source *source)
{
	if (source)
		source->kind->destroy(source);
}

int source_open(struct source *source)
{
	int rc = source->kind->open(source);

	source->status.open = rc == 0;
	return rc;
}

bool source_wants_open(struct source *source)
{
	return !source->status.open && source->kind->wants_open(source);
}

bool source_next(struct source *source, struct source_event *event)
{
	struct source_status *status = &source->status;

	*event = (struct source_event){0};
	if (!status->open || !source->kind->next(source, event))
		return false;
	event->format = status->format;
	switch (event->kind) {
	case SOURCE_OPENED:
		break;
	case SOURCE_AUDIO:
		status->frames += event->frames;
		break;
	case SOURCE_GAP:
		if (event->gap == SOURCE_GAP_OVERRUN) {
			status->overruns++;
			status->overrun_frames += event->frames;
		}
		break;
	case SOURCE_LOST:
		status->losses++;
		status->open = false;
		break;
	case SOURCE_END:
		status->open = false;
		break;
	}
	return true;
}

bool source_is_live(const struct source *source)
{
	return source->kind->live;
}

void source_get_status(const struct source *source, struct source_status *status)
{
	*status = source->status;
}
