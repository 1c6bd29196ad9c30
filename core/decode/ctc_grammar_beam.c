#include "core/decode/ctc_grammar_state.h"
#include "core/decode/vocab_table.h"

#include <math.h>
#include <string.h>

double log_add(double a, double b)
{
	double high = a > b ? a : b, low = a > b ? b : a;

	if (low == -INFINITY || high - low > 40.0)
		return high;
	return high + log1p(exp(low - high));
}

/* What a frame costs, relative to the free path. */
struct frame {
	const float *logits;
	float best;    /* logit of the free path's choice */
	double filler; /* a filler instead: 0, or the cost of a token that begins */
	double blank;  /* score of the blank */
	int number;
};

static double frame_score(const struct frame *frame, int token)
{
	return (double)(frame->logits[token] - frame->best);
}

/* ---- pools ---- */

static uint32_t prefix_take(const struct ctc_grammar *search, struct beam *beam)
{
	uint32_t prefix = beam->free_prefix;

	if (prefix != SEARCH_NONE) {
		beam->free_prefix = beam->prefixes[prefix].sibling;
		return prefix;
	}
	return beam->used_prefixes < search->max_prefixes ? beam->used_prefixes++ : SEARCH_NONE;
}

/* Gives back a prefix that nothing needs, and those before it that it was the last
 * to need; one that was given back that way already stays as it is. */
static void prefix_release(struct beam *beam, uint32_t prefix)
{
	while (prefix != SEARCH_NONE && beam->prefixes[prefix].active == SEARCH_NONE &&
	       beam->prefixes[prefix].child == SEARCH_NONE) {
		uint32_t parent = beam->prefixes[prefix].parent;

		if (parent != SEARCH_NONE) {
			uint32_t *link = &beam->prefixes[parent].child;

			while (*link != prefix)
				link = &beam->prefixes[*link].sibling;
			*link = beam->prefixes[prefix].sibling;
		}
		beam->prefixes[prefix].sibling = beam->free_prefix;
		beam->prefixes[prefix].active = SEARCH_FREE;
		beam->free_prefix = prefix;
		prefix = parent;
	}
}

static uint32_t prefix_child(const struct beam *beam, uint32_t prefix, int token)
{
	uint32_t child = beam->prefixes[prefix].child;

	while (child != SEARCH_NONE && beam->prefixes[child].token != token)
		child = beam->prefixes[child].sibling;
	return child;
}

static uint32_t mark_take(const struct ctc_grammar *search, struct beam *beam)
{
	uint32_t mark = beam->free_mark;

	if (mark != SEARCH_NONE) {
		beam->free_mark = beam->marks[mark].before;
		return mark;
	}
	return beam->used_marks < search->max_marks ? beam->used_marks++ : SEARCH_NONE;
}

static void mark_reference(struct beam *beam, uint32_t mark)
{
	if (mark != SEARCH_NONE)
		beam->marks[mark].references++;
}

static void mark_release(struct beam *beam, uint32_t mark)
{
	while (mark != SEARCH_NONE && --beam->marks[mark].references == 0) {
		uint32_t before = beam->marks[mark].before;

		beam->marks[mark].before = beam->free_mark;
		beam->free_mark = mark;
		mark = before;
	}
}

/* ---- scores ---- */

static const struct alignment no_alignment = {.score = -INFINITY, .mark = SEARCH_NONE};

static const struct alignment *better(const struct alignment *a, const struct alignment *b)
{
	return b->score > a->score ? b : a;
}

/* What a prefix may go on with `token` from: all its alignments, but those that
 * end in the same token need a blank between. */
static double leaving(const struct beam *beam, const struct hypothesis *hypothesis, int token,
		      const struct alignment **best)
{
	const struct prefix *prefix = &beam->prefixes[hypothesis->prefix];

	*best = &hypothesis->best[ENDS_BLANK];
	if (prefix->token == token)
		return hypothesis->sums[ENDS_BLANK];
	*best = better(*best, &hypothesis->best[ENDS_TOKEN]);
	return log_add(hypothesis->sums[ENDS_BLANK], hypothesis->sums[ENDS_TOKEN]);
}

static void set_total(struct hypothesis *hypothesis)
{
	double phrase = log_add(hypothesis->sums[ENDS_BLANK], hypothesis->sums[ENDS_TOKEN]);

	hypothesis->total =
		phrase > hypothesis->sums[ENDS_FILLER] ? phrase : hypothesis->sums[ENDS_FILLER];
}

/* The alignment goes on by a frame that has no token of the phrase. */
static struct alignment go_on(const struct alignment *alignment, double score)
{
	struct alignment on = *alignment;

