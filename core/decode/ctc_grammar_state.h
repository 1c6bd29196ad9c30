/*
 * Inside of the grammar search, for ctc_grammar*.c.
 *
 * Three pools of fixed size, addressed by index, so that a state is copied by
 * copying them:
 *
 * - prefixes: token sequences as a tree, each with its state in the graph. A
 *   prefix lives while a hypothesis or a longer prefix needs it.
 * - marks: where the tokens of a best alignment begin, chained to the front. The
 *   alignment that ends in a blank and the one that does not may differ in all
 *   of them, so marks are no part of the prefix. They count references.
 * - hypotheses: the prefixes of the beam with their scores, of this frame and the next.
 *
 * Where a pool is used up a new prefix is dropped: the beam is narrower then.
 */
#ifndef HEARD_DECODE_CTC_GRAMMAR_STATE_H
#define HEARD_DECODE_CTC_GRAMMAR_STATE_H

#include "core/decode/ctc_grammar.h"
#include "core/decode/grammar_object.h"

#define SEARCH_NONE UINT32_MAX
#define SEARCH_STAY UINT32_MAX       /* in place of an arc */
#define SEARCH_FREE (UINT32_MAX - 1) /* in place of a hypothesis */

struct prefix {
	uint32_t parent, child, sibling; /* SEARCH_NONE; free ones are chained by sibling */
	uint32_t state;                  /* of the graph */
	int token;
	uint32_t active; /* hypothesis of the frame that has it; SEARCH_NONE, SEARCH_FREE */
};

struct mark {
	uint32_t before; /* mark of the token before; SEARCH_NONE; free ones are chained by it */
	uint32_t references;
	int start;           /* frame */
	int before_end;      /* end of the token before */
	double before_score; /* score up to there */
};

/* The best alignment of a kind. */
struct alignment {
	double score; /* -INFINITY: none */
	uint32_t mark;
	int end;          /* frame behind the last token */
	double end_score; /* score up to there */
};

enum { ENDS_BLANK, ENDS_TOKEN, ENDS_FILLER, N_ENDS };

struct hypothesis {
	uint32_t prefix;
	double total;
	double sums[N_ENDS]; /* of all alignments */
	struct alignment best[N_ENDS];
};

/* One that may be in the next frame's beam. */
struct candidate {
	double total;
	uint32_t hypothesis; /* it comes from */
	uint32_t arc;        /* of the graph; SEARCH_STAY: the same prefix */
};

struct beam {
	struct prefix *prefixes; /* owned, [max_prefixes] */
	struct mark *marks;      /* owned, [max_marks] */
	struct hypothesis *now;  /* owned, [beam] */
	size_t n_now;
	uint32_t free_prefix, free_mark;    /* chains of given back ones */
	uint32_t used_prefixes, used_marks; /* those beyond were never taken */
	int free_token;                     /* the free path's choice in the last frame; -1 */
	double filler;                      /* cost of saying nothing but fillers so far */
	int frames;
};

struct ctc_grammar {
	struct grammar *grammar;   /* a reference */
	const struct vocab *vocab; /* borrowed */
	struct ctc_grammar_options options;
	size_t tokens, max_frames, max_prefixes, max_marks;

	struct beam committed, tail; /* tail: with the provisional frames */
	bool provisional;            /* tail is in force */

	/* scratch of a frame */
	struct hypothesis *next;      /* owned, [beam] */
	struct hypothesis *stays;     /* owned, [beam]: each of `now` with its own prefix */
	struct candidate *candidates; /* owned, [beam]: a heap, the worst on top */
	size_t n_candidates;

	/* scratch of results */
	struct ctc_match_token *match; /* owned, [max_frames] */
	char *raw, *text;              /* owned */
	size_t text_capacity;
};

/* log(exp(a) + exp(b)). */
double log_add(double a, double b);

/* ctc_grammar_beam.c: one frame, logits [tokens]. */
void beam_frame(struct ctc_grammar *search, struct beam *beam, const float *logits);
void beam_reset(const struct ctc_grammar *search, struct beam *beam);

#endif
