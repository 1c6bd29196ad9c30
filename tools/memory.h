/* What this process takes, as the kernel counts it. */
#ifndef HEARD_TOOLS_MEMORY_H
#define HEARD_TOOLS_MEMORY_H

#include <stddef.h>

/* The largest resident size so far (VmHWM); 0 where /proc does not tell. */
size_t memory_peak_bytes(void);

/* The peak starts again from the size of now, where the kernel allows it. */
void memory_forget_peak(void);

#endif
