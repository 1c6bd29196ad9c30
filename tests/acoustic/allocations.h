/* Counts calls of malloc, calloc and realloc in this program. */
#ifndef TESTS_ACOUSTIC_ALLOCATIONS_H
#define TESTS_ACOUSTIC_ALLOCATIONS_H

#include <stddef.h>

size_t allocations_count(void);

#endif
