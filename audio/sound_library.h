/*
 * Inside of audio/: PortAudio as a library that is switched on and off. It
 * looks for devices only when it is switched on, so it is off whenever no
 * stream needs it. Only capture.c and sound_library.c include this.
 */
#ifndef HEARD_AUDIO_SOUND_LIBRARY_H
#define HEARD_AUDIO_SOUND_LIBRARY_H

#include "audio/device.h"

/* Everything below, and opening and closing streams, happens between these
 * two: they hold a lock that serializes the threads of this process. */
void sound_library_lock(void);
void sound_library_unlock(void);

/* Counted. The first switches PortAudio on, which may take a second; the last
 * switches it off. While it is on, what the sound libraries print to standard
 * error goes to the log, at debug level. Returns 0, -ENODEV where no device can be
 * asked for, or -EIO; then *reason says why (static) and there is nothing to
 * release. */
int sound_library_acquire(const char **reason);
void sound_library_release(void);

/* Returns 0 or -ENOMEM. */
int sound_library_list(struct device_list *list);

#endif
