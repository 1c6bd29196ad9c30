/*
 * A file played at the pace of the clock: frame k is due k / rate after the
 * first question. Nothing is ever lost: who asks late gets what is due since,
 * and after a pause of more than CATCH_UP_NS the file goes on where it was
 * instead of coming in one burst.
 */
#include "audio/file.h"
#include "audio/source_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const int64_t CATCH_UP_NS = 1000000000;

struct source_file {
	struct source source;
	char *path;              /* owned */
	struct audio_file *file; /* owned; NULL while closed */
	bool loop;
	bool tried;
	bool told;      /* SOURCE_OPENED was given */
	int64_t start;  /* the clock when frame 0 was due */
	uint64_t given; /* frames since `start` */
	bool heard_any; /* the file has at least one frame */
	float samples[SOURCE_BLOCK_FRAMES];
};

static int file_open(struct source *source)
{
	struct source_file *f = (struct source_file *)source;

	f->tried = true;
	return audio_file_open(f->path, source->status.format.rate, NULL, &f->file);
}

static bool file_wants_open(struct source *source)
{
	return !((struct source_file *)source)->tried;
}

/* Frames due now and not given. */
static uint64_t frames_due(struct source_file *f)
{
	int64_t rate = f->source.status.format.rate;
	int64_t now = source_now(&f->source);
	int64_t given_ns = (int64_t)((double)f->given * 1e9 / (double)rate);

	if (now - f->start > given_ns + CATCH_UP_NS)
		f->start = now - given_ns - CATCH_UP_NS;
	double due = (double)(now - f->start) * (double)rate / 1e9;
	return due > (double)f->given ? (uint64_t)due - f->given : 0;
}

static bool file_end(struct source_file *f, struct source_event *event, const char *reason)
{
	audio_file_close(f->file);
	f->file = NULL;
	event->kind = SOURCE_END;
	event->reason = reason;
	return true;
}

static bool file_next(struct source *source, struct source_event *event)
{
	struct source_file *f = (struct source_file *)source;

	if (!f->told) {
		f->told = true;
		f->start = source_now(source);
		event->kind = SOURCE_OPENED;
		return true;
	}
	uint64_t due = frames_due(f);
	if (due == 0)
		return false;
	if (due > SOURCE_BLOCK_FRAMES)
		due = SOURCE_BLOCK_FRAMES;

	ssize_t got = audio_file_read(f->file, f->samples, (size_t)due);
	if (got == 0 && f->loop && f->heard_any) {
		audio_file_close(f->file);
		f->file = NULL;
		if (file_open(source) < 0)
			return file_end(f, event, "cannot be opened again");
		got = audio_file_read(f->file, f->samples, (size_t)due);
	}
	if (got <= 0)
		return file_end(f, event, got < 0 ? "cannot be read" : NULL);
	f->heard_any = true;
	f->given += (uint64_t)got;
	event->kind = SOURCE_AUDIO;
	event->samples = f->samples;
	event->frames = (uint64_t)got;
	return true;
}

static void file_destroy(struct source *source)
{
	struct source_file *f = (struct source_file *)source;

	audio_file_close(f->file);
	free(f->path);
	free(f);
}

static const struct source_kind file_kind = {
	.name = "file",
	.live = true,
	.open = file_open,
	.wants_open = file_wants_open,
	.next = file_next,
	.destroy = file_destroy,
};

int source_file_create(const char *path, const struct source_options *options, struct source **out)
{
	struct source_file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->path = strdup(path);
	if (!f->path) {
		free(f);
		return -ENOMEM;
	}
	f->loop = options->loop;
	f->source.kind = &file_kind;
	f->source.status.name = f->path;
	f->source.status.format = (struct source_format){.rate = options->rate, .channels = 1};
	*out = &f->source;
	return 0;
}