	on.score += score;
	return on;
}

/* A hypothesis after a frame in which no token begins. */
static void stay(const struct ctc_grammar *search, const struct beam *beam,
		 const struct hypothesis *from, const struct frame *frame, struct hypothesis *to)
{
	const struct prefix *prefix = &beam->prefixes[from->prefix];
	double all = log_add(from->sums[ENDS_BLANK], from->sums[ENDS_TOKEN]);
	const struct alignment *best = better(&from->best[ENDS_BLANK], &from->best[ENDS_TOKEN]);

	to->prefix = from->prefix;
	to->sums[ENDS_BLANK] = all + frame->blank;
	to->best[ENDS_BLANK] = go_on(best, frame->blank);
	to->sums[ENDS_TOKEN] = to->sums[ENDS_FILLER] = -INFINITY;
	to->best[ENDS_TOKEN] = to->best[ENDS_FILLER] = no_alignment;
	if (prefix->token >= 0) {
		double score = frame_score(frame, prefix->token);

		to->sums[ENDS_TOKEN] = from->sums[ENDS_TOKEN] + score;
		to->best[ENDS_TOKEN] = go_on(&from->best[ENDS_TOKEN], score);
		to->best[ENDS_TOKEN].end = frame->number + 1;
		to->best[ENDS_TOKEN].end_score = to->best[ENDS_TOKEN].score;
	}
	if (search->grammar->graph.accepts[prefix->state]) {
		double filler = from->sums[ENDS_FILLER];

		to->sums[ENDS_FILLER] = (all > filler ? all : filler) - frame->filler;
		to->best[ENDS_FILLER] =
			go_on(better(best, &from->best[ENDS_FILLER]), -frame->filler);
	}
}

/* Nothing of the phrase was said: only blanks, or anything at its cost. */
static void stay_at_root(const struct beam *beam, struct hypothesis *root)
{
	if (beam->filler > root->sums[ENDS_BLANK])
		root->sums[ENDS_BLANK] = beam->filler;
	if (beam->filler > root->best[ENDS_BLANK].score)
		root->best[ENDS_BLANK].score = beam->filler;
}

/* The prefix before, in the beam too, goes on with this one's token. The mark
 * of a token that begins here is set when the beam is chosen: until then it is
 * SEARCH_NONE. */
static void arrive(const struct beam *beam, const struct hypothesis *before, int token,
		   const struct frame *frame, struct hypothesis *to)
{
	const struct alignment *best;
	double score = frame_score(frame, token);
	double sum = leaving(beam, before, token, &best) + score;

	to->sums[ENDS_TOKEN] = log_add(to->sums[ENDS_TOKEN], sum);
	if (best->score + score > to->best[ENDS_TOKEN].score)
		to->best[ENDS_TOKEN] = (struct alignment){
			.score = best->score + score,
			.mark = SEARCH_NONE,
			.end = frame->number + 1,
			.end_score = best->score + score,
		};
}

/* ---- candidates ---- */

static void heap_sink(struct candidate *heap, size_t n, size_t at)
{
	for (;;) {
		size_t worst = at, left = 2 * at + 1;
		struct candidate swap;

		for (size_t child = left; child < left + 2 && child < n; child++) {
			if (heap[child].total < heap[worst].total)
				worst = child;
		}
		if (worst == at)
			return;
		swap = heap[at];
		heap[at] = heap[worst];
		heap[worst] = swap;
		at = worst;
	}
}

static void heap_rise(struct candidate *heap, size_t at)
{
	while (at > 0 && heap[at].total < heap[(at - 1) / 2].total) {
		struct candidate swap = heap[at];

		heap[at] = heap[(at - 1) / 2];
		heap[(at - 1) / 2] = swap;
		at = (at - 1) / 2;
	}
}

/* The least total that would still be taken. */
static double candidates_bar(const struct ctc_grammar *search, double best)
{
	double bar = best - (double)search->options.beam_score;

	if (search->n_candidates == search->options.beam && search->candidates[0].total > bar)
		return search->candidates[0].total;
	return bar;
}

static void candidate_add(struct ctc_grammar *search, double total, uint32_t hypothesis,
			  uint32_t arc)
{
	struct candidate candidate = {total, hypothesis, arc};

	if (!(total > -INFINITY)) /* impossible, or no number */
		return;
	if (search->n_candidates < search->options.beam) {
		search->candidates[search->n_candidates] = candidate;
		heap_rise(search->candidates, search->n_candidates++);
	} else if (total > search->candidates[0].total) {
		search->candidates[0] = candidate;
		heap_sink(search->candidates, search->n_candidates, 0);
	}
}

