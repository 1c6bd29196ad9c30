#include "audio/sound_library.h"

#include "audio/device.h"
#include "core/base/log.h"

#ifdef HAVE_ALSA
#include <alsa/asoundlib.h>
#endif
#include <errno.h>
#include <portaudio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users; /* under the lock */

void sound_library_lock(void)
{
	pthread_mutex_lock(&lock);
}

void sound_library_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/*
 * ALSA, JACK and PortAudio itself print dozens of lines to standard error when
 * they probe for devices, and PortAudio prints some from its own thread when a
 * device goes. ALSA and JACK have hooks for that, PortAudio has none. With
 * glibc `stderr` is a variable: pointing it to a stream of ours catches all
 * three, whatever the thread, and leaves the descriptor alone, which the log,
 * sanitizers and abort() write to. Other C libraries do not allow that; there
 * the noise stays.
 */
#ifdef __GLIBC__
static FILE *real_stderr;
static FILE *noise; /* made once, never closed: a late thread may hold it */

static ssize_t noise_write(void *cookie, const char *text, size_t n)
{
	(void)cookie;
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end ? (size_t)(end - (text + at)) : n - at;
		if (length > 0)
			log_debug("sound system: %.*s", (int)length, text + at);
		at += length + 1;
	}
	return (ssize_t)n;
}

static void noise_begin(void)
{
	if (!noise) {
		noise = fopencookie(NULL, "w", (cookie_io_functions_t){.write = noise_write});
		if (!noise)
			return;
		setvbuf(noise, NULL, _IOLBF, BUFSIZ);
	}
	real_stderr = stderr;
	stderr = noise;
}

static void noise_end(void)
{
	if (!real_stderr)
		return;
	fflush(noise);
	stderr = real_stderr;
	real_stderr = NULL;
}
#else
static void noise_begin(void)
{
}

static void noise_end(void)
{
}
#endif

/*
 * PortAudio asserts that ALSA's configuration has a device "default" or "dmix"
 * (pa_linux_alsa.c, BuildDeviceList, up to 19.7 at least), and Debian builds it
 * with assertions: in a container without that configuration the process would
 * be gone. Where ALSA cannot read its configuration, PortAudio says so itself.
 */
static bool alsa_can_be_asked(void)
{
#ifdef HAVE_ALSA
	snd_config_t *top = NULL, *device;

	if (snd_config_update_ref(&top) < 0 || !top)
		return true;
	bool found = snd_config_search(top, "pcm.default", &device) == 0 ||
		     snd_config_search(top, "pcm.dmix", &device) == 0;
	snd_config_unref(top);
	return found;
#else
	return true;
#endif
}

static int switch_on(const char **reason)
{
	if (!alsa_can_be_asked()) {
		*reason = "there is no input device: ALSA is not configured, it has no 'default'";
		return -ENODEV;
	}
	PaError error = Pa_Initialize();
	if (error != paNoError) {
		*reason = Pa_GetErrorText(error);
		return -EIO;
	}
	return 0;
}

int sound_library_acquire(const char **reason)
{
	if (users == 0) {
		noise_begin();
		int rc = switch_on(reason);
		if (rc < 0) {
			noise_end();
			return rc;
		}
	}
	users++;
	return 0;
}

void sound_library_release(void)
{
	if (--users > 0)
		return;
	Pa_Terminate();
	noise_end();
}

int sound_library_list(struct device_list *list)
{
	int count = Pa_GetDeviceCount();
	int default_index = Pa_GetDefaultInputDevice();

	*list = (struct device_list){0};
	if (count <= 0)
		return 0;
	list->devices = calloc((size_t)count, sizeof(*list->devices));
	if (!list->devices)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
		if (!info || info->maxInputChannels <= 0)
			continue;
		const PaHostApiInfo *host = Pa_GetHostApiInfo(info->hostApi);
		struct device *device = &list->devices[list->n++];
		device->index = i;
		device->name = strdup(info->name);
		device->host = strdup(host ? host->name : "");
		device->channels = (unsigned)info->maxInputChannels;
		device->rate = (unsigned)(info->defaultSampleRate + 0.5);
		device->is_default = i == default_index;
		if (!device->name || !device->host) {
			device_list_finish(list);
			return -ENOMEM;
		}
	}
	return 0;
}

int device_list_read(struct device_list *list)
{
	const char *reason;

	*list = (struct device_list){0};
	sound_library_lock();
	int rc = sound_library_acquire(&reason);
	if (rc < 0) {
		log_error("sound devices: %s", reason);
	} else {
		rc = sound_library_list(list);
		sound_library_release();
		if (rc < 0)
			log_error("sound devices: %s", strerror(-rc));
	}
	sound_library_unlock();
	return rc;
}
