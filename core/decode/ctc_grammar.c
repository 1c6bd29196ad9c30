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
	DEFAULT_BEAM = 64,
	MAX_BEAM = 4096,
	/* Prefixes share their beginnings: room for as many tokens as the longest
	 * phrases have and this for each of the beam's. */
	TOKENS_APART = 32,
	SHARED_TOKENS = 4096,
};

/* ---- create ---- */

static void set_defaults(struct ctc_grammar_options *options)
{
	if (options->beam == 0)
		options->beam = DEFAULT_BEAM;
	if (options->beam > MAX_BEAM)
		options->beam = MAX_BEAM;
	if (options->beam_score <= 0.0F)
		options->beam_score = 30.0F;
	if (options->filler_cost <= 0.0F)
		options->filler_cost = 3.0F;
	if (options->threshold < 0.0F)
		options->threshold = 0.5F;
}

static int beam_create(const struct ctc_grammar *search, struct beam *beam)
{
	beam->prefixes = calloc(search->max_prefixes, sizeof(*beam->prefixes));
	beam->marks = calloc(search->max_marks, sizeof(*beam->marks));
	beam->now = calloc(search->options.beam, sizeof(*beam->now));
	return beam->prefixes != NULL && beam->marks != NULL && beam->now != NULL ? 0 : -ENOMEM;
}

static void beam_destroy(struct beam *beam)
{
	free(beam->prefixes);
	free(beam->marks);
	free(beam->now);
}

