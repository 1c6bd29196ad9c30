/*
 * One input as several texts: targets that read more than one JSON file divide
 * it at the byte 0xff, which no UTF-8 text holds.
 */
#ifndef HEARD_TESTS_FUZZ_PIECES_H
#define HEARD_TESTS_FUZZ_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct piece {
	const char *text; /* NULL where the input has fewer pieces */
	size_t size;
};

static inline void pieces_split(const uint8_t *data, size_t size, struct piece *pieces, size_t n)
{
	const uint8_t *end = data + size;

	memset(pieces, 0, n * sizeof(*pieces));
	for (size_t i = 0; i < n && data; i++) {
		const uint8_t *cut = data < end ? memchr(data, 0xff, (size_t)(end - data)) : NULL;
		pieces[i].text = (const char *)data;
		pieces[i].size = (size_t)((cut ? cut : end) - data);
		data = cut ? cut + 1 : NULL;
	}
}

#endif
