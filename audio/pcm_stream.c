#include "audio/pcm_stream.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BUFFER_BYTES = 1 << 16,
	MAX_FMT_BYTES = 4096,
	MAX_CHANNELS = 256,
	WAVE_PCM = 1,
	WAVE_FLOAT = 3,
	WAVE_EXTENSIBLE = 0xfffe,
};

struct pcm_stream {
	int fd;             /* borrowed */
	char *name;         /* owned */
	uint64_t remaining; /* bytes of samples still to come at most */
	struct pcm_layout layout;
	size_t head, tail; /* unread bytes of the buffer */
	unsigned char buffer[BUFFER_BYTES];
};

static uint32_t le16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const unsigned char *p)
{
	return le16(p) | le16(p + 2) << 16;
}

/* Makes `want` bytes available where the input has them. Returns the number
 * that are (want, or fewer at the end) or a negative errno. */
static ssize_t fill(struct pcm_stream *stream, size_t want)
{
	if (stream->head > 0 && stream->tail - stream->head < want) {
		memmove(stream->buffer, stream->buffer + stream->head, stream->tail - stream->head);
		stream->tail -= stream->head;
		stream->head = 0;
	}
	while (stream->tail - stream->head < want) {
		ssize_t n = read(stream->fd, stream->buffer + stream->tail,
				 sizeof(stream->buffer) - stream->tail);
		if (n == 0)
			break;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			int error = errno;
			log_error("%s: %s", stream->name, strerror(error));
			return -error;
		}
		stream->tail += (size_t)n;
	}
	size_t have = stream->tail - stream->head;
	return (ssize_t)(have < want ? have : want);
}

static const unsigned char *unread(const struct pcm_stream *stream)
{
	return stream->buffer + stream->head;
}

static int refuse(const struct pcm_stream *stream, const char *reason)
{
	log_error("%s: %s", stream->name, reason);
	return -EINVAL;
}

/* Skips a chunk's body; an input that ends inside it ends the header too. */
static int skip(struct pcm_stream *stream, uint64_t bytes)
{
	while (bytes > 0) {
		size_t want = bytes < BUFFER_BYTES ? (size_t)bytes : BUFFER_BYTES;
		ssize_t n = fill(stream, want);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return refuse(stream, "WAV without samples: it ends inside its header");
		stream->head += (size_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

static bool find_format(unsigned tag, unsigned bits, enum pcm_format *out)
{
	static const struct {
		unsigned tag, bits;
		enum pcm_format format;
	} known[] = {
		{WAVE_PCM, 8, PCM_U8},     {WAVE_PCM, 16, PCM_S16LE},   {WAVE_PCM, 24, PCM_S24LE},
		{WAVE_PCM, 32, PCM_S32LE}, {WAVE_FLOAT, 32, PCM_F32LE}, {WAVE_FLOAT, 64, PCM_F64LE},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].tag == tag && known[i].bits == bits) {
			*out = known[i].format;
			return true;
		}
	}
	return false;
}

static int read_fmt(struct pcm_stream *stream, uint32_t bytes)
{
	if (bytes < 16 || bytes > MAX_FMT_BYTES)
		return refuse(stream, "WAV with a malformed fmt chunk");
	ssize_t n = fill(stream, bytes);
	if (n < 0)
		return (int)n;
	if ((size_t)n < bytes)
		return refuse(stream, "WAV without samples: it ends inside its header");

	const unsigned char *p = unread(stream);
	unsigned tag = le16(p);
	unsigned bits = le16(p + 14);
	stream->layout.channels = le16(p + 2);
	stream->layout.rate = le32(p + 4);
	unsigned block = le16(p + 12);
	/* The sub-format GUID of WAVE_FORMAT_EXTENSIBLE starts with the real tag. */
	if (tag == WAVE_EXTENSIBLE && bytes >= 26)
		tag = le16(p + 24);
	if (!find_format(tag, bits, &stream->layout.format)) {
		log_error("%s: WAV format %u with %u bits cannot be read from a pipe: "
			  "give it as a file",
			  stream->name, tag, bits);
		return -ENOTSUP;
	}
	if (stream->layout.channels == 0 || stream->layout.channels > MAX_CHANNELS ||
	    stream->layout.rate == 0 ||
	    block != stream->layout.channels * pcm_bytes(stream->layout.format))
		return refuse(stream, "WAV with a malformed fmt chunk");
	stream->head += bytes;
	return skip(stream, bytes & 1);
}

static int read_wav_header(struct pcm_stream *stream)
{
	bool have_fmt = false;

	stream->head += PCM_STREAM_SNIFF_BYTES;
	for (;;) {
		ssize_t n = fill(stream, 8);
		if (n < 0)
			return (int)n;
		if (n < 8)
			return refuse(stream, "WAV without samples: it ends inside its header");
		const unsigned char *p = unread(stream);
		uint32_t bytes = le32(p + 4);
		bool is_fmt = memcmp(p, "fmt ", 4) == 0;
		bool is_data = memcmp(p, "data", 4) == 0;
		stream->head += 8;

		if (is_data) {
			if (!have_fmt)
				return refuse(stream,
					      "WAV whose samples come before its fmt chunk");
			/* What a writer that could not go back leaves there. */
			bool unknown = bytes == 0 || bytes >= 0x7ffff000U;
			stream->remaining = unknown ? UINT64_MAX : bytes;
			return 0;
		}
		int error = is_fmt ? read_fmt(stream, bytes)
				   : skip(stream, (uint64_t)bytes + (bytes & 1));
		if (error)
			return error;
		have_fmt = have_fmt || is_fmt;
	}
}

static bool is_wav(const unsigned char *bytes)
{
	return memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WAVE", 4) == 0;
}

bool pcm_stream_is_container(const unsigned char bytes[PCM_STREAM_SNIFF_BYTES])
{
	static const char markers[][5] = {"fLaC", "OggS", "FORM", "RF64",
					  "RIFX", "riff", "caff", ".snd"};

	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		if (memcmp(bytes, markers[i], 4) == 0)
			return true;
	}
	return is_wav(bytes);
}

