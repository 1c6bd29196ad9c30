#include "core/decode/ctc_grammar_state.h"
#include "core/decode/vocab_table.h"

#include <math.h>
#include <string.h>

enum { BINS = 512 }; /* of scores, to find what the beam has room for */

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

/* ---- marks ---- */

static void mark_reference(struct beam *beam, uint32_t mark)
{
	if (mark != SEARCH_NONE)
		beam->marks[mark].references++;
}

static void mark_release(struct beam *beam, uint32_t mark)
{
	while (mark != SEARCH_NONE && --beam->marks[mark].references == 0) {
		uint32_t before = beam->marks[mark].before;

		slots_give(&beam->slots, mark);
		mark = before;
	}
}

/* ---- paths ---- */

static const struct alignment no_alignment = {.score = -INFINITY, .mark = SEARCH_NONE};

static const struct alignment nothing_said = {.mark = SEARCH_NONE};

static void go_on(const struct alignment *path, double score, struct reach *to)
{
	if (path->score + score > to->score)
		*to = (struct reach){path->score + score, path};
}

static struct alignment reached(const struct reach *reach)
{
	struct alignment path = reach->path != NULL ? *reach->path : no_alignment;

	path.score = reach->score;
	return path;
}

static uint32_t target_of(const struct ctc_grammar *search, const struct spoken *spoken)
{
	return search->grammar->graph.arcs[spoken->arc].target;
}

static int token_of(const struct ctc_grammar *search, const struct spoken *spoken)
{
	return search->grammar->graph.arcs[spoken->arc].token;
}

static struct spot *spot_for(struct ctc_grammar *search, uint32_t state)
{
	if (search->spot_of[state] == SEARCH_NONE) {
		search->spot_of[state] = (uint32_t)search->n_spots;
		search->spots[search->n_spots++] = (struct spot){
			.state = state,
			.next_blank = {.score = -INFINITY},
			.next_filler = {.score = -INFINITY},
		};
	}
	return &search->spots[search->spot_of[state]];
}

/* What may follow a phrase, where the state ends one, and blanks. */
static void leave_token(const struct ctc_grammar *search, const struct alignment *path,
			const struct frame *frame, struct spot *spot)
{
	go_on(path, frame->blank, &spot->next_blank);
	if (search->grammar->graph.accepts[spot->state])
		go_on(path, -frame->filler, &spot->next_filler);
}

/* Keeps the best path and the best one in another token: a token can follow
 * itself behind a blank only. */
static void rank_token(const struct ctc_grammar *search, const struct spoken *spoken,
		       struct spot *spot)
{
	int token = token_of(search, spoken);

	if (spot->first == NULL || spoken->path.score > spot->first->path.score) {
		if (spot->first != NULL && token_of(search, spot->first) != token)
			spot->second = spot->first;
		spot->first = spoken;
	} else if (token_of(search, spot->first) != token &&
		   (spot->second == NULL || spoken->path.score > spot->second->path.score)) {
		spot->second = spoken;
	}
}

/* All states that have a path, and their paths that begin no token. */
static void find_spots(struct ctc_grammar *search, const struct beam *beam,
		       const struct frame *frame)
{
	const struct graph *graph = &search->grammar->graph;
	struct spot *start;

	search->n_spots = 0;
	for (size_t i = 0; i < beam->n_places; i++) {
		const struct place *place = &beam->places[i];
		struct spot *spot = spot_for(search, place->state);

		spot->blank = &place->blank;
		leave_token(search, &place->blank, frame, spot);
		if (graph->accepts[place->state])
			go_on(&place->filler, -frame->filler, &spot->next_filler);
	}
	for (size_t i = 0; i < beam->n_spoken; i++) {
		const struct spoken *spoken = &beam->spoken[i];
		struct spot *spot = spot_for(search, target_of(search, spoken));

		leave_token(search, &spoken->path, frame, spot);
		rank_token(search, spoken, spot);
	}
	/* Nothing of the phrase was said yet, but anything else at its cost. */
	start = spot_for(search, graph->start);
	if (beam->filler > start->next_blank.score)
		start->next_blank = (struct reach){beam->filler, &nothing_said};
}

/* The best path into `token`, which may not follow itself. */
static const struct alignment *leaving(const struct ctc_grammar *search, const struct spot *spot,
				       int token)
{
	const struct alignment *best = spot->blank != NULL ? spot->blank : &no_alignment;
	const struct spoken *spoken = spot->first;

	if (spoken != NULL && token_of(search, spoken) == token)
		spoken = spot->second;
	return spoken != NULL && spoken->path.score > best->score ? &spoken->path : best;
}