static int scratch_create(struct ctc_grammar *search)
{
	size_t beam = search->options.beam, raw;

	if (search->max_frames >= INT_MAX ||
	    !checked_mul(search->max_frames + 1, search->vocab->longest_printed + 1, &raw) ||
	    raw > SIZE_MAX / 8)
		return -ENOMEM;
	search->next = calloc(beam, sizeof(*search->next));
	search->stays = calloc(beam, sizeof(*search->stays));
	search->candidates = calloc(beam, sizeof(*search->candidates));
	search->match = calloc(search->max_frames + 1, sizeof(*search->match));
	search->raw = malloc(raw);
	search->text_capacity = text_capacity(raw);
	search->text = malloc(search->text_capacity);
	return search->next != NULL && search->stays != NULL && search->candidates != NULL &&
			       search->match != NULL && search->raw != NULL && search->text != NULL
		       ? 0
		       : -ENOMEM;
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
	set_defaults(&search->options);
	search->tokens = tokens;
	search->max_frames = max_frames;
	search->max_prefixes = SHARED_TOKENS + TOKENS_APART * search->options.beam;
	search->max_marks = 2 * search->max_prefixes;
	if (beam_create(search, &search->committed) < 0 || beam_create(search, &search->tail) < 0 ||
	    scratch_create(search) < 0) {
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
	free(search->next);
	free(search->stays);
	free(search->candidates);
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

	memcpy(to->prefixes, from->prefixes, from->used_prefixes * sizeof(*to->prefixes));
	memcpy(to->marks, from->marks, from->used_marks * sizeof(*to->marks));
	memcpy(to->now, from->now, from->n_now * sizeof(*to->now));
	*to = *from;
	to->prefixes = pools.prefixes;
	to->marks = pools.marks;
	to->now = pools.now;
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

static size_t prefix_length(const struct beam *beam, uint32_t prefix)
{
	size_t n = 0;

	for (; beam->prefixes[prefix].parent != SEARCH_NONE; prefix = beam->prefixes[prefix].parent)
		n++;
	return n;
}

const char *ctc_grammar_text(struct ctc_grammar *search)
{
	const struct beam *beam = search->provisional ? &search->tail : &search->committed;
	const struct hypothesis *best = NULL;
	struct text_state state = {0};
	size_t bytes = 0, end;

	for (size_t i = 0; i < beam->n_now; i++) {
		if (best == NULL || beam->now[i].total > best->total)
			best = &beam->now[i];
	}
	search->text[0] = '\0';
	if (best == NULL)
		return search->text;
	for (uint32_t i = best->prefix; beam->prefixes[i].parent != SEARCH_NONE;
	     i = beam->prefixes[i].parent)
		bytes += vocab_entry(search->vocab, beam->prefixes[i].token)->printed_size;
	end = bytes;
	for (uint32_t i = best->prefix; beam->prefixes[i].parent != SEARCH_NONE;
	     i = beam->prefixes[i].parent) {
		const struct vocab_entry *entry =
			vocab_entry(search->vocab, beam->prefixes[i].token);

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

/* The best hypothesis that is a whole phrase, and its best alignment. */
static const struct hypothesis *best_phrase(const struct ctc_grammar *search, double *score,
					    const struct alignment **alignment)
{
	const struct beam *beam = &search->committed;
	const struct hypothesis *best = NULL;

	*score = -INFINITY;
	for (size_t i = 0; i < beam->n_now; i++) {
		const struct hypothesis *one = &beam->now[i];

		if (search->grammar->graph.accepts[beam->prefixes[one->prefix].state] &&
		    one->total > *score) {
			*score = one->total;
			best = one;
		}
	}
	if (best == NULL)
		return NULL;
	*alignment = &best->best[0];
	for (size_t i = 1; i < N_ENDS; i++) {
		if (best->best[i].score > (*alignment)->score)
			*alignment = &best->best[i];
	}
	return best;
}

/* Walks the marks back from the last token. The last one's score includes what
 * follows it. */
static void read_tokens(struct ctc_grammar *search, const struct hypothesis *best,
			const struct alignment *alignment, size_t n)
{
	const struct beam *beam = &search->committed;
	uint32_t prefix = best->prefix, mark = alignment->mark;
	double end_score = alignment->score;
	int end = alignment->end;

	for (size_t i = n; i > 0; i--) {
		const struct mark *begin = &beam->marks[mark];

		search->match[i - 1] = (struct ctc_match_token){
			.token = beam->prefixes[prefix].token,
			.start_frame = begin->start,
			.end_frame = end,
			.score = (float)(end_score - begin->before_score),
		};
		end = begin->before_end;
		end_score = begin->before_score;
		mark = begin->before;
		prefix = beam->prefixes[prefix].parent;
	}
}

float ctc_match_confidence(const struct ctc_match *match, size_t first, size_t last)
{
	size_t characters = CTC_MATCH_SMOOTHING;
	double score = 0.0;

	for (size_t i = first; i < last; i++) {
		score += (double)match->tokens[i].score;
		characters += match->tokens[i].token != match->delimiter ? 1 : 0;
	}
	return score < 0.0 ? (float)exp(score / (double)characters) : 1.0F;
}

/* Delimiters belong to the word behind them, those at the end to the last. */
static void match_words(struct ctc_match *match)
{
	size_t first = 0, end = match->n, characters = 0;

	while (end > 0 && match->tokens[end - 1].token == match->delimiter)
		end--;
	match->weakest = 1.0F;
	for (size_t i = 1; i <= end; i++) {
		bool before = match->tokens[i - 1].token != match->delimiter;
		float confidence;

		characters += before ? 1 : 0;
		if (i < end && !(before && match->tokens[i].token == match->delimiter))
			continue;
		confidence = ctc_match_confidence(match, first, i < end ? i : match->n);
		match->weakest = confidence < match->weakest ? confidence : match->weakest;
		first = i;
	}
	match->confidence =
		match->alignment < 0.0 ? (float)exp(match->alignment / (double)characters) : 1.0F;
	if (match->weakest < match->confidence)
		match->confidence = match->weakest;
}

void ctc_grammar_match(struct ctc_grammar *search, struct ctc_match *match)
{
	const struct alignment *alignment;
	const struct hypothesis *best;

	*match = (struct ctc_match){.tokens = search->match, .grammar = search->grammar};
	best = best_phrase(search, &match->score, &alignment);
	if (best == NULL)
		return;
	match->n = prefix_length(&search->committed, best->prefix);
	match->alignment = alignment->score;
	match->delimiter = search->grammar->delimiter;
	read_tokens(search, best, alignment, match->n);
	match_words(match);
	match->accepted = match->confidence >= search->options.threshold;
}
