/* Inside of the beam search, for core/decode/ctc_beam*.c only. */
#ifndef HEARD_DECODE_CTC_BEAM_STATE_H
#define HEARD_DECODE_CTC_BEAM_STATE_H

#include "core/decode/collapse.h"
#include "core/decode/ctc_beam.h"
#include "core/decode/ctc_prefix.h"

/* An alignment ends in a blank or in the last token of its prefix. */
enum { ENDS_BLANK, ENDS_TOKEN, ENDS };

/* The best alignment of a hypothesis with such an end; score -INFINITY: none. */
struct track {
	double score;
	uint32_t history; /* held: the tokens before the last one */
	int start, end;   /* frames of the last token */
	double sum;       /* of its probabilities there */
};

struct hypothesis {
	uint32_t prefix;   /* held */
	double ends[ENDS]; /* ln of the sum over alignments with such an end */
	struct track tracks[ENDS];
	uint32_t closed[ENDS]; /* within a step: the last token added to the history */
	double acoustic, lm, hotwords, score;
};

/* Hypotheses, the best first. */
struct beam {
	struct hypothesis *hypotheses; /* owned, [width + 1] */
	size_t n;
	size_t greedy; /* which of them is the greedy prefix */
	int last;      /* greedy choice of the last frame; -1 before the first */
};

/* A hypothesis of the next frame: one that stays (blank, or its token again), or
 * one with a token more. */
struct candidate {
	size_t parent;   /* of the beam before; the same where it stays */
	int token;       /* -1: it stays */
	uint32_t prefix; /* NODE_NONE: not in the tree yet */
	double ends[ENDS];
	struct {
		double score;
		size_t from; /* hypothesis and end of the alignment that goes on */
		int end;
		bool extends; /* by a token, else by a frame */
	} tracks[ENDS];
	struct fusion_state fusion;
	double acoustic, score;
};

/* The tokens of a frame. A token stands for all ids of its text: its number is
 * that of its group, 0 the blank. */
struct frame_tokens {
	size_t n_groups;
	int *group;  /* owned, [tokens]: of an id */
	int *id;     /* owned, [n_groups]: one that stands for it */
	float *p;    /* owned, [n_groups] */
	float *ln;   /* owned, [n_groups]: ln p */
	int *chosen; /* owned, [n_groups]: without the blank; the first n_chosen hold */
	size_t n_chosen;
	int greedy;
};

/* Text, words and characters of one hypothesis. */
struct beam_output {
	struct collapse_buffers buffers;
	struct collapse collapse;
	int *tokens;             /* owned, [max_frames]: ids */
	struct aligned *aligned; /* owned, likewise */
	char *text;              /* owned */
	struct transcript transcript;
	bool made; /* it is of the present state */
};

struct ctc_beam {
	const struct vocab *vocab; /* borrowed */
	size_t tokens, max_frames;
	size_t width; /* without the greedy prefix */
	size_t most_chosen;
	float token_prune, beam_prune;
	size_t commit_delay; /* frames; 0: no stable text */
	size_t frames, provisional;
	bool finished;

	struct fusion fusion;
	struct frame_tokens row;
	struct prefix_pool prefixes;
	struct alignment_pool alignments;
	struct beam beams[3];
	struct beam *committed, *tail, *spare; /* of them */
	bool has_tail;                         /* else nothing is held by it */

	struct candidate *candidates; /* owned, [(width + 1) * (most_chosen + 2)] */
	size_t n_candidates;
	size_t *heap; /* owned, [width + 1] */

	/* stable text: that of a prefix that all committed hypotheses continue */
	uint32_t settled;
	struct text_state settled_text;
	char *settled_raw; /* owned */
	char *stable;      /* owned */
	size_t stable_length;

	struct beam_output *output; /* owned */
};

/* ctc_beam_tokens.c */
int frame_tokens_init(struct frame_tokens *row, const struct vocab *vocab, size_t tokens);
void frame_tokens_finish(struct frame_tokens *row);
/* Reads a row of logits and chooses at most `most` tokens, the greedy one always. */
void frame_tokens_read(struct frame_tokens *row, size_t tokens, const float *logits,
		       float token_prune, size_t most);

/* ctc_beam_step.c */
/* `to` becomes what a frame of logits makes of `from`, which holds nothing any
 * more. Pools must have room (beam_make_room). */
void beam_step(struct ctc_beam *search, struct beam *from, struct beam *to, const float *logits,
	       int frame);
/* Gives up hypotheses until a step has room; false where even one is too many. */
bool beam_make_room(struct ctc_beam *search, struct beam *beam);
void beam_release(struct ctc_beam *search, struct beam *beam);
/* Keeps the first n. */
void beam_shrink(struct ctc_beam *search, struct beam *beam, size_t n);
void hypothesis_release(struct ctc_beam *search, struct hypothesis *hypothesis);

static inline const struct track *hypothesis_track(const struct hypothesis *hypothesis)
{
	bool token = hypothesis->tracks[ENDS_TOKEN].score > hypothesis->tracks[ENDS_BLANK].score;

	return &hypothesis->tracks[token ? ENDS_TOKEN : ENDS_BLANK];
}

/* ctc_beam_output.c */
int beam_output_create(const struct ctc_beam *search, struct beam_output **out);
void beam_output_destroy(struct beam_output *output);
/* Makes the transcript of a hypothesis. */
void beam_output_make(const struct ctc_beam *search, const struct hypothesis *hypothesis);

#endif
