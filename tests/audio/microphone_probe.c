/*
 * Captures from the microphone into a file of raw floats, and prints what
 * happens to standard output, a line each, until standard input ends:
 *
 *	microphone-probe OUT.f32 DEVICE RATE CHANNELS	(0: as it comes)
 *
 *	opened RATE CHANNELS NAME
 *	audio FRAME			the first audio after that
 *	gap overrun|device FRAMES FRAME
 *	lost REASON
 *
 * FRAME counts what is in the file. For tests/audio/microphone.py.
 */
#include "audio/source.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *out;
static uint64_t frames;
static bool first;

static void show(const struct source_event *event, struct source *source)
{
	struct source_status status;

	switch (event->kind) {
	case SOURCE_OPENED:
		source_get_status(source, &status);
		printf("opened %u %u %s\n", event->format.rate, event->format.channels,
		       status.name);
		first = true;
		break;
	case SOURCE_AUDIO:
		if (first)
			printf("audio %" PRIu64 "\n", frames);
		first = false;
		fwrite(event->samples, sizeof(float) * event->format.channels,
		       (size_t)event->frames, out);
		frames += event->frames;
		break;
	case SOURCE_GAP:
		printf("gap %s %" PRIu64 " %" PRIu64 "\n",
		       event->gap == SOURCE_GAP_DEVICE ? "device" : "overrun", event->frames,
		       frames);
		break;
	case SOURCE_LOST:
		printf("lost %s\n", event->reason);
		break;
	case SOURCE_END:
		printf("end\n");
		break;
	}
	fflush(stdout);
}

/* Waits for 10 ms; false where standard input has ended. */
static bool wait_a_little(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	return poll(&in, 1, 10) <= 0 || read(STDIN_FILENO, &byte, 1) > 0;
}

int main(int argc, char **argv)
{
	struct source *source;
	struct source_event event;

	if (argc != 5)
		return 2;
	struct source_options options = {
		.rate = 16000,
		.device = argv[2],
		.device_rate = (unsigned)atoi(argv[3]),
		.channels = (unsigned)atoi(argv[4]),
	};
	out = fopen(argv[1], "wb");
	if (!out)
		return 1;
	int rc = source_create("mic", &options, &source);
	if (rc < 0)
		return 77;
	do {
		if (source_wants_open(source))
			source_open(source);
		while (source_next(source, &event))
			show(&event, source);
	} while (wait_a_little());
	source_destroy(source);
	return fclose(out) == 0 ? 0 : 1;
}
