/*
 * PortAudio behind the capture backend.
 *
 * The callback runs on PortAudio's thread. It copies into the ring or counts,
 * and does nothing else: no lock, no allocation, no system call, no log.
 *
 * Where lost frames belong. A callback's frames go into the ring whole or not
 * at all. Once they did not fit, everything is dropped until the reader has
 * emptied the ring; only then is the count of dropped frames published, and the
 * next frames written behind it. So when the reader sees the count change, what
 * was lost lay exactly between what it has read and what it reads next. A
 * reader who is two seconds late has lost audio anyway, and so loses one piece
 * of known place and length.
 */
#include "audio/capture.h"

#include "audio/device.h"
#include "audio/sound_library.h"
#include "audio/surroundings.h"
#include "core/base/ring.h"

#include <errno.h>
#include <portaudio.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING_SECONDS = 2 };

struct capture {
	PaStream *stream;
	unsigned channels;
	struct ring ring;

	uint64_t dropping;     /* frames dropped and not published; callback only */
	atomic_ullong dropped; /* frames published as dropped; stored by the callback */
};

static int on_input(const void *input, void *output, unsigned long frames,
		    const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags, void *arg)
{
	struct capture *capture = arg;
	size_t n = (size_t)frames * capture->channels;
	size_t room = ring_writable(&capture->ring);

	(void)output;
	(void)time;
	(void)flags;
	if (capture->dropping > 0 && room == capture->ring.capacity) {
		/* Relaxed is enough: the write below publishes it with the
		 * frames that follow the gap. Only this thread stores it. */
		unsigned long long before =
			atomic_load_explicit(&capture->dropped, memory_order_relaxed);
		atomic_store_explicit(&capture->dropped, before + capture->dropping,
				      memory_order_relaxed);
		capture->dropping = 0;
	}
	if (capture->dropping > 0 || room < n || !input)
		capture->dropping += frames;
	else
		ring_write(&capture->ring, input, n);
	return paContinue;
}

static size_t capture_read(void *stream, float *frames, size_t max, uint64_t *dropped)
{
	struct capture *capture = stream;
	size_t n = ring_readable(&capture->ring) / capture->channels;

	/* After ring_readable, whose acquire goes with the callback's release:
	 * frames behind a gap are never seen without its length. */
	*dropped = atomic_load_explicit(&capture->dropped, memory_order_relaxed);
	if (n > max)
		n = max;
	return ring_read(&capture->ring, frames, n * capture->channels) / capture->channels;
}

static size_t capture_pending(void *stream)
{
	struct capture *capture = stream;

	return ring_readable(&capture->ring) / capture->channels;
}

static bool capture_active(void *stream)
{
	return Pa_IsStreamActive(((struct capture *)stream)->stream) == 1;
}

static void capture_free(struct capture *capture)
{
	if (capture->stream) {
		/* Abort, not stop: stop may wait for a device that is gone. */
		Pa_AbortStream(capture->stream);
		Pa_CloseStream(capture->stream);
	}
	ring_finish(&capture->ring);
	free(capture);
}

static void capture_close(void *stream)
{
	if (!stream)
		return;
	sound_library_lock();
	capture_free(stream);
	sound_library_release();
	sound_library_unlock();
}

/* The callback comes every 40 ms: a chunk of the network is many times that, and
 * each wake-up costs while nobody speaks. Captions do not wait; the sound system
 * may hold five times that, so a busy machine loses nothing. Left to itself,
 * PortAudio asks for 35 ms in all. */
enum { CALLBACKS_PER_SECOND = 25 };
static const double BUFFER_S = 0.2;

/* Opens `device` at one rate and number of channels. The ring is made first:
 * the callback may come before Pa_StartStream returns. */
static PaError open_as(struct capture *capture, const struct device *device, unsigned rate,
		       unsigned channels)
{
	PaStreamParameters parameters = {
		.device = device->index,
		.channelCount = (int)channels,
		.sampleFormat = paFloat32,
		.suggestedLatency = BUFFER_S,
	};

	capture->channels = channels;
	PaError error = Pa_OpenStream(&capture->stream, &parameters, NULL, rate,
				      rate / CALLBACKS_PER_SECOND, paNoFlag, on_input, capture);
	if (error != paNoError) {
		capture->stream = NULL;
		return error;
	}
	if (ring_init(&capture->ring, (size_t)rate * channels * RING_SECONDS) < 0)
		error = paInsufficientMemory;
	else
		error = Pa_StartStream(capture->stream);
	if (error != paNoError) {
		Pa_CloseStream(capture->stream);
		capture->stream = NULL;
		ring_finish(&capture->ring);
	}
	return error;
}

