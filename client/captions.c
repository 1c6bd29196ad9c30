#include "client/captions.h"

#include "client/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One drawing is one write, so that the terminal never shows half of it. */
struct drawing {
	char bytes[2 * CAPTIONS_TEXT_BYTES];
	size_t length;
};

static void draw(struct drawing *drawing, const char *bytes, size_t n)
{
	if (n > sizeof(drawing->bytes) - drawing->length)
		n = sizeof(drawing->bytes) - drawing->length;
	memcpy(drawing->bytes + drawing->length, bytes, n);
	drawing->length += n;
}

static void draw_text(struct drawing *drawing, const char *text)
{
	draw(drawing, text, strlen(text));
}

static int show(const struct captions *captions, const struct drawing *drawing)
{
	const char *next = drawing->bytes;
	size_t left = drawing->length;

	while (left > 0) {
		ssize_t n = write(captions->fd, next, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		left -= (size_t)n;
	}
	return 0;
}

void captions_init(struct captions *captions, int fd)
{
	memset(captions, 0, sizeof(*captions));
	captions->fd = fd;
	captions->live = terminal_is_capable(fd);
}

/* Moves to the start of what was drawn and clears from there on. */
static void draw_clear(struct captions *captions, struct drawing *drawing, size_t columns)
{
	size_t rows = 0;
	char move[32];

	if (captions->rows == 0)
		return;
	/* A terminal that became narrower has broken our rows once more. */
	for (size_t i = 0; i < captions->rows; i++)
		rows += captions->widths[i] <= columns
				? 1
				: (captions->widths[i] + columns - 1) / columns;
	if (rows > 1) {
		snprintf(move, sizeof(move), "\x1b[%zuA", rows - 1);
		draw_text(drawing, move);
	}
	draw_text(drawing, "\r\x1b[J");
	captions->rows = 0;
}

/* Draws text[start, end), of which what lies behind `stable` is dim. */
static void draw_row(struct drawing *drawing, const struct captions *captions, size_t start,
		     size_t end)
{
	size_t plain = captions->stable < start ? start
		       : captions->stable > end ? end
						: captions->stable;

	draw(drawing, captions->text + start, plain - start);
	if (plain < end) {
		draw_text(drawing, "\x1b[2m");
		draw(drawing, captions->text + plain, end - plain);
		draw_text(drawing, "\x1b[0m");
	}
}

static void draw_partial(struct captions *captions, struct drawing *drawing, size_t columns,
			 size_t lines)
{
	struct terminal_row rows[CAPTIONS_MAX_ROWS];

	if (captions->length == 0)
		return;
	/* The last column stays free: a character there leaves the cursor in a
	 * state that terminals disagree about. */
	size_t n = terminal_wrap(captions->text, captions->length, columns > 2 ? columns - 1 : 2,
				 rows, CAPTIONS_MAX_ROWS);
	if (n > CAPTIONS_MAX_ROWS)
		n = CAPTIONS_MAX_ROWS;
	/* Rows that have scrolled off cannot be redrawn: only the last are shown. */
	size_t shown = n < lines ? n : lines > 1 ? lines - 1 : 1;
	for (size_t i = 0; i < shown; i++) {
		const struct terminal_row *row = &rows[n - shown + i];
		if (i > 0)
			draw_text(drawing, "\n");
		draw_row(drawing, captions, row->start, row->end);
		captions->widths[i] = row->width;
	}
	captions->rows = shown;
}

static int redraw(struct captions *captions)
{
	struct drawing drawing;
	size_t columns, lines;

	drawing.length = 0;
	terminal_size(captions->fd, &columns, &lines);
	draw_clear(captions, &drawing, columns);
	draw_partial(captions, &drawing, columns, lines);
	return show(captions, &drawing);
}

int captions_partial(struct captions *captions, const char *stable, const char *unstable)
{
	if (!captions->live)
		return 0;
	captions->stable = terminal_clean(stable, captions->text, sizeof(captions->text));
	captions->length =
		captions->stable + terminal_clean(unstable, captions->text + captions->stable,
						  sizeof(captions->text) - captions->stable);
	return redraw(captions);
}

int captions_final(struct captions *captions, const char *text, bool always)
{
	struct drawing drawing;
	size_t columns, lines;

	drawing.length = 0;
	if (captions->live) {
		terminal_size(captions->fd, &columns, &lines);
		draw_clear(captions, &drawing, columns);
	}
	captions->length = terminal_clean(text, captions->text, sizeof(captions->text));
	if (captions->length > 0 || always) {
		draw(&drawing, captions->text, captions->length);
		draw_text(&drawing, "\n");
	}
	captions->length = 0;
	captions->stable = 0;
	return show(captions, &drawing);
}

int captions_hide(struct captions *captions)
{
	struct drawing drawing;
	size_t columns, lines;

	if (captions->rows == 0)
		return 0;
	drawing.length = 0;
	terminal_size(captions->fd, &columns, &lines);
	draw_clear(captions, &drawing, columns);
	return show(captions, &drawing);
}

int captions_restore(struct captions *captions)
{
	return captions->live ? redraw(captions) : 0;
}
