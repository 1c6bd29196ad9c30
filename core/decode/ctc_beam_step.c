/*
 * One frame of the search: candidates, the best of them, the beam they make.
 *
 *	stays     blank     p(blank) * (ends in blank + ends in token)
 *	          token     p(its token) * ends in token
 *	extended  token     p(new) * (ends in blank + ends in token), or only
 *	                    ends in blank where the new token is the last one
 *
 * A hypothesis that another one's extension leads to takes that up as well.
 */
#include "core/decode/ctc_beam_state.h"

#include <math.h>
#include <string.h>

static double add_ln(double a, double b)
{
	double high = a > b ? a : b, low = a > b ? b : a;

	if (low == -INFINITY)
		return high;
	return high + log1p(exp(low - high));
}

static int better_end(const struct hypothesis *hypothesis)
{
	return hypothesis->tracks[ENDS_TOKEN].score > hypothesis->tracks[ENDS_BLANK].score
		       ? ENDS_TOKEN
		       : ENDS_BLANK;
}

/* ---- candidates ---- */

static void candidate_score(struct candidate *candidate)
{
	candidate->acoustic = add_ln(candidate->ends[ENDS_BLANK], candidate->ends[ENDS_TOKEN]);
	candidate->score = candidate->acoustic + fusion_score(&candidate->fusion);
}

static void add_stays(struct ctc_beam *search, const struct beam *from)
{
	const struct frame_tokens *row = &search->row;

	for (size_t i = 0; i < from->n; i++) {
		const struct hypothesis *hypothesis = &from->hypotheses[i];
		struct prefix *prefix = &search->prefixes.nodes[hypothesis->prefix];
		struct candidate *stays = &search->candidates[i];
		int end = better_end(hypothesis);
		double repeat = prefix->token < 0 ? -INFINITY : (double)row->ln[prefix->token];

		prefix->hypothesis = (int)i;
		*stays = (struct candidate){
			.parent = i,
			.token = -1,
			.prefix = hypothesis->prefix,
			.fusion = prefix->fusion,
		};
		stays->ends[ENDS_BLANK] =
			add_ln(hypothesis->ends[ENDS_BLANK], hypothesis->ends[ENDS_TOKEN]) +
			(double)row->ln[0];
		stays->ends[ENDS_TOKEN] = hypothesis->ends[ENDS_TOKEN] + repeat;
		stays->tracks[ENDS_BLANK].score =
			hypothesis->tracks[end].score + (double)row->ln[0];
		stays->tracks[ENDS_BLANK].from = i;
		stays->tracks[ENDS_BLANK].end = end;
		stays->tracks[ENDS_TOKEN].score = hypothesis->tracks[ENDS_TOKEN].score + repeat;
		stays->tracks[ENDS_TOKEN].from = i;
		stays->tracks[ENDS_TOKEN].end = ENDS_TOKEN;
	}
	search->n_candidates = from->n;
}

/* The candidate that hypothesis i with this token more is; -1: it cannot be. */
static long extend(struct ctc_beam *search, const struct beam *from, size_t i, int token)
{
	const struct hypothesis *hypothesis = &from->hypotheses[i];
	const struct prefix *prefix = &search->prefixes.nodes[hypothesis->prefix];
	const struct frame_tokens *row = &search->row;
	bool again = prefix->token == token; /* only behind a blank */
	int end = again ? ENDS_BLANK : better_end(hypothesis);
	double ends = again ? hypothesis->ends[ENDS_BLANK]
			    : add_ln(hypothesis->ends[ENDS_BLANK], hypothesis->ends[ENDS_TOKEN]);
	double track = hypothesis->tracks[end].score + (double)row->ln[token];
	uint32_t child = prefix_find(&search->prefixes, hypothesis->prefix, token);
	struct candidate *extended;

	if (ends == -INFINITY)
		return -1;
	ends += (double)row->ln[token];
	if (child != NODE_NONE && search->prefixes.nodes[child].hypothesis >= 0) {
		extended = &search->candidates[search->prefixes.nodes[child].hypothesis];
		extended->ends[ENDS_TOKEN] = add_ln(extended->ends[ENDS_TOKEN], ends);
	} else {
		extended = &search->candidates[search->n_candidates++];
		*extended = (struct candidate){.parent = i, .token = token, .prefix = child};
		extended->ends[ENDS_BLANK] = -INFINITY;
		extended->ends[ENDS_TOKEN] = ends;
		extended->tracks[ENDS_BLANK].score = -INFINITY;
		extended->tracks[ENDS_TOKEN].score = -INFINITY;
		if (child != NODE_NONE)
			extended->fusion = search->prefixes.nodes[child].fusion;
		else
			fusion_push(&search->fusion, &prefix->fusion, row->id[token],
				    &extended->fusion);
	}
	if (track > extended->tracks[ENDS_TOKEN].score) {
		extended->tracks[ENDS_TOKEN].score = track;
		extended->tracks[ENDS_TOKEN].from = i;
		extended->tracks[ENDS_TOKEN].end = end;
		extended->tracks[ENDS_TOKEN].extends = true;
	}
	return extended - search->candidates;
}

