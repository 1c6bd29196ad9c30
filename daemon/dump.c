/*
 * The header is written with the sizes so far every few seconds, so that a file
 * whose daemon was killed is still one. Sizes are 32 bits: at 4 GiB it ends.
 */
#include "daemon/dump.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_BYTES = 58,
	HEADER_SECONDS = 5, /* between two updates */
};

struct dump {
	FILE *file;
	char *path;
	unsigned rate;
	uint64_t samples;
	uint64_t header_samples; /* that the header speaks of */
};

/* WAV is little-endian, as every machine we build for. */
static unsigned char *put(unsigned char *at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*at++ = (unsigned char)(value >> (8 * i));
	return at;
}

static unsigned char *put_tag(unsigned char *at, const char *tag)
{
	memcpy(at, tag, 4);
	return at + 4;
}

static int write_header(struct dump *dump)
{
	unsigned char header[HEADER_BYTES], *at = header;
	uint32_t data = (uint32_t)(dump->samples * sizeof(float));

	at = put_tag(at, "RIFF");
	at = put(at, HEADER_BYTES - 8 + data, 4);
	at = put_tag(at, "WAVE");
	at = put_tag(at, "fmt ");
	at = put(at, 18, 4);
	at = put(at, 3, 2); /* IEEE float */
	at = put(at, 1, 2);
	at = put(at, dump->rate, 4);
	at = put(at, dump->rate * (uint32_t)sizeof(float), 4);
	at = put(at, sizeof(float), 2);
	at = put(at, 8 * sizeof(float), 2);
	at = put(at, 0, 2);
	at = put_tag(at, "fact");
	at = put(at, 4, 4);
	at = put(at, (uint32_t)dump->samples, 4);
	at = put_tag(at, "data");
	put(at, data, 4);

	dump->header_samples = dump->samples;
	if (fseek(dump->file, 0, SEEK_SET) < 0 ||
	    fwrite(header, 1, sizeof(header), dump->file) != sizeof(header) ||
	    fseek(dump->file, 0, SEEK_END) < 0 || fflush(dump->file) != 0)
		return -errno;
	return 0;
}

static void give_up(struct dump *dump, const char *why)
{
	log_error("%s: %s: no more is written", dump->path, why);
	fclose(dump->file);
	dump->file = NULL;
}

int dump_open(const char *path, unsigned rate, struct dump **out)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	int err = -ENOMEM;

	if (!dump)
		return -ENOMEM;
	dump->rate = rate;
	dump->path = strdup(path);
	if (dump->path) {
		dump->file = fopen(path, "we");
		err = dump->file ? write_header(dump) : -errno;
	}
	if (err < 0) {
		log_error("%s: %s", path, strerror(-err));
		dump_close(dump);
		return err;
	}
	*out = dump;
	return 0;
}

void dump_close(struct dump *dump)
{
	if (!dump)
		return;
	if (dump->file) {
		if (write_header(dump) < 0)
			log_error("%s: cannot be finished", dump->path);
		fclose(dump->file);
	}
	free(dump->path);
	free(dump);
}

void dump_samples(struct dump *dump, const float *samples, size_t n)
{
	if (!dump || !dump->file)
		return;
	if (dump->samples + n > (UINT32_MAX - HEADER_BYTES) / sizeof(float)) {
		give_up(dump, "a WAV file ends at 4 GiB");
		return;
	}
	if (fwrite(samples, sizeof(*samples), n, dump->file) != n) {
		give_up(dump, strerror(errno));
		return;
	}
	dump->samples += n;
	if (dump->samples - dump->header_samples > (uint64_t)HEADER_SECONDS * dump->rate &&
	    write_header(dump) < 0)
		give_up(dump, strerror(errno));
}

void dump_silence(struct dump *dump, int64_t n)
{
	static const float silence[1024];

	while (dump && dump->file && n > 0) {
		size_t piece = n < 1024 ? (size_t)n : 1024;

		dump_samples(dump, silence, piece);
		n -= (int64_t)piece;
	}
}
