/*
 * The list of input devices, and how a name finds one of them.
 */
#ifndef HEARD_AUDIO_DEVICE_H
#define HEARD_AUDIO_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

struct device {
	int index;         /* for users to name it by; changes as devices come and go */
	char *name;        /* owned by the list */
	char *host;        /* sound system, "ALSA"; owned by the list */
	unsigned channels; /* inputs */
	unsigned rate;     /* Hz, its own */
	bool is_default;
};

struct device_list {
	struct device *devices; /* owned */
	size_t n;
};

/* All devices with inputs; none is no error. May block for a second. While a
 * stream of this process is open, devices that were plugged in since are not
 * in it. Returns 0; -ENOTSUP where the program was built without PortAudio;
 * -EIO or -ENOMEM, logged. Thread-safe. */
int device_list_read(struct device_list *list);
void device_list_finish(struct device_list *list);

/* Finds by `name`: NULL, "" or "default" is the default device; else the whole
 * name, an index, or part of a name, whichever fits first, in any case of
 * letters. NULL where nothing fits. */
const struct device *device_find(const struct device_list *list, const char *name);

enum { DEVICE_RATES = 8 };

/* Rates to open the device at, Hz, best first, each once; returns their number.
 * Those that `wanted` (0: any) divides stand ahead of the device's own: the resampler
 * has a fast loop for most of them. What calls itself 44.1 kHz is mostly a sound
 * server or a plug-in, which converts anyway, or a card that can do both. */
size_t device_rates(const struct device *device, unsigned wanted, unsigned rates[DEVICE_RATES]);

/* Finds the device that was called `name` before. A card that was plugged in
 * again may have another number: where no name is equal, one that differs only
 * in the "(hw:1,0)" at its end is the same device. */
const struct device *device_find_again(const struct device_list *list, const char *name);

#endif
