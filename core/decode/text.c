#include "core/decode/text.h"

#include "core/decode/unicode.h"

size_t text_capacity(size_t n)
{
	/* Lower case makes at most three bytes of two. */
	return n + n / 2 + CLEANUP_MAX_HELD + 2;
}

void text_append(struct text_state *state, const char *raw, size_t n)
{
	size_t end = state->raw + n, position = state->raw;

	while (position < end) {
		size_t start = position;

		if (unicode_is_space(unicode_next(raw, end, &position)))
			continue;
		if (state->solid == 0)
			state->read = start; /* leading white space */
		state->solid = position;
	}
	state->raw = end;
}

/* 1: the capital sigma before `position` is the last letter of its word, 0: it
 * is not, -1: the text that would tell is not there yet. White space behind
 * `solid` ends a word. */
static int sigma_final(const struct text_state *state, const char *raw, size_t position, bool end)
{
	if (!state->cased)
		return 0;
	while (position < state->solid) {
		uint32_t c = unicode_next(raw, state->solid, &position);

		if (!unicode_is_ignorable(c))
			return unicode_is_cased(c) ? 0 : 1;
	}
	return end || state->raw > state->solid ? 1 : -1;
}

static size_t text_emit(struct text_state *state, bool clean, const char *bytes, size_t n,
			char *out)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		if (clean)
			length += cleanup_byte(&state->cleanup, bytes[i], out + length);
		else
			out[length++] = bytes[i];
	}
	return length;
}

size_t text_read(struct text_state *state, const struct text_style *style, const char *raw,
		 bool end, char *out)
{
	size_t length = 0;

	while (state->read < state->solid) {
		uint32_t c, lower[UNICODE_MAX_EXPANSION];
		size_t position = state->read;
		char bytes[4];
		int n = 1, final;

		c = unicode_next(raw, state->solid, &position);
		if (!style->lower) {
			length += text_emit(state, style->clean, raw + state->read,
					    position - state->read, out + length);
			state->read = position;
			continue;
		}
		if (c == UNICODE_SIGMA) {
			final = sigma_final(state, raw, position, end);
			if (final < 0)
				break;
			lower[0] = final ? 0x3c2 : 0x3c3;
		} else {
			n = unicode_lower(c, lower);
		}
		for (int i = 0; i < n; i++)
			length += text_emit(state, style->clean, bytes,
					    unicode_put(bytes, lower[i]), out + length);
		if (!unicode_is_ignorable(c))
			state->cased = unicode_is_cased(c);
		state->read = position;
	}
	if (end && style->clean)
		length += cleanup_end(&state->cleanup, out + length);
	return length;
}
