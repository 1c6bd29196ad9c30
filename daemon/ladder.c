#include "daemon/ladder.h"

static const char *const names[LADDER_RUNGS] = {
	"none",
	"large-chunks",
	"no-partials",
	"finals-only",
};

const char *ladder_name(enum ladder_rung rung)
{
	return names[rung];
}

bool ladder_note(struct ladder *ladder, double behind_ms)
{
	if (behind_ms > ladder->worst_ms)
		ladder->worst_ms = behind_ms;
	/* A rung gets one utterance to show what it is worth. */
	if (behind_ms <= LADDER_UP_MS || ladder->rung != ladder->active ||
	    ladder->rung == LADDER_RUNGS - 1)
		return false;
	ladder->rung++;
	ladder->calm = 0;
	return true;
}

bool ladder_utterance(struct ladder *ladder)
{
	bool changed = ladder->active != ladder->rung;
	bool calm = ladder->worst_ms < LADDER_DOWN_MS;

	ladder->active = ladder->rung;
	ladder->worst_ms = 0;
	if (changed || !calm || ladder->rung == LADDER_NONE) {
		ladder->calm = 0;
		return false;
	}
	if (++ladder->calm < LADDER_CALM)
		return false;
	ladder->calm = 0;
	ladder->rung--;
	return true;
}

void ladder_context(enum ladder_rung rung, long *left, long *chunk, long *right)
{
	(void)left;
	if (rung == LADDER_NONE || *chunk < 0)
		return;
	*chunk *= LADDER_CHUNK_FACTOR;
	if (rung == LADDER_FINALS_ONLY || *chunk > LADDER_LONGEST_CHUNK)
		*chunk = LADDER_LONGEST_CHUNK;
	if (rung >= LADDER_NO_PARTIALS)
		*right = 0;
}
