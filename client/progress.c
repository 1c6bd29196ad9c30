#include "client/progress.h"

#include "client/terminal.h"
#include "client/wait.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_MAX = 30, NAME_MAX_CELLS = 30 };

void progress_init(struct progress *progress, bool wanted)
{
	*progress = (struct progress){.shown = wanted && terminal_is_capable(STDERR_FILENO)};
}

void progress_start(struct progress *progress, const char *name, double total)
{
	const char *slash = strrchr(name, '/');

	progress->name = slash && slash[1] != '\0' ? slash + 1 : name;
	progress->total = total;
	progress->start_ms = wait_now_ms();
	progress->drawn_ms = 0;
}

/* The end of a name tells files apart better than its start. */
static const char *tail(const char *name, size_t cells)
{
	while (name[0] != '\0' && terminal_width(name, strlen(name)) > cells) {
		do {
			name++;
		} while (((unsigned char)name[0] & 0xc0) == 0x80);
	}
	return name;
}

void progress_print(const struct progress *progress, double seconds, double elapsed, size_t columns,
		    char *out, size_t size)
{
	char clean[256], bar[BAR_MAX + 1] = "", share[16] = "", speed[32] = "";
	char position[48];
	int n;

	terminal_clean(progress->name, clean, sizeof(clean));
	const char *name = tail(clean, NAME_MAX_CELLS);
	if (elapsed >= 0.5)
		snprintf(speed, sizeof(speed), " %.1fx", seconds / elapsed);
	n = snprintf(position, sizeof(position), "%d:%02d", (int)(seconds / 60), (int)seconds % 60);
	if (progress->total > 0) {
		double done = seconds < progress->total ? seconds / progress->total : 1;
		snprintf(position + n, sizeof(position) - (size_t)n, "/%d:%02d",
			 (int)(progress->total / 60), (int)progress->total % 60);
		snprintf(share, sizeof(share), "%3d%% ", (int)(done * 100));

		size_t used = terminal_width(name, strlen(name)) + strlen(share) +
			      strlen(position) + strlen(speed) + 5;
		size_t cells = columns > used ? columns - used : 0;
		if (cells > BAR_MAX)
			cells = BAR_MAX;
		size_t filled = (size_t)(done * (double)cells);
		memset(bar, '-', cells);
		memset(bar, '#', filled);
		bar[cells] = '\0';
	}
	n = snprintf(out, size, "%s %s%s%s%s%s%s", name, share, bar[0] ? "[" : "", bar,
		     bar[0] ? "] " : "", position, speed);
	/* A window too narrow for all of it shows the start. */
	while (n > 0 && terminal_width(out, strlen(out)) >= columns)
		out[strlen(out) - 1] = '\0';
}

void progress_show(struct progress *progress, double seconds)
{
	int64_t now = wait_now_ms();
	size_t columns, lines;
	char line[512];

	if (!progress->shown || (progress->drawn && now - progress->drawn_ms < PROGRESS_REDRAW_MS))
		return;
	terminal_size(STDERR_FILENO, &columns, &lines);
	progress_print(progress, seconds, (double)(now - progress->start_ms) / 1000, columns, line,
		       sizeof(line));
	fprintf(stderr, "\r%s\x1b[K", line);
	progress->drawn = true;
	progress->drawn_ms = now;
}

void progress_hide(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\x1b[K", stderr);
	progress->drawn = false;
}
