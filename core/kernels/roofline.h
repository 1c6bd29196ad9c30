/*
 * What this machine can do at best, measured with the pool and the vector width
 * that the products use: the roofline that their speed is compared with.
 *
 * Other programs slow a measurement down and nothing speeds one up, so a best
 * value is kept. Call roofline_measure between the timings it is compared with.
 * With the C table the probe is what the compiler made of it, and OpenBLAS, which
 * then computes the products, can be faster.
 */
#ifndef HEARD_KERNELS_ROOFLINE_H
#define HEARD_KERNELS_ROOFLINE_H

#include "core/base/weight_type.h"

struct kernels;
struct pool;
struct roofline;

/* `kernels` and `pool` are borrowed. Maps a buffer larger than the caches
 * (256 MB). Returns 0 or -ENOMEM. */
int roofline_create(const struct kernels *kernels, struct pool *pool, struct roofline **out);
void roofline_destroy(struct roofline *roofline); /* NULL is allowed */

/* Measures for about 30 ms on a fast machine. */
void roofline_measure(struct roofline *roofline);

/* The best so far; 0 before the first measurement. */
double roofline_gflops(const struct roofline *roofline); /* 1e9 fp32 operations/s */
/* 1e9 operations/s of the instruction that multiplies weights of this type. */
double roofline_gops(const struct roofline *roofline, enum weight_type type);
double roofline_read_gbs(const struct roofline *roofline); /* 1e9 bytes read/s */

#endif
