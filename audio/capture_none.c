/* In the place of capture.c and sound_library.c where PortAudio is not wanted. */
#include "audio/capture.h"
#include "audio/device.h"

#include <errno.h>

const struct capture_backend *capture_portaudio(void)
{
	return NULL;
}

int device_list_read(struct device_list *list)
{
	*list = (struct device_list){0};
	return -ENOTSUP;
}
