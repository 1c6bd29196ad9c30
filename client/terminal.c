#include "client/terminal.h"

#include "core/base/utf8.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

void terminal_init(void)
{
	/* wcwidth knows characters only in a locale that has them, and the C
	 * library's own is often all that a service or container sets. */
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

bool terminal_is_capable(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void terminal_size(int fd, size_t *columns, size_t *lines)
{
	struct winsize size;

	*columns = 80;
	*lines = 24;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 0)
		*columns = size.ws_col;
	if (size.ws_row > 0)
		*lines = size.ws_row;
}

static size_t character_width(uint32_t code)
{
	int width = wcwidth((wchar_t)code);

	/* Not known to the C library: most characters take one cell. */
	return width < 0 ? 1 : (size_t)width;
}

/* Bytes of the character at text, and its cells. Broken bytes count for one each. */
static size_t step(const char *text, size_t n, size_t *width)
{
	uint32_t code;
	size_t length = utf8_decode(text, n, &code);

	*width = length > 0 ? character_width(code) : 1;
	return length > 0 ? length : 1;
}

size_t terminal_width(const char *text, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n;) {
		size_t width;
		i += step(text + i, n - i, &width);
		total += width;
	}
	return total;
}

size_t terminal_clean(const char *text, char *out, size_t size)
{
	size_t n = strlen(text), written = 0;

	for (size_t i = 0; i < n;) {
		uint32_t code = 0;
		size_t length = utf8_decode(text + i, n - i, &code);
		if (written + (length ? length : 1) >= size)
			break;
		if (length == 0)
			out[written++] = '?';
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			out[written++] = ' ';
		else
			memmove(out + written, text + i, length), written += length;
		i += length ? length : 1;
	}
	out[written] = '\0';
	return written;
}

size_t terminal_wrap(const char *text, size_t n, size_t columns, struct terminal_row *rows,
		     size_t max)
{
	size_t count = 0, start = 0;

	if (columns < 2)
		columns = 2;
	do {
		size_t at = start, width = 0;
		/* Where the row could be broken: in front of its last space. */
		size_t space = start, space_width = 0;
		bool full = false;

		while (at < n) {
			size_t cells, length = step(text + at, n - at, &cells);
			if (width + cells > columns) {
				full = true;
				break;
			}
			if (text[at] == ' ') {
				space = at;
				space_width = width;
			}
			at += length;
			width += cells;
		}
		size_t end = at, end_width = width, next = at;
		if (full && text[at] == ' ') {
			next = at + 1;
		} else if (full && space > start) {
			end = space;
			end_width = space_width;
			next = space + 1;
		}
		if (count < max)
			rows[count] = (struct terminal_row){start, end, end_width};
		count++;
		start = next;
	} while (start < n);
	return count;
}
