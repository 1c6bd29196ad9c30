/* The tables behind unicode.c; sorted by code point. */
#ifndef HEARD_DECODE_UNICODE_TABLES_H
#define HEARD_DECODE_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct unicode_range {
	uint32_t first, last;
};

/* Every step-th code point from first to last maps to itself plus delta. */
struct unicode_run {
	uint32_t first, last;
	int step, delta;
};

/* One code point that maps to two or three; the third is 0 where there are two. */
struct unicode_longer {
	uint32_t from, to[3];
};

extern const struct unicode_range unicode_space[], unicode_cased[], unicode_ignorable[];
extern const size_t unicode_space_size, unicode_cased_size, unicode_ignorable_size;
extern const struct unicode_run unicode_lower_runs[], unicode_upper_runs[];
extern const size_t unicode_lower_runs_size, unicode_upper_runs_size;
extern const struct unicode_longer unicode_lower_longer[], unicode_upper_longer[];
extern const size_t unicode_lower_longer_size, unicode_upper_longer_size;

#endif
