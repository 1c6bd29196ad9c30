/*
 * From rows of weights to the panels of a microkernel (microkernel.h says how
 * they are laid out).
 */
#ifndef HEARD_KERNELS_PACKING_H
#define HEARD_KERNELS_PACKING_H

#include "core/kernels/pool.h"

#include <stddef.h>

struct matrix_source;
struct microkernel;

/* K as panels and integer rows have it. */
size_t packing_k(const struct microkernel *micro, size_t k);

/* A multiple of 64. */
size_t packing_panel_bytes(const struct microkernel *micro, size_t k);

/* Runs func for every task in [0, tasks), by the threads of the source's pool where it
 * has one. */
void packing_run(const struct matrix_source *source, size_t tasks, pool_func func, void *ctx);
/* `worker` of func is below this. */
unsigned packing_workers(const struct matrix_source *source);

/* Writes ceil(N / 16) panels one after the other, zeroed before, and for integer
 * types the scale of each column, [N rounded up to 16] (NULL for halves). 0 or
 * -ENOMEM. */
int packing_pack(const struct microkernel *micro, const struct matrix_source *source,
		 unsigned char *panels, float *scales);

#endif
