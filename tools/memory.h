/* What this process takes, as the kernel counts it. */
#ifndef HEARD_TOOLS_MEMORY_H
#define HEARD_TOOLS_MEMORY_H

#include <stddef.h>

/* The largest resident size so far (VmHWM); 0 where /proc does not tell. */
size_t memory_peak_bytes(void);

#endif
