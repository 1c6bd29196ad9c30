/* Sorting rows of 32-bit numbers in place. */
#ifndef HEARD_DECODE_LM_SORT_H
#define HEARD_DECODE_LM_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts n rows of `width` numbers by their first `keys` columns, the first one
 * weighing most. Not stable. Time n log n, memory log n. */
void lm_sort_rows(uint32_t *rows, size_t n, unsigned width, unsigned keys);

#endif
