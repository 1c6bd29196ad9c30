#include "core/decode/ctc_grammar.h"

#include "core/base/checked.h"
#include "core/decode/ctc_grammar_state.h"
#include "core/decode/text.h"
#include "core/decode/vocab_table.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHOLE_BEAM = 4096, /* the default where that is enough for the whole graph */
	DEFAULT_BEAM = 512,
	MAX_BEAM = 65536,
	/* Paths share their beginnings: room for as many tokens as the longest phrases
	 * have and this for each path. */
	TOKENS_APART = 8,
	SHARED_TOKENS = 4096,
};

/* ---- create ---- */

/* paths: that there may be in a frame, one for each state and arc of the graph. */
static void set_defaults(struct ctc_grammar_options *options, size_t paths)
{
	if (options->beam == 0)
		options->beam = paths <= WHOLE_BEAM ? WHOLE_BEAM : DEFAULT_BEAM;
	if (options->beam > MAX_BEAM)
		options->beam = MAX_BEAM;
	if (options->beam_score <= 0.0F)
		options->beam_score = 30.0F;
	if (options->filler_cost <= 0.0F)
		options->filler_cost = 3.0F;
	if (options->prior_scale == 0.0F)
		options->prior_scale = 0.6F;
	if (options->prior_scale < 0.0F)
		options->prior_scale = 0.0F;
	if (options->threshold < 0.0F)
		options->threshold = 0.5F;
}

static int beam_create(const struct ctc_grammar *search, struct beam *beam)
{
	beam->marks = calloc(search->max_marks, sizeof(*beam->marks));
	beam->places = calloc(search->max_places, sizeof(*beam->places));
	beam->spoken = calloc(search->max_spoken, sizeof(*beam->spoken));
	return slots_init(&beam->slots, search->max_marks) == 0 && beam->marks != NULL &&
			       beam->places != NULL && beam->spoken != NULL
		       ? 0
		       : -ENOMEM;
}

