/*
 * Where live audio comes from: a microphone, a file played in real time, or
 * samples on standard input, behind one small interface. One thread, a loop,
 * asks it every 10 to 20 ms and gets what happened, in order:
 *
 *	while (source_next(source, &event))
 *		handle(&event);
 *	if (source_wants_open(source))
 *		source_open(source);	// blocks up to seconds: on a worker thread
 *
 * A source starts closed. Opening may fail, and an open microphone may be lost;
 * source_wants_open then turns true again when the time has come for another
 * try. Nothing here waits, starts a thread or knows an event loop, and time is
 * read through one function that tests replace.
 *
 * Threads: one at a time. While source_open runs on a worker, no other call on
 * that source; its return value goes back through the caller's own queue.
 */
#ifndef HEARD_AUDIO_SOURCE_H
#define HEARD_AUDIO_SOURCE_H

#include "audio/pcm_stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;
struct capture_backend;

/* Nanoseconds that only move forward. */
typedef int64_t (*source_clock_func)(void *ctx);

/* All zero is a valid choice but for `rate`. Strings are copied. */
struct source_options {
	unsigned rate; /* Hz, the model's: files are converted to it */

	/* Microphone. */
	const char *device;   /* name, part of it, or index; NULL or "default" */
	unsigned channels;    /* to open; 0: two, or what the device has */
	unsigned device_rate; /* Hz; 0: a multiple of `rate`, else what it takes */
	double stall_s;       /* without samples for so long it is lost; 0: 2 */

	/* File: starts over at the end, without a pause. */
	bool loop;

	/* Standard input; raw.rate 0: 16 bits little endian, mono, at `rate`. */
	struct pcm_layout raw;
	int raw_fd; /* read instead of standard input where > 0; borrowed */

	/* For tests. */
	source_clock_func clock; /* NULL: CLOCK_MONOTONIC */
	void *clock_ctx;
	const struct capture_backend *backend; /* NULL: PortAudio */
};

enum source_event_kind {
	/* Audio follows, in event.format. For a microphone also every time
	 * that it is back, perhaps with another format. */
	SOURCE_OPENED,
	SOURCE_AUDIO,
	/* `frames` frames were lost here: the clock moves over them. After a
	 * loss it comes behind SOURCE_OPENED, before the first audio. */
	SOURCE_GAP,
	/* The device is gone; it will be looked for. */
	SOURCE_LOST,
	/* No more audio, ever: the file or standard input is at its end, or
	 * broken (reason not NULL, logged). */
	SOURCE_END,
};

struct source_format {
	unsigned rate; /* Hz */
	unsigned channels;
};

enum source_gap {
	SOURCE_GAP_OVERRUN, /* we or the sound system were too slow */
	SOURCE_GAP_DEVICE,  /* the device was away */
};

/* Pointers are valid until the next call on the source. */
struct source_event {
	enum source_event_kind kind;
	struct source_format format; /* OPENED, AUDIO, GAP */
	const float *samples;        /* AUDIO: frames * channels, interleaved */
	uint64_t frames;             /* AUDIO (at most SOURCE_BLOCK_FRAMES), GAP */
	enum source_gap gap;         /* GAP */
	const char *reason;          /* LOST, END: for messages, else NULL */
};

enum { SOURCE_BLOCK_FRAMES = 4096 };

/* What heard-status shows. */
struct source_status {
	const char *kind; /* "microphone", "file", "stdin" */
	const char *name; /* the device's, or the path; valid until the next call */
	bool open;
	const char *reason;          /* why the last source_open failed, where there is more to
					say than its errno does, else NULL; valid as name is */
	struct source_format format; /* of the last opening */
	uint64_t frames;             /* given out since create */
	uint64_t overruns;           /* SOURCE_GAP_OVERRUN events */
	uint64_t overrun_frames;     /* frames lost to them */
	uint64_t losses;             /* SOURCE_LOST events */
};

/* `spec` is "mic", "file:PATH" or "stdin". Opens nothing. *out is owned by the
 * caller. Logs and returns -EINVAL for another spec, -ENOTSUP for a microphone
 * where the program was built without, or -ENOMEM. */
int source_create(const char *spec, const struct source_options *options, struct source **out);

/* Closes too; may block for as long as the sound system takes to let go. NULL
 * is allowed. */
void source_destroy(struct source *source);

/* Opens, and first cleans up after a loss: may block for seconds. Returns 0,
 * then SOURCE_OPENED comes; or a negative errno, logged where it differs from
 * the failure before. For a file or standard input a failure is final. */
int source_open(struct source *source);

/* True when source_open should be called now: at the start, and for a
 * microphone that is not open again and again, ever less often, and whenever a
 * device may have been plugged in. */
bool source_wants_open(struct source *source);

/* Takes the next event; false where there is none for now. What is not taken
 * stays: not asking is back-pressure for standard input, and for a microphone
 * ends in an overrun. */
bool source_next(struct source *source, struct source_event *event);

/* Audio comes at its own pace whether we keep up or not: the gate and the load
 * ladder act on it. False for standard input. */
bool source_is_live(const struct source *source);

void source_get_status(const struct source *source, struct source_status *status);

#endif
