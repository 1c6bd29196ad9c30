/*
 * Headerless samples from standard input, as fast as they are asked for. The
 * descriptor is polled before each read and never set non-blocking: that flag
 * would belong to whoever shares the pipe or terminal with us.
 */
#include "audio/pcm_decoder.h"
#include "audio/source_kind.h"
#include "core/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = SOURCE_BLOCK_FRAMES };

struct source_pcm {
	struct source source;
	int fd; /* borrowed */
	bool tried;
	bool told;  /* SOURCE_OPENED was given */
	bool begun; /* the first bytes have come */
	struct pcm_decoder decoder;
	unsigned char bytes[READ_BYTES];
	/* A sample is a byte at least; one frame may have been carried. */
	float samples[READ_BYTES + PCM_MAX_CHANNELS];
};

static int pcm_open(struct source *source)
{
	((struct source_pcm *)source)->tried = true;
	return 0;
}

static bool pcm_wants_open(struct source *source)
{
	return !((struct source_pcm *)source)->tried;
}

static bool pcm_end(struct source_pcm *p, struct source_event *event, const char *reason)
{
	if (p->decoder.carried > 0)
		log_warn("stdin: %zu bytes after the last whole frame", p->decoder.carried);
	if (p->decoder.invalid > 0)
		log_warn("stdin: %" PRIu64 " samples were no numbers and were taken as silence",
			 p->decoder.invalid);
	event->kind = SOURCE_END;
	event->reason = reason;
	return true;
}

/* A header would be heard as noise, and all of a compressed file. */
static bool has_header(struct source_pcm *p, size_t got)
{
	bool first = !p->begun;

	p->begun = true;
	return first && got >= PCM_STREAM_SNIFF_BYTES && pcm_stream_is_container(p->bytes);
}

static bool pcm_next(struct source *source, struct source_event *event)
{
	struct source_pcm *p = (struct source_pcm *)source;

	if (!p->told) {
		p->told = true;
		event->kind = SOURCE_OPENED;
		return true;
	}
	for (;;) {
		struct pollfd ready = {.fd = p->fd, .events = POLLIN};
		int rc = poll(&ready, 1, 0);
		if (rc == 0 || (rc < 0 && errno == EINTR))
			return false;
		ssize_t got = rc < 0 ? -1 : read(p->fd, p->bytes, sizeof(p->bytes));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			return false;
		if (got < 0) {
			log_error("stdin: %s", strerror(errno));
			return pcm_end(p, event, "cannot be read");
		}
		if (got == 0)
			return pcm_end(p, event, NULL);
		if (has_header(p, (size_t)got)) {
			log_error("stdin: an audio file (%.4s), where samples without a header "
				  "are wanted: give it as file:PATH",
				  (const char *)p->bytes);
			return pcm_end(p, event, "an audio file, not samples");
		}
		size_t frames = pcm_decode(&p->decoder, p->bytes, (size_t)got, p->samples);
		if (frames == 0)
			continue;
		event->kind = SOURCE_AUDIO;
		event->samples = p->samples;
		event->frames = frames;
		return true;
	}
}

static void pcm_destroy(struct source *source)
{
	free(source);
}

static const struct source_kind pcm_kind = {
	.name = "stdin",
	.live = false,
	.open = pcm_open,
	.wants_open = pcm_wants_open,
	.next = pcm_next,
	.destroy = pcm_destroy,
};

int source_pcm_create(const struct source_options *options, struct source **out)
{
	struct pcm_layout layout = options->raw;

	if (layout.rate == 0)
		layout = (struct pcm_layout){PCM_S16LE, options->rate, 1};
	struct source_pcm *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	int rc = pcm_decoder_init(&p->decoder, layout.format, layout.channels);
	if (rc < 0) {
		log_error("stdin: %u channels, 1 to %d are possible", layout.channels,
			  PCM_MAX_CHANNELS);
		free(p);
		return rc;
	}
	p->fd = options->raw_fd > 0 ? options->raw_fd : STDIN_FILENO;
	p->source.kind = &pcm_kind;
	p->source.status.name = "stdin";
	p->source.status.format = (struct source_format){layout.rate, layout.channels};
	*out = &p->source;
	return 0;
}