/* Prefixes of the beam themselves. Returns the best total. */
static double find_stays(struct ctc_grammar *search, const struct beam *beam,
			 const struct frame *frame)
{
	double best = -INFINITY;

	for (uint32_t i = 0; i < beam->n_now; i++) {
		const struct hypothesis *from = &beam->now[i];
		const struct prefix *prefix = &beam->prefixes[from->prefix];
		struct hypothesis *to = &search->stays[i];

		stay(search, beam, from, frame, to);
		if (prefix->parent == SEARCH_NONE)
			stay_at_root(beam, to);
		else if (beam->prefixes[prefix->parent].active != SEARCH_NONE)
			arrive(beam, &beam->now[beam->prefixes[prefix->parent].active],
			       prefix->token, frame, to);
		set_total(to);
		best = to->total > best ? to->total : best;
		candidate_add(search, to->total, i, SEARCH_STAY);
	}
	return best;
}

/* Prefixes that are not in the beam, one token longer than one that is. */
static void find_longer(struct ctc_grammar *search, const struct beam *beam,
			const struct frame *frame, double *best)
{
	const struct graph *graph = &search->grammar->graph;

	for (uint32_t i = 0; i < beam->n_now; i++) {
		const struct hypothesis *from = &beam->now[i];
		uint32_t state = beam->prefixes[from->prefix].state;
		double bar = candidates_bar(search, *best);

		for (uint32_t arc = graph->first[state]; arc < graph->first[state + 1]; arc++) {
			int token = graph->arcs[arc].token;
			const struct alignment *alignment;
			double total =
				leaving(beam, from, token, &alignment) + frame_score(frame, token);
			uint32_t child;

			if (!(total > bar))
				continue;
			child = prefix_child(beam, from->prefix, token);
			if (child != SEARCH_NONE && beam->prefixes[child].active != SEARCH_NONE)
				continue;
			candidate_add(search, total, i, arc);
			*best = total > *best ? total : *best;
			bar = candidates_bar(search, *best);
		}
	}
}

/* ---- the next beam ---- */

/* Sets the mark of a token that begins in this frame. False: no mark is left. */
static bool begin_token(const struct ctc_grammar *search, struct beam *beam,
			const struct alignment *before, const struct frame *frame,
			struct alignment *alignment)
{
	uint32_t mark = mark_take(search, beam);

	alignment->mark = mark;
	if (mark == SEARCH_NONE)
		return false;
	mark_reference(beam, before->mark);
	beam->marks[mark] = (struct mark){
		.before = before->mark,
		.start = frame->number,
		.before_end = before->end,
		.before_score = before->end_score,
	};
	return true;
}

static bool keep_stay(const struct ctc_grammar *search, struct beam *beam,
		      const struct candidate *candidate, const struct frame *frame,
		      struct hypothesis *to)
{
	const struct prefix *prefix = &beam->prefixes[beam->now[candidate->hypothesis].prefix];
	struct alignment *token = &to->best[ENDS_TOKEN];

	*to = search->stays[candidate->hypothesis];
	if (token->score > -INFINITY && token->mark == SEARCH_NONE) {
		const struct alignment *before;

		leaving(beam, &beam->now[beam->prefixes[prefix->parent].active], prefix->token,
			&before);
		if (!begin_token(search, beam, before, frame, token))
			return false;
	}
	return true;
}

static bool keep_longer(const struct ctc_grammar *search, struct beam *beam,
			const struct candidate *candidate, const struct frame *frame,
			struct hypothesis *to)
{
	const struct graph_arc *arc = &search->grammar->graph.arcs[candidate->arc];
	const struct hypothesis *from = &beam->now[candidate->hypothesis];
	const struct alignment *before;
	uint32_t prefix = prefix_child(beam, from->prefix, arc->token);

	*to = (struct hypothesis){
		.total = candidate->total,
		.sums = {-INFINITY, -INFINITY, -INFINITY},
		.best = {no_alignment, no_alignment, no_alignment},
	};
	arrive(beam, from, arc->token, frame, to);
	leaving(beam, from, arc->token, &before);
	if (!begin_token(search, beam, before, frame, &to->best[ENDS_TOKEN]))
		return false;
	if (prefix == SEARCH_NONE) {
		struct prefix *parent = &beam->prefixes[from->prefix];

		prefix = prefix_take(search, beam);
		if (prefix == SEARCH_NONE)
			return false;
		beam->prefixes[prefix] = (struct prefix){
			.parent = from->prefix,
			.child = SEARCH_NONE,
			.sibling = parent->child,
			.state = arc->target,
			.token = arc->token,
			.active = SEARCH_NONE,
		};
		parent->child = prefix;
	}
	to->prefix = prefix;
	return true;
}

