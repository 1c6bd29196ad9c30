/*
 * Inside of the grammar search, for ctc_grammar*.c.
 *
 * What a path may go on with is told by the state of the graph that it is in and by
 * its last frame: a blank, a filler, or the token of the arc that it came by. Of
 * all paths that agree in these only the best is kept, so a graph is searched whole
 * by as many paths as it has states and arcs, and without an error.
 *
 * Where tokens of a path begin is kept in marks, chained to the front and counted
 * by references: paths share their beginnings. They are of a pool of fixed size; where
 * it is used up a token is not begun.
 */
#ifndef HEARD_DECODE_CTC_GRAMMAR_STATE_H
#define HEARD_DECODE_CTC_GRAMMAR_STATE_H

#include "core/decode/ctc_grammar.h"
#include "core/decode/grammar_object.h"
#include "core/decode/slots.h"

#define SEARCH_NONE SLOT_NONE

struct mark {
	uint32_t before; /* mark of the token before; SEARCH_NONE */
	uint32_t references;
	int token, start;    /* frame */
	int before_end;      /* end of the token before */
	float expected;      /* what the token earned for being expected */
	double before_score; /* score up to before_end */
};

struct alignment {
	double score;     /* -INFINITY: none */
	uint32_t mark;    /* of its last token; SEARCH_NONE: nothing of the phrase yet */
	int end;          /* frame behind that */
	double end_score; /* score up to there */
};

/* Paths in a state whose last frame was no token of the phrase. */
struct place {
	uint32_t state;
	struct alignment blank, filler;
};

/* A path whose last frame was the token of an arc; it is in the arc's target. */
struct spoken {
	uint32_t arc;
	struct alignment path;
};

struct beam {
	struct mark *marks;    /* owned, [max_marks] */
	struct slots slots;    /* of them */
	struct place *places;  /* owned, [max_places] */
	struct spoken *spoken; /* owned, [max_spoken] */
	size_t n_places, n_spoken;
	int free_token; /* the free path's choice in the last frame; -1 */
	double filler;  /* cost of saying nothing but fillers so far */
	int frames;
};

/* An alignment that goes on by a frame without a token of the phrase. */
struct reach {
	double score;                 /* with that frame; -INFINITY: none */
	const struct alignment *path; /* up to the frame before */
};

/* A state of the graph in the frame that is being searched. */
struct spot {
	uint32_t state;
	const struct alignment *blank; /* ends before this frame; NULL */
	/* Likewise, the best one in a token and the best one in another token; NULL. */
	const struct spoken *first, *second;
	struct reach next_blank, next_filler;
};

/* A token of the phrase in the frame that is being searched. */
struct step {
	uint32_t arc;
	double score;                 /* with this frame */
	const struct alignment *path; /* up to the frame before */
	bool begins;                  /* else the path was in the token */
};

/* The best of all with as many tokens to go. */
struct nearest {
	size_t spot, step; /* SIZE_MAX */
};

struct ctc_grammar {
	struct grammar *grammar;   /* a reference */
	const struct vocab *vocab; /* borrowed */
	struct ctc_grammar_options options;
	bool whole; /* the beam has room for the whole graph: nothing is given up */
	size_t tokens, max_frames, max_marks, max_places, max_spoken, n_nearest;

	struct beam committed, tail; /* tail: with the provisional frames */
	bool provisional;            /* tail is in force */

	/* scratch of a frame; what is not in use of it is not touched */
	struct spot *spots; /* owned, [states] */
	struct step *steps; /* owned, [arcs] */
	uint32_t *spot_of;  /* owned, [states]; SEARCH_NONE between frames */
	uint32_t *step_of;  /* owned, [arcs]; likewise */
	size_t n_spots, n_steps;
	struct nearest *nearest; /* owned, [n_nearest]: by tokens to go */
	struct place *places;    /* owned, [max_places] */
	struct spoken *spoken;   /* owned, [max_spoken] */

	/* scratch of results */
	struct ctc_match_token *match; /* owned, [max_frames] */
	char *raw, *text;              /* owned */
	size_t text_capacity;
};

/* ctc_grammar_beam.c: one frame, logits [tokens]. */
void beam_frame(struct ctc_grammar *search, struct beam *beam, const float *logits);
void beam_reset(const struct ctc_grammar *search, struct beam *beam);

/* The best path; NULL: none. whole: of those that are a whole phrase. */
const struct alignment *beam_best(const struct ctc_grammar *search, const struct beam *beam,
				  bool whole);

#endif