/* Returns the candidate that is the greedy prefix. */
static size_t add_candidates(struct ctc_beam *search, const struct beam *from)
{
	const struct frame_tokens *row = &search->row;
	bool same = row->greedy == 0 || row->greedy == from->last;
	size_t greedy = from->greedy;

	add_stays(search, from);
	for (size_t i = 0; i < from->n; i++) {
		for (size_t k = 0; k < row->n_chosen; k++) {
			long extended = extend(search, from, i, row->chosen[k]);

			if (i == from->greedy && !same && row->chosen[k] == row->greedy &&
			    extended >= 0)
				greedy = (size_t)extended;
		}
	}
	for (size_t i = 0; i < search->n_candidates; i++)
		candidate_score(&search->candidates[i]);
	for (size_t i = 0; i < from->n; i++)
		search->prefixes.nodes[from->hypotheses[i].prefix].hypothesis = -1;
	return greedy;
}

/* ---- selection ---- */

/* Of equals the earlier one is better. NaN cannot be: scores are sums of finite
 * numbers and -INFINITY. */
static bool worse(const struct ctc_beam *search, size_t a, size_t b)
{
	double left = search->candidates[a].score, right = search->candidates[b].score;

	return left < right || (left == right && a > b);
}

/* The heap has its worst candidate on top. */
static void sift_down(struct ctc_beam *search, size_t n)
{
	size_t *heap = search->heap, at = 0;

	for (;;) {
		size_t child = 2 * at + 1, swap;

		if (child >= n)
			return;
		if (child + 1 < n && worse(search, heap[child + 1], heap[child]))
			child++;
		if (!worse(search, heap[child], heap[at]))
			return;
		swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

static void sift_up(struct ctc_beam *search, size_t at)
{
	size_t *heap = search->heap;

	while (at > 0 && worse(search, heap[at], heap[(at - 1) / 2])) {
		size_t swap = heap[at];

		heap[at] = heap[(at - 1) / 2];
		heap[(at - 1) / 2] = swap;
		at = (at - 1) / 2;
	}
}

/* Puts the best candidates into `heap`, best first, the greedy one among them,
 * and returns their number. */
static size_t select_candidates(struct ctc_beam *search, size_t greedy)
{
	size_t n = 0, *heap = search->heap;
	double best = -INFINITY;
	bool kept = false;

	for (size_t i = 0; i < search->n_candidates; i++) {
		if (search->candidates[i].score > best)
			best = search->candidates[i].score;
	}
	for (size_t i = 0; i < search->n_candidates; i++) {
		double score = search->candidates[i].score;

		if (!(score >= best - (double)search->beam_prune) || score == -INFINITY)
			continue;
		if (n < search->width) {
			heap[n] = i;
			sift_up(search, n++);
		} else if (worse(search, heap[0], i)) {
			heap[0] = i;
			sift_down(search, n);
		}
	}
	for (size_t left = n; left > 1; left--) {
		size_t worst = heap[0];

		heap[0] = heap[left - 1];
		heap[left - 1] = worst;
		sift_down(search, left - 1);
	}
	for (size_t i = 0; i < n; i++)
		kept = kept || heap[i] == greedy;
	if (!kept)
		heap[n++] = greedy;
	return n;
}

/* ---- the next beam ---- */

/* The history of an alignment that goes on with another token. */
static uint32_t close_token(struct ctc_beam *search, struct hypothesis *hypothesis, int end)
{
	const struct track *track = &hypothesis->tracks[end];
	struct aligned token = {track->start, track->end, 0.0F};

	if (search->prefixes.nodes[hypothesis->prefix].depth == 0)
		return NODE_NONE;
	if (hypothesis->closed[end] == NODE_NONE) {
		token.confidence = (float)(track->sum / (double)(track->end - track->start));
		hypothesis->closed[end] =
			alignment_add(&search->alignments, track->history, &token);
	}
	return hypothesis->closed[end];
}

static void make_tracks(struct ctc_beam *search, struct beam *from,
			const struct candidate *candidate, int frame, struct hypothesis *made)
{
	for (int end = 0; end < ENDS; end++) {
		struct hypothesis *source = &from->hypotheses[candidate->tracks[end].from];
		int source_end = candidate->tracks[end].end;
		struct track *track = &made->tracks[end];

		*track =
			(struct track){.score = candidate->tracks[end].score, .history = NODE_NONE};
		if (track->score == -INFINITY)
			continue;
		if (candidate->tracks[end].extends) {
			const struct prefix *prefix = &search->prefixes.nodes[made->prefix];

			track->history = close_token(search, source, source_end);
			track->start = frame;
			track->end = frame + 1;
			track->sum = (double)search->row.p[prefix->token];
		} else {
			const struct track *old = &source->tracks[source_end];

			track->history = old->history;
			track->start = old->start;
			track->end = old->end;
			track->sum = old->sum;
			if (end == ENDS_TOKEN) {
				const struct prefix *prefix = &search->prefixes.nodes[made->prefix];

				track->end = frame + 1;
				track->sum += (double)search->row.p[prefix->token];
			}
		}
		alignment_hold(&search->alignments, track->history);
	}
}

static void make_hypothesis(struct ctc_beam *search, struct beam *from,
			    const struct candidate *candidate, int frame, struct hypothesis *made)
{
	const struct hypothesis *parent = &from->hypotheses[candidate->parent];

	if (candidate->prefix == NODE_NONE) {
		made->prefix = prefix_add(&search->prefixes, parent->prefix, candidate->token,
					  &candidate->fusion);
	} else {
		made->prefix = candidate->prefix;
		prefix_hold(&search->prefixes, made->prefix);
	}
	memcpy(made->ends, candidate->ends, sizeof(made->ends));
	made->acoustic = candidate->acoustic;
	made->lm = fusion_lm(&candidate->fusion);
	made->hotwords = fusion_hotwords(&candidate->fusion);
	made->score = candidate->score;
	made->closed[ENDS_BLANK] = made->closed[ENDS_TOKEN] = NODE_NONE;
	make_tracks(search, from, candidate, frame, made);
}

void hypothesis_release(struct ctc_beam *search, struct hypothesis *hypothesis)
{
	for (int end = 0; end < ENDS; end++) {
		alignment_release(&search->alignments, hypothesis->tracks[end].history);
		alignment_release(&search->alignments, hypothesis->closed[end]);
	}
	prefix_release(&search->prefixes, hypothesis->prefix);
}

void beam_shrink(struct ctc_beam *search, struct beam *beam, size_t n)
{
	for (size_t i = n; i < beam->n; i++)
		hypothesis_release(search, &beam->hypotheses[i]);
	if (beam->n > n)
		beam->n = n;
	if (beam->greedy >= n)
		beam->greedy = 0;
}

void beam_release(struct ctc_beam *search, struct beam *beam)
{
	beam_shrink(search, beam, 0);
}

bool beam_make_room(struct ctc_beam *search, struct beam *beam)
{
	size_t most = search->width + 1;

	while (search->prefixes.slots.left < most || search->alignments.slots.left < ENDS * most) {
		if (beam->n <= 1)
			return false;
		beam_shrink(search, beam, (beam->n + 1) / 2);
	}
	return true;
}

void beam_step(struct ctc_beam *search, struct beam *from, struct beam *to, const float *logits,
	       int frame)
{
	size_t greedy;

	frame_tokens_read(&search->row, search->tokens, logits, search->token_prune,
			  search->most_chosen);
	greedy = add_candidates(search, from);
	to->n = select_candidates(search, greedy);
	for (size_t i = 0; i < to->n; i++) {
		make_hypothesis(search, from, &search->candidates[search->heap[i]], frame,
				&to->hypotheses[i]);
		if (search->heap[i] == greedy)
			to->greedy = i;
	}
	to->last = search->row.greedy;
	beam_release(search, from);
}