static int read_header(struct pcm_stream *stream)
{
	ssize_t n = fill(stream, PCM_STREAM_SNIFF_BYTES);
	if (n < 0)
		return (int)n;
	if (n < PCM_STREAM_SNIFF_BYTES)
		return 0;
	if (is_wav(unread(stream)))
		return read_wav_header(stream);
	if (pcm_stream_is_container(unread(stream))) {
		log_error("%s: a %.4s file cannot be read from a pipe: give it as a file",
			  stream->name, (const char *)unread(stream));
		return -ENOTSUP;
	}
	return 0;
}

int pcm_stream_open(int fd, const char *name, const struct pcm_layout *raw, struct pcm_stream **out)
{
	*out = NULL;
	struct pcm_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	stream->fd = fd;
	stream->layout = *raw;
	stream->remaining = UINT64_MAX;
	stream->name = strdup(name);
	int error = stream->name ? read_header(stream) : -ENOMEM;
	if (error) {
		pcm_stream_close(stream);
		return error;
	}
	*out = stream;
	return 0;
}

void pcm_stream_close(struct pcm_stream *stream)
{
	if (!stream)
		return;
	free(stream->name);
	free(stream);
}

const struct pcm_layout *pcm_stream_layout(const struct pcm_stream *stream)
{
	return &stream->layout;
}

ssize_t pcm_stream_read(struct pcm_stream *stream, float *interleaved, size_t frames)
{
	size_t frame_bytes = pcm_bytes(stream->layout.format) * stream->layout.channels;
	size_t done = 0;

	while (done < frames) {
		size_t want = BUFFER_BYTES / frame_bytes;
		if (want > frames - done)
			want = frames - done;
		if (want > stream->remaining / frame_bytes)
			want = (size_t)(stream->remaining / frame_bytes);
		ssize_t n = fill(stream, want * frame_bytes);
		if (n < 0)
			return n;
		/* A last frame that is not whole is no frame. */
		size_t got = (size_t)n / frame_bytes;
		if (got == 0)
			break;
		pcm_to_float(stream->layout.format, unread(stream), got * stream->layout.channels,
			     interleaved + done * stream->layout.channels);
		stream->head += got * frame_bytes;
		if (stream->remaining != UINT64_MAX)
			stream->remaining -= got * frame_bytes;
		done += got;
	}
	return (ssize_t)done;
}
