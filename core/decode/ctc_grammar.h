/*
 * CTC search for the phrases of a grammar, frame by frame: token passing (Young,
 * Russell and Thornton, "Token passing: a simple conceptual model for connected
 * speech recognition systems", 1989) through the grammar's graph, with the blank
 * of CTC behind each token. A score is that of the best alignment, which
 * confidence is computed from too.
 *
 * A graph that the beam has room for is searched whole: the result is the best
 * phrase of all. Of a larger one the best path with each number of tokens to go is
 * kept beside the beam, so that frames enough for a phrase (two for each token)
 * lead to one in any case; whether it was said is for the confidence to tell.
 *
 * All scores are natural logarithms relative to the free path, which takes the
 * most probable token of each frame (what ctc_greedy prints): 0 is a phrase that
 * is what was heard, and what a model finds hard to hear at all costs free path
 * and phrase alike. Rejection rests on that difference, over the phrase and over
 * each of its words (ctc_match).
 *
 * The search alone adds to that what a token earns for being expected: prior_scale
 * times the logarithm of how many times fewer tokens may follow in the grammar than
 * the network can say. A network takes any token for as likely as it was in training
 * and, where it is unsure, the blank for more so; without a correction the shorter of
 * two phrases wins. (Dividing by the prior of the labels: Miao, Gowayyed and Metze,
 * "EESEN: end-to-end speech recognition using deep RNN models and WFST-based
 * decoding", 2015; here by that of the grammar over one that is uniform.)
 *
 * Before and after the phrase anything may be said ("er, ... please"), at a cost
 * for each token that the free path has there; blanks and delimiters are free.
 *
 * Committed frames extend the state for good; provisional frames are searched
 * on a copy of it and forgotten.
 */
#ifndef HEARD_DECODE_CTC_GRAMMAR_H
#define HEARD_DECODE_CTC_GRAMMAR_H

#include "core/decode/grammar.h"
#include "core/decode/vocab.h"

struct ctc_grammar;

struct ctc_grammar_options {
	/* Paths kept in a frame, at most one for each state and each arc of the graph;
	 * 0: all of them where they are up to 4096, else 512. */
	size_t beam;
	float beam_score;  /* where not all are kept: how far below the best one may be; 0: 30 */
	float filler_cost; /* of a token before or after the phrase; 0: 3; INFINITY: none allowed */
	float prior_scale; /* 0: 0.6; < 0: tokens earn nothing for being expected */
	float threshold;   /* 0..1, least confidence of a match; < 0: 0.5 */
};

/* tokens: width of a row of logits. max_frames bounds one utterance, committed
 * plus provisional; all memory is taken here. grammar (made with the same
 * vocabulary) gets a reference, vocab is borrowed. 0 or -ENOMEM. */
int ctc_grammar_create(const struct vocab *vocab, struct grammar *grammar,
		       const struct ctc_grammar_options *options, size_t tokens, size_t max_frames,
		       struct ctc_grammar **out);
void ctc_grammar_destroy(struct ctc_grammar *search); /* NULL is allowed */

/* Starts a new utterance at frame 0. */
void ctc_grammar_reset(struct ctc_grammar *search);

/* *to, created alike, goes on as *from would. */
void ctc_grammar_copy(struct ctc_grammar *to, const struct ctc_grammar *from);

/* logits [frames, tokens], not normalised. Appends for good and drops the
 * provisional tail. -ENOSPC past max_frames, then nothing is taken. */
int ctc_grammar_commit(struct ctc_grammar *search, const float *logits, size_t frames);
/* Replaces the provisional tail that follows the committed frames. Likewise. */
int ctc_grammar_provisional(struct ctc_grammar *search, const float *logits, size_t frames);

/* Text of the best path so far, which may be the beginning of a phrase only;
 * provisional frames included. Valid until the next commit, provisional or reset. */
const char *ctc_grammar_text(struct ctc_grammar *search);
/* Bytes that it can have, terminating zero included. */
size_t ctc_grammar_text_capacity(const struct ctc_grammar *search);

size_t ctc_grammar_frames(const struct ctc_grammar *search); /* committed */

enum { CTC_MATCH_SMOOTHING = 2 };

struct ctc_match_token {
	int token;
	int start_frame, end_frame; /* [start, end) on the best alignment */
	/* Of the frames from the end of the token before to its own end, relative to the
	 * free path. */
	float score;
	float expected; /* what it earned in the search for being expected */
};

/* The best phrase that is complete after the committed frames.
 *
 * weakest is the least confidence of a word (ctc_match_confidence). With s the score of
 * its tokens, n their number without delimiters and e what they earned for being expected,
 * exp(2 s / (n + e)) is about the geometric mean over characters of the probability
 * relative to the free path, milder where little else could have been said and stricter
 * where anything could. For a word s is n / (n + CTC_MATCH_SMOOTHING) of that, as if so many
 * characters more had cost nothing: a short word tells less than a long one. What lies before
 * a word belongs to it, what follows the last one to that. confidence is that of the whole
 * phrase, without more characters, or the square root of weakest where that is less: many
 * slightly wrong words are told, and so is one that was not said at all. */
struct ctc_match {
	const struct ctc_match_token *tokens; /* borrowed from the search, until it is changed */
	struct grammar *grammar;              /* likewise; what the tokens are a phrase of */
	size_t n;                             /* 0: no phrase at all has a path */
	double score;                         /* sum of the tokens' */
	float confidence;
	float weakest; /* of the words */
	int delimiter; /* -1: none */
	bool accepted; /* confidence is not below the threshold */
};

/* Words are kept apart by the vocabulary's delimiter; without one the phrase is
 * one word. Does not allocate. */
void ctc_grammar_match(struct ctc_grammar *search, struct ctc_match *match);

/* Confidence of tokens [first, last) of a match as one word. */
float ctc_match_confidence(const struct ctc_match *match, size_t first, size_t last);

#endif
