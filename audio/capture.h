/*
 * Input devices, as the microphone source sees them: a backend opens one and
 * hands over what its callback put into a ring. One backend is PortAudio;
 * tests bring their own, with devices that vanish when told to.
 */
#ifndef HEARD_AUDIO_CAPTURE_H
#define HEARD_AUDIO_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CAPTURE_NAME_BYTES = 256,
	CAPTURE_REASON_BYTES = 256,
};

/* What to open. */
struct capture_request {
	const char *device;   /* as the user named it; NULL or "default" */
	const char *bound;    /* the name of the device opened before, "" for none */
	unsigned channels;    /* 0: two, or what there is */
	unsigned rate;        /* Hz; 0: see device_rates */
	unsigned wanted_rate; /* the model's, for device_rates */
};

/* What was opened. */
struct capture_info {
	char name[CAPTURE_NAME_BYTES];
	unsigned rate;
	unsigned channels;
};

struct capture_backend {
	/* Finds and starts the device; may block for seconds. *stream is the
	 * caller's, for `close`. On failure returns a negative errno (-ENODEV
	 * where there is no such device) and says why in `reason`,
	 * CAPTURE_REASON_BYTES long; the caller logs it. */
	int (*open)(const struct capture_request *request, void **stream, struct capture_info *info,
		    char *reason);

	/* Copies at most `max` frames out and returns how many. *dropped is
	 * the number of frames, since open, that overran before the first of
	 * them (or, where it returns 0, before the next). Never blocks. */
	size_t (*read)(void *stream, float *frames, size_t max, uint64_t *dropped);

	/* Frames that wait to be read. Never blocks. */
	size_t (*pending)(void *stream);

	/* False once the device has stopped on its own. Never blocks. */
	bool (*active)(void *stream);

	/* Stops and frees; may block. NULL is allowed. */
	void (*close)(void *stream);

	/* A number that changes when a device may have come or gone. Cheap. */
	uint64_t (*surroundings)(void);
};

/* PortAudio, or NULL where the program was built without. */
const struct capture_backend *capture_portaudio(void);

#endif
