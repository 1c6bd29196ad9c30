/*
 * A progress bar on standard error, where that is a terminal.
 */
#ifndef HEARD_CLIENT_PROGRESS_H
#define HEARD_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_REDRAW_MS = 100 };

struct progress {
	bool shown;       /* wanted, and possible */
	bool drawn;       /* on the screen now */
	const char *name; /* borrowed */
	double total;     /* seconds of audio; negative: not known */
	int64_t start_ms, drawn_ms;
};

void progress_init(struct progress *progress, bool wanted);
/* A new file. */
void progress_start(struct progress *progress, const char *name, double total);
/* Seconds of it are pushed. Draws at most every PROGRESS_REDRAW_MS. */
void progress_show(struct progress *progress, double seconds);
/* Clears the bar, for something else to be printed; the next show draws it. */
void progress_hide(struct progress *progress);

/* The bar as text of at most columns cells, for `elapsed` seconds of work. */
void progress_print(const struct progress *progress, double seconds, double elapsed, size_t columns,
		    char *out, size_t size);

#endif
