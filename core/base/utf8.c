#include "core/base/utf8.h"

size_t utf8_decode(const char *text, size_t n, uint32_t *code)
{
	const unsigned char *c = (const unsigned char *)text;

	if (n == 0)
		return 0;
	if (c[0] < 0x80) {
		*code = c[0];
		return 1;
	}

	/* The second byte carries all the irregular bounds: it tells overlong
	 * forms (E0, F0), surrogates (ED) and the end of Unicode (F4) apart. */
	size_t length;
	unsigned char low = 0x80, high = 0xbf;
	uint32_t value;
	if (c[0] >= 0xc2 && c[0] <= 0xdf) {
		length = 2;
		value = c[0] & 0x1fu;
	} else if ((c[0] & 0xf0) == 0xe0) {
		length = 3;
		value = c[0] & 0x0fu;
		if (c[0] == 0xe0)
			low = 0xa0;
		else if (c[0] == 0xed)
			high = 0x9f;
	} else if (c[0] >= 0xf0 && c[0] <= 0xf4) {
		length = 4;
		value = c[0] & 0x07u;
		if (c[0] == 0xf0)
			low = 0x90;
		else if (c[0] == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (n < length || c[1] < low || c[1] > high)
		return 0;
	value = value << 6 | (c[1] & 0x3fu);
	for (size_t i = 2; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (c[i] & 0x3fu);
	}
	*code = value;
	return length;
}

size_t utf8_encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code >= 0xd800 && code <= 0xdfff)
		return 0;
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	if (code > 0x10ffff)
		return 0;
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

size_t utf8_valid_prefix(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint32_t code;
		size_t length = utf8_decode(text + i, n - i, &code);
		if (length == 0)
			break;
		i += length;
	}
	return i;
}
