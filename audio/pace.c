#include "audio/pace.h"

static const int64_t WINDOW_NS = 1000000000;
/* Sound servers change their buffering by up to some tenths of a second. */
static const double SHORTFALL_S = 0.25;
/* A window's weight in what is usual: it follows a drift within some 20 s, and
 * 1000 ppm, ten times what crystals do, then lag by 20 ms. */
static const double WEIGHT = 0.05;

void pace_init(struct pace *pace, unsigned rate)
{
	*pace = (struct pace){.rate = rate};
}

void pace_account(struct pace *pace, uint64_t frames)
{
	pace->accounted += (double)frames;
}

uint64_t pace_update(struct pace *pace, int64_t now, uint64_t frames)
{
	if (!pace->started) {
		/* The first frames' own duration lies before the start. */
		if (frames == 0)
			return 0;
		pace->started = true;
		pace->start = pace->window = now;
		pace->accounted = 0;
		return 0;
	}
	pace->accounted += (double)frames;
	double shortfall = (double)(now - pace->start) * 1e-9 - pace->accounted / pace->rate;
	if (!pace->delivered || shortfall < pace->smallest)
		pace->smallest = shortfall;
	pace->delivered |= frames > 0;
	/* A window without a frame cannot tell late from lost: it goes on. */
	if (now - pace->window < WINDOW_NS || !pace->delivered)
		return 0;

	double smallest = pace->smallest;
	double missing = smallest - pace->usual;
	pace->window = now;
	pace->delivered = false;
	if (!pace->settled || missing < 0) {
		/* More came than expected: what was buffered at the start. */
		pace->settled = true;
		pace->usual = smallest;
		return 0;
	}
	if (missing < SHORTFALL_S) {
		pace->usual += WEIGHT * missing;
		return 0;
	}
	uint64_t lost = (uint64_t)(missing * pace->rate + 0.5);
	pace->accounted += (double)lost;
	return lost;
}