/* Tries what was asked for, else rates as device_rates has them, with two channels
 * first. */
static PaError open_somehow(struct capture *capture, const struct device *device,
			    const struct capture_request *request, struct capture_info *info)
{
	unsigned rates[DEVICE_RATES] = {request->rate};
	size_t n_rates = request->rate ? 1 : device_rates(device, request->wanted_rate, rates);
	const unsigned channels[] = {
		request->channels      ? request->channels
		: device->channels < 2 ? device->channels
				       : 2,
		1,
		device->channels,
	};
	size_t n_channels = request->channels ? 1 : sizeof(channels) / sizeof(channels[0]);
	PaError error = paInvalidSampleRate;

	for (size_t c = 0; c < n_channels; c++) {
		for (size_t r = 0; r < n_rates; r++) {
			error = open_as(capture, device, rates[r], channels[c]);
			if (error == paNoError) {
				info->rate = rates[r];
				info->channels = channels[c];
				return error;
			}
			if (error == paInvalidChannelCount)
				break;
			if (error != paInvalidSampleRate && error != paSampleFormatNotSupported)
				return error;
		}
		if (error != paInvalidChannelCount && error != paInvalidSampleRate)
			return error;
	}
	return error;
}

/* A device that was open before is found by its name, whatever its number is
 * now. Who wants the default takes another one rather than none. */
static const struct device *find(const struct device_list *list,
				 const struct capture_request *request)
{
	const char *wanted = request->device ? request->device : "";
	bool any = wanted[0] == '\0' || strcmp(wanted, "default") == 0;
	const struct device *device = NULL;

	if (request->bound[0] != '\0')
		device = device_find_again(list, request->bound);
	if (!device && (any || request->bound[0] == '\0'))
		device = device_find(list, wanted);
	return device;
}

static int open_locked(const struct capture_request *request, struct capture *capture,
		       struct capture_info *info, char *reason)
{
	struct device_list list;
	int rc = sound_library_list(&list);

	if (rc < 0) {
		snprintf(reason, CAPTURE_REASON_BYTES, "%s", strerror(-rc));
		return rc;
	}
	const struct device *device = find(&list, request);
	if (device) {
		snprintf(info->name, sizeof(info->name), "%s", device->name);
		PaError error = open_somehow(capture, device, request, info);
		if (error == paUnanticipatedHostError)
			snprintf(reason, CAPTURE_REASON_BYTES, "%.120s: %.120s", device->name,
				 Pa_GetLastHostErrorInfo()->errorText);
		else if (error != paNoError)
			snprintf(reason, CAPTURE_REASON_BYTES, "%.120s: %s", device->name,
				 Pa_GetErrorText(error));
		rc = error == paNoError ? 0 : error == paInsufficientMemory ? -ENOMEM : -EIO;
	} else {
		const char *wanted = request->bound[0] != '\0' ? request->bound : request->device;
		if (list.n == 0 && wanted)
			snprintf(reason, CAPTURE_REASON_BYTES,
				 "there is no input device, '%.120s' is wanted", wanted);
		else if (list.n == 0)
			snprintf(reason, CAPTURE_REASON_BYTES, "there is no input device");
		else if (wanted)
			snprintf(reason, CAPTURE_REASON_BYTES,
				 "none of %zu input devices is '%.120s'", list.n, wanted);
		else
			snprintf(reason, CAPTURE_REASON_BYTES, "there is no default input device");
		rc = -ENODEV;
	}
	device_list_finish(&list);
	return rc;
}

static int capture_open(const struct capture_request *request, void **stream,
			struct capture_info *info, char *reason)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	*stream = NULL;
	if (!capture) {
		snprintf(reason, CAPTURE_REASON_BYTES, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	atomic_init(&capture->dropped, 0);
	const char *why;
	sound_library_lock();
	int rc = sound_library_acquire(&why);
	if (rc < 0) {
		snprintf(reason, CAPTURE_REASON_BYTES, "%s", why);
	} else {
		rc = open_locked(request, capture, info, reason);
		if (rc < 0)
			sound_library_release();
	}
	sound_library_unlock();
	if (rc < 0) {
		free(capture);
		return rc;
	}
	*stream = capture;
	return 0;
}

const struct capture_backend *capture_portaudio(void)
{
	static const struct capture_backend backend = {
		.open = capture_open,
		.read = capture_read,
		.pending = capture_pending,
		.active = capture_active,
		.close = capture_close,
		.surroundings = surroundings_read,
	};

	return &backend;
}