static void step_add(struct ctc_grammar *search, const struct step *step)
{
	struct step *known;

	if (!(step->score > -INFINITY)) /* impossible, or no number */
		return;
	if (search->step_of[step->arc] == SEARCH_NONE) {
		search->step_of[step->arc] = (uint32_t)search->n_steps;
		search->steps[search->n_steps++] = *step;
		return;
	}
	known = &search->steps[search->step_of[step->arc]];
	if (step->score > known->score)
		*known = *step;
}

/* What the token of an arc earns where it begins, for being expected there. */
static float earned(const struct ctc_grammar *search, uint32_t arc)
{
	return search->options.prior_scale * search->grammar->graph.expected[arc];
}

/* Paths that stay in a token, and those that begin one. */
static void find_steps(struct ctc_grammar *search, const struct beam *beam,
		       const struct frame *frame)
{
	const struct graph *graph = &search->grammar->graph;

	search->n_steps = 0;
	for (size_t i = 0; i < beam->n_spoken; i++) {
		const struct spoken *spoken = &beam->spoken[i];

		step_add(search, &(struct step){
					 .arc = spoken->arc,
					 .score = spoken->path.score +
						  frame_score(frame, token_of(search, spoken)),
					 .path = &spoken->path,
				 });
	}
	for (size_t i = 0; i < search->n_spots; i++) {
		const struct spot *spot = &search->spots[i];

		for (uint32_t arc = graph->first[spot->state]; arc < graph->first[spot->state + 1];
		     arc++) {
			int token = graph->arcs[arc].token;
			const struct alignment *path = leaving(search, spot, token);

			step_add(search, &(struct step){
						 .arc = arc,
						 .score = path->score + frame_score(frame, token) +
							  (double)earned(search, arc),
						 .path = path,
						 .begins = true,
					 });
		}
	}
}

/* ---- the next beam ---- */

static double spot_score(const struct spot *spot)
{
	return spot->next_filler.score > spot->next_blank.score ? spot->next_filler.score
								: spot->next_blank.score;
}

/* Tokens from here to the end of the shortest phrase. */
static struct nearest *nearest_of(const struct ctc_grammar *search, uint32_t state)
{
	size_t left = search->grammar->graph.left[state];

	return &search->nearest[left < search->n_nearest ? left : search->n_nearest - 1];
}

/* The best path with each number of tokens to go is kept, however bad it is: paths
 * that only begin and may yet be anything must not crowd out those that come to an end. Its
 * blank as well, since the token that it needs may be the one that it is in. */
static void find_nearest(struct ctc_grammar *search)
{
	for (size_t i = 0; i < search->n_nearest; i++)
		search->nearest[i] = (struct nearest){SIZE_MAX, SIZE_MAX};
	for (size_t i = 0; i < search->n_spots; i++) {
		const struct spot *spot = &search->spots[i];
		struct nearest *nearest = nearest_of(search, spot->state);

		if (nearest->spot == SIZE_MAX ||
		    spot_score(spot) > spot_score(&search->spots[nearest->spot]))
			nearest->spot = i;
	}
	for (size_t i = 0; i < search->n_steps; i++) {
		const struct step *step = &search->steps[i];
		struct nearest *nearest =
			nearest_of(search, search->grammar->graph.arcs[step->arc].target);

		if (nearest->step == SIZE_MAX || step->score > search->steps[nearest->step].score)
			nearest->step = i;
	}
}

/* How far below the best a path may be, in bins of scores. */
struct bar {
	double best, bins_per_score;
	size_t bins;
};

static size_t bin_of(const struct bar *bar, double score)
{
	double bin = (bar->best - score) * bar->bins_per_score;

	return bin < BINS ? (size_t)bin : BINS;
}

/* As low as the beam has room for all above, to the width of a bin. */
static struct bar find_bar(const struct ctc_grammar *search)
{
	struct bar bar = {-INFINITY, BINS / (double)search->options.beam_score, 0};
	size_t counts[BINS + 1] = {0}, n = 0;

	for (size_t i = 0; i < search->n_spots; i++)
		bar.best = fmax(bar.best, spot_score(&search->spots[i]));
	for (size_t i = 0; i < search->n_steps; i++)
		bar.best = fmax(bar.best, search->steps[i].score);
	if (bar.best == -INFINITY)
		return bar;
	for (size_t i = 0; i < search->n_spots; i++)
		counts[bin_of(&bar, spot_score(&search->spots[i]))]++;
	for (size_t i = 0; i < search->n_steps; i++)
		counts[bin_of(&bar, search->steps[i].score)]++;
	while (bar.bins < BINS && n + counts[bar.bins] <= search->options.beam)
		n += counts[bar.bins++];
	return bar;
}

static bool passes(const struct ctc_grammar *search, const struct bar *bar, double score)
{
	return search->whole || bin_of(bar, score) < bar->bins;
}