static void beam_destroy(struct beam *beam)
{
	slots_finish(&beam->slots);
	free(beam->marks);
	free(beam->places);
	free(beam->spoken);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Beside the beam there is the beginning of the graph and the best path with each
 * number of tokens to go; one that has more to go than there are frames never ends. */
static void set_sizes(struct ctc_grammar *search)
{
	const struct graph *graph = &search->grammar->graph;
	size_t beam = least(search->options.beam, graph->states + graph->n_arcs), left = 0;

	search->whole = beam == graph->states + graph->n_arcs;
	for (size_t i = 0; i < graph->states; i++)
		left = graph->left[i] > left ? graph->left[i] : left;
	search->n_nearest = least(left, search->max_frames) + 1;
	search->max_places = least(beam + search->n_nearest + 1, graph->states);
	search->max_spoken = least(beam + search->n_nearest, graph->n_arcs);
	search->max_marks = SHARED_TOKENS + TOKENS_APART * (beam + 2 * search->n_nearest);
}

/* Large tables of large graphs are not written before they are needed. */
static int tables_create(struct ctc_grammar *search)
{
	size_t states = search->grammar->graph.states, arcs = search->grammar->graph.n_arcs;

	search->spots = calloc(states, sizeof(*search->spots));
	search->steps = calloc(arcs, sizeof(*search->steps));
	search->spot_of = malloc(states * sizeof(*search->spot_of));
	search->step_of = malloc(arcs * sizeof(*search->step_of));
	search->nearest = calloc(search->n_nearest, sizeof(*search->nearest));
	search->places = calloc(search->max_places, sizeof(*search->places));
	search->spoken = calloc(search->max_spoken, sizeof(*search->spoken));
	if (search->spots == NULL || search->steps == NULL || search->spot_of == NULL ||
	    search->step_of == NULL || search->nearest == NULL || search->places == NULL ||
	    search->spoken == NULL)
		return -ENOMEM;
	memset(search->spot_of, 0xff, states * sizeof(*search->spot_of));
	memset(search->step_of, 0xff, arcs * sizeof(*search->step_of));
	return 0;
}

static int scratch_create(struct ctc_grammar *search)
{
	size_t raw;

	if (search->max_frames >= INT_MAX ||
	    !checked_mul(search->max_frames + 1, search->vocab->longest_printed + 1, &raw) ||
	    raw > SIZE_MAX / 8)
		return -ENOMEM;
	search->match = calloc(search->max_frames + 1, sizeof(*search->match));
	search->raw = malloc(raw);
	search->text_capacity = text_capacity(raw);
	search->text = malloc(search->text_capacity);
	return search->match != NULL && search->raw != NULL && search->text != NULL ? 0 : -ENOMEM;
}

int ctc_grammar_create(const struct vocab *vocab, struct grammar *grammar,
		       const struct ctc_grammar_options *options, size_t tokens, size_t max_frames,
		       struct ctc_grammar **out)
{
	struct ctc_grammar *search = calloc(1, sizeof(*search));

	*out = NULL;
	if (search == NULL)
		return -ENOMEM;
	search->grammar = grammar_ref(grammar);
	search->vocab = vocab;
	search->options = *options;
	set_defaults(&search->options, grammar->graph.states + grammar->graph.n_arcs);
	search->tokens = tokens;
	search->max_frames = max_frames;
	set_sizes(search);
	if (beam_create(search, &search->committed) < 0 || beam_create(search, &search->tail) < 0 ||
	    tables_create(search) < 0 || scratch_create(search) < 0) {
		ctc_grammar_destroy(search);
		return -ENOMEM;
	}
	ctc_grammar_reset(search);
	*out = search;
	return 0;
}

void ctc_grammar_destroy(struct ctc_grammar *search)
{
	if (search == NULL)
		return;
	grammar_unref(search->grammar);
	beam_destroy(&search->committed);
	beam_destroy(&search->tail);
	free(search->spots);
	free(search->steps);
	free(search->spot_of);
	free(search->step_of);
	free(search->nearest);
	free(search->places);
	free(search->spoken);
	free(search->match);
	free(search->raw);
	free(search->text);
	free(search);
}

/* ---- frames ---- */

void ctc_grammar_reset(struct ctc_grammar *search)
{
	beam_reset(search, &search->committed);
	search->provisional = false;
}

/* Copies what is in use of the pools. */
static void beam_copy(struct beam *to, const struct beam *from)
{
	struct beam pools = *to;

	slots_copy(&pools.slots, &from->slots);
	memcpy(to->marks, from->marks, from->slots.used * sizeof(*to->marks));
	memcpy(to->places, from->places, from->n_places * sizeof(*to->places));
	memcpy(to->spoken, from->spoken, from->n_spoken * sizeof(*to->spoken));
	*to = *from;
	to->marks = pools.marks;
	to->slots = pools.slots;
	to->places = pools.places;
	to->spoken = pools.spoken;
}

void ctc_grammar_copy(struct ctc_grammar *to, const struct ctc_grammar *from)
{
	beam_copy(&to->committed, &from->committed);
	to->provisional = from->provisional;
	if (from->provisional)
		beam_copy(&to->tail, &from->tail);
}

int ctc_grammar_commit(struct ctc_grammar *search, const float *logits, size_t frames)
{
	if (frames > search->max_frames - ctc_grammar_frames(search))
		return -ENOSPC;
	for (size_t i = 0; i < frames; i++)
		beam_frame(search, &search->committed, logits + i * search->tokens);
	search->provisional = false;
	return 0;
}

int ctc_grammar_provisional(struct ctc_grammar *search, const float *logits, size_t frames)
{
	if (frames > search->max_frames - ctc_grammar_frames(search))
		return -ENOSPC;
	search->provisional = frames > 0;
	if (search->provisional)
		beam_copy(&search->tail, &search->committed);
	for (size_t i = 0; i < frames; i++)
		beam_frame(search, &search->tail, logits + i * search->tokens);
	return 0;
}

size_t ctc_grammar_frames(const struct ctc_grammar *search)
{
	return (size_t)search->committed.frames;
}

/* ---- results ---- */

const char *ctc_grammar_text(struct ctc_grammar *search)
{
	const struct beam *beam = search->provisional ? &search->tail : &search->committed;
	const struct alignment *best = beam_best(search, beam, false);
	struct text_state state = {0};
	size_t bytes = 0, end;

	search->text[0] = '\0';
	if (best == NULL)
		return search->text;
	for (uint32_t i = best->mark; i != SEARCH_NONE; i = beam->marks[i].before)
		bytes += vocab_entry(search->vocab, beam->marks[i].token)->printed_size;
	end = bytes;
	for (uint32_t i = best->mark; i != SEARCH_NONE; i = beam->marks[i].before) {
		const struct vocab_entry *entry = vocab_entry(search->vocab, beam->marks[i].token);

		end -= entry->printed_size;
		memcpy(search->raw + end, entry->printed, entry->printed_size);
	}
	text_append(&state, search->raw, bytes);
	search->text[text_read(&state, &search->vocab->style, search->raw, true, search->text)] =
		'\0';
	return search->text;
}

size_t ctc_grammar_text_capacity(const struct ctc_grammar *search)
{
	return search->text_capacity;
}

/* Walks the marks back from the last token. The last one's score includes what
 * follows it; what tokens earned for being expected is nobody's. */
static size_t read_tokens(struct ctc_grammar *search, const struct alignment *best)
{
	const struct mark *marks = search->committed.marks;
	double end_score = best->score;
	size_t n = 0, i;
	int end = best->end;

	for (uint32_t mark = best->mark; mark != SEARCH_NONE; mark = marks[mark].before)
		n++;
	i = n;
	for (uint32_t mark = best->mark; mark != SEARCH_NONE; mark = marks[mark].before) {
		const struct mark *begin = &marks[mark];

		search->match[--i] = (struct ctc_match_token){
			.token = begin->token,
			.start_frame = begin->start,
			.end_frame = end,
			.score = (float)(end_score - begin->before_score - (double)begin->expected),
			.expected = begin->expected,
		};
		end = begin->before_end;
		end_score = begin->before_score;
	}
	return n;
}

/* Of tokens [first, last) and `more` characters that are like them and cost nothing. */
static float confidence_of(const struct ctc_match *match, size_t first, size_t last, size_t more)
{
	double score = 0.0, expected = 0.0, characters = 0.0;

	for (size_t i = first; i < last; i++) {
		score += (double)match->tokens[i].score;
		expected += (double)match->tokens[i].expected;
		characters += match->tokens[i].token != match->delimiter ? 1.0 : 0.0;
	}
	if (score >= 0.0)
		return 1.0F;
	characters = fmax(characters, 1.0);
	return (float)exp(2.0 * score / (characters + expected) * characters /
			  (characters + (double)more));
}

float ctc_match_confidence(const struct ctc_match *match, size_t first, size_t last)
{
	return confidence_of(match, first, last, CTC_MATCH_SMOOTHING);
}

/* Delimiters belong to the word behind them, those at the end to the last. */
static void match_words(struct ctc_match *match)
{
	size_t first = 0, end = match->n;

	while (end > 0 && match->tokens[end - 1].token == match->delimiter)
		end--;
	match->weakest = 1.0F;
	for (size_t i = 1; i <= end; i++) {
		bool before = match->tokens[i - 1].token != match->delimiter;
		float confidence;

		if (i < end && !(before && match->tokens[i].token == match->delimiter))
			continue;
		confidence = ctc_match_confidence(match, first, i < end ? i : match->n);
		match->weakest = confidence < match->weakest ? confidence : match->weakest;
		first = i;
	}
	match->confidence = confidence_of(match, 0, match->n, 0);
	if (sqrtf(match->weakest) < match->confidence)
		match->confidence = sqrtf(match->weakest);
}

void ctc_grammar_match(struct ctc_grammar *search, struct ctc_match *match)
{
	const struct alignment *best = beam_best(search, &search->committed, true);

	*match = (struct ctc_match){.tokens = search->match, .grammar = search->grammar};
	if (best == NULL)
		return;
	match->n = read_tokens(search, best);
	for (size_t i = 0; i < match->n; i++)
		match->score += (double)match->tokens[i].score;
	match->delimiter = search->grammar->delimiter;
	match_words(match);
	match->accepted = match->confidence >= search->options.threshold;
}