static void reference_marks(struct beam *beam, const struct hypothesis *hypothesis)
{
	for (size_t i = 0; i < N_ENDS; i++)
		mark_reference(beam, hypothesis->best[i].mark);
}

static void release_marks(struct beam *beam, const struct hypothesis *hypothesis)
{
	for (size_t i = 0; i < N_ENDS; i++)
		mark_release(beam, hypothesis->best[i].mark);
}

/* A mark that was taken for a hypothesis that is not kept after all. */
static void drop_mark(struct beam *beam, uint32_t mark)
{
	if (mark == SEARCH_NONE)
		return;
	beam->marks[mark].references = 1;
	mark_release(beam, mark);
}

/* From the chosen candidates to the hypotheses of the next frame. */
static void advance(struct ctc_grammar *search, struct beam *beam, const struct frame *frame,
		    double bar)
{
	struct hypothesis *kept = search->next;
	size_t n = 0;

	for (size_t i = 0; i < search->n_candidates; i++) {
		const struct candidate *candidate = &search->candidates[i];
		struct hypothesis *to = &kept[n];
		bool made;

		if (candidate->total < bar)
			continue;
		made = candidate->arc == SEARCH_STAY
			       ? keep_stay(search, beam, candidate, frame, to)
			       : keep_longer(search, beam, candidate, frame, to);
		if (!made) {
			if (candidate->arc != SEARCH_STAY)
				drop_mark(beam, to->best[ENDS_TOKEN].mark);
			continue;
		}
		reference_marks(beam, to);
		n++;
	}
	for (size_t i = 0; i < beam->n_now; i++)
		beam->prefixes[beam->now[i].prefix].active = SEARCH_NONE;
	for (size_t i = 0; i < n; i++)
		beam->prefixes[kept[i].prefix].active = (uint32_t)i;
	for (size_t i = 0; i < beam->n_now; i++) {
		release_marks(beam, &beam->now[i]);
		prefix_release(beam, beam->now[i].prefix);
	}
	memcpy(beam->now, kept, n * sizeof(*kept));
	beam->n_now = n;
}

/* NaN is never chosen; where nothing can be, the first token is, and no path
 * goes on from there. */
static int free_choice(const float *logits, size_t tokens)
{
	size_t best = 0;

	for (size_t i = 1; i < tokens; i++) {
		if (logits[i] > logits[best] || isnan(logits[best]))
			best = i;
	}
	return (int)best;
}

static void frame_begin(const struct ctc_grammar *search, struct beam *beam, const float *logits,
			struct frame *frame)
{
	int choice = free_choice(logits, search->tokens);
	const struct vocab_entry *entry = vocab_entry(search->vocab, choice);
	double cost = (double)search->options.filler_cost;
	bool silent = (entry->blank || entry->space || choice == beam->free_token) &&
		      cost < (double)INFINITY;

	*frame = (struct frame){
		.logits = logits,
		.best = logits[choice],
		.filler = silent ? 0.0 : cost,
		.number = beam->frames,
	};
	frame->blank = frame_score(frame, vocab_blank(search->vocab));
	beam->free_token = choice;
	beam->filler -= frame->filler;
	beam->frames++;
}

void beam_frame(struct ctc_grammar *search, struct beam *beam, const float *logits)
{
	struct frame frame;
	double best;

	frame_begin(search, beam, logits, &frame);
	search->n_candidates = 0;
	best = find_stays(search, beam, &frame);
	find_longer(search, beam, &frame, &best);
	advance(search, beam, &frame, candidates_bar(search, best));
}

void beam_reset(const struct ctc_grammar *search, struct beam *beam)
{
	beam->free_prefix = beam->free_mark = SEARCH_NONE;
	beam->used_prefixes = 1;
	beam->used_marks = 0;
	beam->free_token = -1;
	beam->filler = 0.0;
	beam->frames = 0;
	beam->prefixes[0] = (struct prefix){
		.parent = SEARCH_NONE,
		.child = SEARCH_NONE,
		.sibling = SEARCH_NONE,
		.state = search->grammar->graph.start,
		.token = -1,
		.active = 0,
	};
	beam->now[0] = (struct hypothesis){
		.prefix = 0,
		.sums = {0.0, -INFINITY, -INFINITY},
		.best = {{.score = 0.0, .mark = SEARCH_NONE}, no_alignment, no_alignment},
	};
	beam->n_now = 1;
}