static void keep_places(struct ctc_grammar *search, struct beam *beam, const struct bar *bar,
			size_t *n)
{
	for (size_t i = 0; i < search->n_spots; i++) {
		const struct spot *spot = &search->spots[i];
		double score = spot_score(spot);
		struct place *place;

		if (!(score > -INFINITY) ||
		    !(passes(search, bar, score) || spot->state == search->grammar->graph.start ||
		      nearest_of(search, spot->state)->spot == i))
			continue;
		place = &search->places[(*n)++];
		*place = (struct place){spot->state, reached(&spot->next_blank),
					reached(&spot->next_filler)};
		mark_reference(beam, place->blank.mark);
		mark_reference(beam, place->filler.mark);
	}
}

/* Sets the mark of a token that begins. False: none is left. */
static bool begin_token(const struct ctc_grammar *search, struct beam *beam,
			const struct frame *frame, uint32_t arc, struct alignment *path)
{
	uint32_t mark = slots_take(&beam->slots);

	if (mark == SEARCH_NONE)
		return false;
	mark_reference(beam, path->mark);
	beam->marks[mark] = (struct mark){
		.before = path->mark,
		.token = search->grammar->graph.arcs[arc].token,
		.start = frame->number,
		.before_end = path->end,
		.expected = earned(search, arc),
		.before_score = path->end_score,
	};
	path->mark = mark;
	return true;
}

static void keep_spoken(struct ctc_grammar *search, struct beam *beam, const struct frame *frame,
			const struct bar *bar, size_t *n)
{
	const struct graph *graph = &search->grammar->graph;

	for (size_t i = 0; i < search->n_steps; i++) {
		const struct step *step = &search->steps[i];
		const struct graph_arc *arc = &graph->arcs[step->arc];
		struct alignment path = *step->path;

		if (!(passes(search, bar, step->score) ||
		      nearest_of(search, arc->target)->step == i))
			continue;
		if (step->begins && !begin_token(search, beam, frame, step->arc, &path))
			continue;
		mark_reference(beam, path.mark);
		path.score = path.end_score = step->score;
		path.end = frame->number + 1;
		search->spoken[(*n)++] = (struct spoken){step->arc, path};
	}
}

static void release_paths(struct beam *beam)
{
	for (size_t i = 0; i < beam->n_places; i++) {
		mark_release(beam, beam->places[i].blank.mark);
		mark_release(beam, beam->places[i].filler.mark);
	}
	for (size_t i = 0; i < beam->n_spoken; i++)
		mark_release(beam, beam->spoken[i].path.mark);
}

/* From the spots and steps to the paths of the next frame. */
static void advance(struct ctc_grammar *search, struct beam *beam, const struct frame *frame)
{
	size_t n_places = 0, n_spoken = 0;
	struct bar bar = {0};

	if (!search->whole) {
		bar = find_bar(search);
		find_nearest(search);
	}
	keep_places(search, beam, &bar, &n_places);
	keep_spoken(search, beam, frame, &bar, &n_spoken);
	release_paths(beam);
	memcpy(beam->places, search->places, n_places * sizeof(*beam->places));
	memcpy(beam->spoken, search->spoken, n_spoken * sizeof(*beam->spoken));
	beam->n_places = n_places;
	beam->n_spoken = n_spoken;
	for (size_t i = 0; i < search->n_spots; i++)
		search->spot_of[search->spots[i].state] = SEARCH_NONE;
	for (size_t i = 0; i < search->n_steps; i++)
		search->step_of[search->steps[i].arc] = SEARCH_NONE;
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

	frame_begin(search, beam, logits, &frame);
	find_spots(search, beam, &frame);
	find_steps(search, beam, &frame);
	advance(search, beam, &frame);
}

void beam_reset(const struct ctc_grammar *search, struct beam *beam)
{
	slots_reset(&beam->slots);
	beam->free_token = -1;
	beam->filler = 0.0;
	beam->frames = 0;
	beam->places[0] = (struct place){
		.state = search->grammar->graph.start,
		.blank = {.score = 0.0, .mark = SEARCH_NONE},
		.filler = no_alignment,
	};
	beam->n_places = 1;
	beam->n_spoken = 0;
}

static const struct alignment *better(const struct alignment *a, const struct alignment *b)
{
	return b->score > a->score ? b : a;
}

const struct alignment *beam_best(const struct ctc_grammar *search, const struct beam *beam,
				  bool whole)
{
	const bool *accepts = search->grammar->graph.accepts;
	const struct alignment *best = &no_alignment;

	for (size_t i = 0; i < beam->n_places; i++) {
		const struct place *place = &beam->places[i];

		if (!whole || accepts[place->state])
			best = better(best, better(&place->blank, &place->filler));
	}
	for (size_t i = 0; i < beam->n_spoken; i++) {
		const struct spoken *spoken = &beam->spoken[i];

		if (!whole || accepts[target_of(search, spoken)])
			best = better(best, &spoken->path);
	}
	return best != &no_alignment ? best : NULL;
}
