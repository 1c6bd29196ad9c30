/*
 * Has a sound device or a sound server come or gone? A glance at a few
 * directories and sockets, so that the full search, which costs tens of
 * milliseconds and with some ALSA plugins leaks a few kilobytes each time, need
 * not run in vain all day on a machine without a microphone.
 */
#ifndef HEARD_AUDIO_SURROUNDINGS_H
#define HEARD_AUDIO_SURROUNDINGS_H

#include <stdint.h>

/* A number that is another one after a card was plugged in or out, or a local
 * sound server started. Servers on other machines do not show. */
uint64_t surroundings_read(void);

#endif
