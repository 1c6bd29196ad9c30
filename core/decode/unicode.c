#include "core/decode/unicode.h"

#include "core/base/utf8.h"
#include "core/decode/unicode_tables.h"

uint32_t unicode_next(const char *text, size_t size, size_t *position)
{
	uint32_t c;
	size_t n = utf8_decode(text + *position, size - *position, &c);

	if (n == 0) {
		c = UNICODE_BYTE + (uint32_t)(unsigned char)text[*position];
		n = 1;
	}
	*position += n;
	return c;
}

size_t unicode_put(char out[4], uint32_t c)
{
	if (c < UNICODE_BYTE)
		return utf8_encode(c, out);
	out[0] = (char)(c - UNICODE_BYTE);
	return 1;
}

static bool range_find(const struct unicode_range *ranges, size_t n, uint32_t c)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c > ranges[mid].last)
			low = mid + 1;
		else if (c < ranges[mid].first)
			high = mid;
		else
			return true;
	}
	return false;
}

bool unicode_is_space(uint32_t c)
{
	if (c < 0x80) /* nearly all of them */
		return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
	return range_find(unicode_space, unicode_space_size, c);
}

bool unicode_is_cased(uint32_t c)
{
	return range_find(unicode_cased, unicode_cased_size, c);
}

bool unicode_is_ignorable(uint32_t c)
{
	return range_find(unicode_ignorable, unicode_ignorable_size, c);
}

/* Runs are sorted by their first code point; a run of step 2 may have the
 * first code point of the next inside it, so the search goes back one more. */
static int map_find(const struct unicode_run *runs, size_t n_runs,
		    const struct unicode_longer *longer, size_t n_longer, uint32_t c,
		    uint32_t out[UNICODE_MAX_EXPANSION])
{
	size_t low = 0, high = n_runs;

	for (size_t i = 0; i < n_longer; i++) {
		if (longer[i].from == c) {
			for (int k = 0; k < UNICODE_MAX_EXPANSION; k++)
				out[k] = longer[i].to[k];
			return longer[i].to[2] != 0 ? 3 : 2;
		}
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c >= runs[mid].first)
			low = mid + 1;
		else
			high = mid;
	}
	out[0] = c;
	for (size_t i = low; i > 0 && i + 2 > low; i--) {
		const struct unicode_run *run = &runs[i - 1];

		if (c <= run->last && (c - run->first) % (uint32_t)run->step == 0) {
			out[0] = (uint32_t)((int64_t)c + run->delta);
			break;
		}
	}
	return 1;
}

int unicode_lower(uint32_t c, uint32_t out[UNICODE_MAX_EXPANSION])
{
	if (c < 0x80) {
		out[0] = c >= 'A' && c <= 'Z' ? c + 32 : c;
		return 1;
	}
	return map_find(unicode_lower_runs, unicode_lower_runs_size, unicode_lower_longer,
			unicode_lower_longer_size, c, out);
}

int unicode_upper(uint32_t c, uint32_t out[UNICODE_MAX_EXPANSION])
{
	if (c < 0x80) {
		out[0] = c >= 'a' && c <= 'z' ? c - 32 : c;
		return 1;
	}
	return map_find(unicode_upper_runs, unicode_upper_runs_size, unicode_upper_longer,
			unicode_upper_longer_size, c, out);
}
