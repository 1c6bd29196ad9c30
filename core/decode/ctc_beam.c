#include "core/decode/ctc_beam.h"

#include "core/base/log.h"
#include "core/decode/ctc_beam_state.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Frames by which the hypotheses of a beam may have to differ before room runs
 * out; real speech makes them agree within a word or two. */
enum { APART_FRAMES = 128 };

/* ---- create ---- */

static int plan_check(const struct decode_plan *plan)
{
	if (plan->beam < 2 || plan->beam > PLAN_MAX_BEAM || plan->tokens > PLAN_MAX_TOKENS ||
	    !(plan->token_prune >= 0.0F) || !(plan->beam_prune >= 0.0F)) {
		log_error("a beam is 2 to %d hypotheses and at most %d tokens; prunes are positive",
			  PLAN_MAX_BEAM, PLAN_MAX_TOKENS);
		return -EINVAL;
	}
	return 0;
}

static int pools_create(struct ctc_beam *search)
{
	size_t most = search->width + 1, apart = search->max_frames;
	size_t prefixes;
	int error;

	if (apart > APART_FRAMES)
		apart = APART_FRAMES;
	/* One hypothesis and a step of it must always fit. */
	prefixes = search->max_frames + (apart + 3) * most;
	error = prefix_pool_init(&search->prefixes, prefixes);
	if (error == 0)
		error = alignment_pool_init(&search->alignments, ENDS * prefixes);
	return error;
}

static int arrays_create(struct ctc_beam *search)
{
	size_t most = search->width + 1, frames = search->max_frames + 1;
	size_t raw = frames * (search->vocab->longest_printed + 1);

	for (size_t i = 0; i < 3; i++) {
		search->beams[i].hypotheses = calloc(most, sizeof(struct hypothesis));
		if (search->beams[i].hypotheses == NULL)
			return -ENOMEM;
	}
	search->candidates = calloc(most * (search->most_chosen + 2), sizeof(struct candidate));
	search->heap = calloc(most, sizeof(*search->heap));
	search->settled_raw = malloc(raw);
	search->stable = malloc(text_capacity(raw));
	if (search->candidates == NULL || search->heap == NULL || search->settled_raw == NULL ||
	    search->stable == NULL)
		return -ENOMEM;
	return beam_output_create(search, &search->output);
}

static size_t or_default(size_t value, size_t otherwise)
{
	return value > 0 ? value : otherwise;
}

int ctc_beam_create(const struct decoder_params *params, const struct decode_plan *plan,
		    struct ctc_beam **out)
{
	struct ctc_beam *search = NULL;
	int error = plan_check(plan);

	*out = NULL;
	if (error < 0)
		return error;
	if (params->max_frames >= INT_MAX / (params->vocab->longest_printed + 2))
		return -ENOMEM;
	search = calloc(1, sizeof(*search));
	if (search == NULL)
		return -ENOMEM;
	search->vocab = params->vocab;
	search->tokens = params->tokens;
	search->max_frames = params->max_frames;
	search->width = plan->beam;
	search->most_chosen = or_default(plan->tokens, PLAN_TOKENS);
	if (search->most_chosen > params->tokens)
		search->most_chosen = params->tokens;
	search->token_prune = plan->token_prune > 0.0F ? plan->token_prune : PLAN_TOKEN_PRUNE;
	search->beam_prune = plan->beam_prune > 0.0F ? plan->beam_prune : PLAN_BEAM_PRUNE;
	if (params->streaming)
		search->commit_delay = or_default(plan->commit_delay, PLAN_COMMIT_FRAMES);
	error = fusion_init(&search->fusion, params->vocab, plan);
	if (error == 0)
		error = frame_tokens_init(&search->row, params->vocab, params->tokens);
	if (error == 0)
		error = pools_create(search);
	if (error == 0)
		error = arrays_create(search);
	if (error < 0) {
		ctc_beam_destroy(search);
		return error;
	}
	ctc_beam_reset(search);
	*out = search;
	return 0;
}

void ctc_beam_destroy(struct ctc_beam *search)
{
	if (search == NULL)
		return;
	fusion_finish(&search->fusion);
	frame_tokens_finish(&search->row);
	prefix_pool_finish(&search->prefixes);
	alignment_pool_finish(&search->alignments);
	for (size_t i = 0; i < 3; i++)
		free(search->beams[i].hypotheses);
	free(search->candidates);
	free(search->heap);
	free(search->settled_raw);
	free(search->stable);
	beam_output_destroy(search->output);
	free(search);
}

/* ---- states ---- */

/* The empty prefix alone. */
static void beam_begin(struct ctc_beam *search, struct beam *beam)
{
	struct hypothesis *hypothesis = &beam->hypotheses[0];
	struct fusion_state fusion;

	fusion_begin(&search->fusion, &fusion);
	*hypothesis = (struct hypothesis){
		.prefix = prefix_add(&search->prefixes, NODE_NONE, -1, &fusion),
		.ends = {0.0, -INFINITY},
		.tracks = {{.score = 0.0, .history = NODE_NONE},
			   {.score = -INFINITY, .history = NODE_NONE}},
		.closed = {NODE_NONE, NODE_NONE},
		.lm = fusion_lm(&fusion),
		.hotwords = fusion_hotwords(&fusion),
		.score = fusion_score(&fusion),
	};
	beam->n = 1;
	beam->greedy = 0;
	beam->last = -1;
}

static void stable_reset(struct ctc_beam *search)
{
	search->settled_text = (struct text_state){0};
	search->stable_length = 0;
	search->stable[0] = '\0';
}

void ctc_beam_reset(struct ctc_beam *search)
{
	prefix_pool_reset(&search->prefixes);
	alignment_pool_reset(&search->alignments);
	search->committed = &search->beams[0];
	search->tail = &search->beams[1];
	search->spare = &search->beams[2];
	search->tail->n = search->spare->n = 0;
	search->has_tail = search->finished = false;
	search->frames = search->provisional = 0;
	beam_begin(search, search->committed);
	search->settled = search->committed->hypotheses[0].prefix;
	stable_reset(search);
	search->output->made = false;
}

static void beam_copy(struct beam *beam, const struct beam *from)
{
	memcpy(beam->hypotheses, from->hypotheses, from->n * sizeof(*from->hypotheses));
	beam->n = from->n;
	beam->greedy = from->greedy;
	beam->last = from->last;
}

void ctc_beam_copy(struct ctc_beam *search, const struct ctc_beam *from)
{
	prefix_pool_copy(&search->prefixes, &from->prefixes);
	alignment_pool_copy(&search->alignments, &from->alignments);
	search->committed = &search->beams[from->committed - from->beams];
	search->tail = &search->beams[from->tail - from->beams];
	search->spare = &search->beams[from->spare - from->beams];
	beam_copy(search->committed, from->committed);
	beam_copy(search->tail, from->tail);
	search->spare->n = 0;
	search->has_tail = from->has_tail;
	search->finished = from->finished;
	search->frames = from->frames;
	search->provisional = from->provisional;
	search->settled = from->settled;
	search->settled_text = from->settled_text;
	memcpy(search->settled_raw, from->settled_raw, from->settled_text.raw);
	memcpy(search->stable, from->stable, from->stable_length + 1);
	search->stable_length = from->stable_length;
	search->output->made = false;
}

/* ---- stable text ---- */

static void settle_token(struct ctc_beam *search, int token)
{
	const struct vocab_entry *entry = vocab_entry(search->vocab, search->row.id[token]);

	memcpy(search->settled_raw + search->settled_text.raw, entry->printed, entry->printed_size);
	text_append(&search->settled_text, search->settled_raw, entry->printed_size);
	search->stable_length +=
		text_read(&search->settled_text, &search->vocab->style, search->settled_raw, false,
			  search->stable + search->stable_length);
	search->stable[search->stable_length] = '\0';
}

/* Goes on to the last prefix that all hypotheses continue: as long as nothing
 * but one child refers to a node. */
static void settle(struct ctc_beam *search)
{
	const struct prefix *nodes = search->prefixes.nodes;

	while (nodes[search->settled].references == 1 &&
	       nodes[search->settled].child != NODE_NONE) {
		search->settled = nodes[search->settled].child;
		settle_token(search, nodes[search->settled].token);
	}
}

/* The longest prefix of a hypothesis whose tokens ended by `frame`. */
static uint32_t prefix_ended(const struct ctc_beam *search, const struct hypothesis *hypothesis,
			     int frame)
{
	const struct track *track = hypothesis_track(hypothesis);
	uint32_t node = hypothesis->prefix, history = track->history;
	int end = track->end;

	while (node != search->settled && end > frame) {
		node = search->prefixes.nodes[node].parent;
		if (history == NODE_NONE)
			break;
		end = search->alignments.nodes[history].token.end;
		history = search->alignments.nodes[history].parent;
	}
	return node;
}

/* Gives up what contradicts the best hypothesis where it is old. */
static void commit_old(struct ctc_beam *search)
{
	struct beam *beam = search->committed;
	uint32_t old;
	size_t n = 0;
	bool greedy = false;

	if (search->frames <= search->commit_delay)
		return;
	old = prefix_ended(search, &beam->hypotheses[0],
			   (int)(search->frames - search->commit_delay));
	if (search->prefixes.nodes[old].depth <= search->prefixes.nodes[search->settled].depth)
		return;
	for (size_t i = 0; i < beam->n; i++) {
		if (!prefix_within(&search->prefixes, beam->hypotheses[i].prefix, old)) {
			hypothesis_release(search, &beam->hypotheses[i]);
			continue;
		}
		if (i == beam->greedy) {
			greedy = true;
			beam->greedy = n;
		}
		beam->hypotheses[n++] = beam->hypotheses[i];
	}
	beam->n = n;
	if (!greedy)
		beam->greedy = 0;
}

/* ---- frames ---- */

static void drop_tail(struct ctc_beam *search)
{
	if (search->has_tail)
		beam_release(search, search->tail);
	search->has_tail = false;
	search->provisional = 0;
	search->output->made = false;
}

static void swap(struct beam **a, struct beam **b)
{
	struct beam *kept = *a;

	*a = *b;
	*b = kept;
}

int ctc_beam_commit(struct ctc_beam *search, const float *logits, size_t frames)
{
	if (frames > search->max_frames - search->frames)
		return -ENOSPC;
	drop_tail(search);
	for (size_t i = 0; i < frames; i++) {
		beam_make_room(search, search->committed);
		beam_step(search, search->committed, search->spare, logits + i * search->tokens,
			  (int)search->frames);
		swap(&search->committed, &search->spare);
		search->frames++;
		if (search->commit_delay == 0)
			continue;
		commit_old(search);
		settle(search);
	}
	return 0;
}

/* The tail shares what the committed beam holds. */
static void begin_tail(struct ctc_beam *search)
{
	beam_copy(search->tail, search->committed);
	for (size_t i = 0; i < search->tail->n; i++) {
		struct hypothesis *hypothesis = &search->tail->hypotheses[i];

		prefix_hold(&search->prefixes, hypothesis->prefix);
		for (int end = 0; end < ENDS; end++) {
			alignment_hold(&search->alignments, hypothesis->tracks[end].history);
			hypothesis->closed[end] = NODE_NONE;
		}
	}
	search->has_tail = true;
}

int ctc_beam_provisional(struct ctc_beam *search, const float *logits, size_t frames)
{
	if (frames > search->max_frames - search->frames)
		return -ENOSPC;
	drop_tail(search);
	if (frames == 0)
		return 0;
	begin_tail(search);
	/* Where the committed beam leaves no room the rest is not shown. */
	for (size_t i = 0; i < frames && beam_make_room(search, search->tail); i++) {
		beam_step(search, search->tail, search->spare, logits + i * search->tokens,
			  (int)(search->frames + i));
		swap(&search->tail, &search->spare);
	}
	search->provisional = frames;
	return 0;
}

void ctc_beam_finish(struct ctc_beam *search)
{
	struct beam *beam = search->committed;

	drop_tail(search);
	if (search->finished)
		return;
	search->finished = true;
	for (size_t i = 0; i < beam->n; i++) {
		struct hypothesis hypothesis = beam->hypotheses[i];
		struct fusion_state end;
		size_t at = i;

		fusion_end(&search->fusion, &search->prefixes.nodes[hypothesis.prefix].fusion,
			   &end);
		hypothesis.lm = fusion_lm(&end);
		hypothesis.hotwords = fusion_hotwords(&end);
		hypothesis.score = hypothesis.acoustic + hypothesis.lm + hypothesis.hotwords;
		for (; at > 0 && beam->hypotheses[at - 1].score < hypothesis.score; at--)
			beam->hypotheses[at] = beam->hypotheses[at - 1];
		beam->hypotheses[at] = hypothesis;
	}
}

/* Removes the last token of a hypothesis that has one. */
static void hypothesis_shorten(struct ctc_beam *search, struct hypothesis *hypothesis)
{
	struct track *track = &hypothesis->tracks[ENDS_BLANK];
	uint32_t prefix = search->prefixes.nodes[hypothesis->prefix].parent;
	uint32_t history = track->history;

	prefix_hold(&search->prefixes, prefix);
	prefix_release(&search->prefixes, hypothesis->prefix);
	hypothesis->prefix = prefix;
	track->start = track->end = 0;
	if (history == NODE_NONE)
		return;
	track->start = search->alignments.nodes[history].token.start;
	track->end = search->alignments.nodes[history].token.end;
	track->sum = (double)search->alignments.nodes[history].token.confidence *
		     (double)(track->end - track->start);
	track->history = search->alignments.nodes[history].parent;
	alignment_hold(&search->alignments, track->history);
	alignment_release(&search->alignments, history);
}

/* Writes the settled text of a prefix, tokens first to last. */
static void settle_again(struct ctc_beam *search, uint32_t node)
{
	const struct prefix *nodes = search->prefixes.nodes;
	int *tokens = search->output->tokens;
	size_t depth = nodes[node].depth;

	search->settled = node;
	stable_reset(search);
	for (size_t i = depth; i > 0; i--) {
		tokens[i - 1] = nodes[node].token;
		node = nodes[node].parent;
	}
	for (size_t i = 0; i < depth; i++)
		settle_token(search, tokens[i]);
}

void ctc_beam_truncate(struct ctc_beam *search, size_t frames)
{
	struct hypothesis *best = &search->committed->hypotheses[0];
	struct track *track = &best->tracks[ENDS_BLANK];

	drop_tail(search);
	if (frames >= search->frames)
		return;
	beam_shrink(search, search->committed, 1);
	/* What goes on from here goes on behind a blank. */
	if (hypothesis_track(best) != track) {
		struct track token = best->tracks[ENDS_TOKEN];

		best->tracks[ENDS_TOKEN] = *track;
		*track = token;
	}
	alignment_release(&search->alignments, best->tracks[ENDS_TOKEN].history);
	best->tracks[ENDS_TOKEN] = (struct track){.score = -INFINITY, .history = NODE_NONE};
	best->ends[ENDS_BLANK] = best->acoustic;
	best->ends[ENDS_TOKEN] = -INFINITY;
	while (search->prefixes.nodes[best->prefix].depth > 0 &&
	       (frames == 0 || track->start >= (int)frames)) {
		if (best->prefix == search->settled)
			search->settled = search->prefixes.nodes[best->prefix].parent;
		hypothesis_shorten(search, best);
	}
	if (track->end > (int)frames && track->start < (int)frames) {
		track->sum *=
			(double)((int)frames - track->start) / (double)(track->end - track->start);
		track->end = (int)frames;
	}
	best->lm = fusion_lm(&search->prefixes.nodes[best->prefix].fusion);
	best->hotwords = fusion_hotwords(&search->prefixes.nodes[best->prefix].fusion);
	best->score = best->acoustic + best->lm + best->hotwords;
	search->committed->last = -1;
	search->frames = frames;
	search->finished = false;
	if (search->commit_delay > 0)
		settle_again(search, search->settled);
}

/* ---- what it found ---- */

static const struct beam *present(const struct ctc_beam *search)
{
	return search->has_tail ? search->tail : search->committed;
}

const char *ctc_beam_stable(const struct ctc_beam *search)
{
	return search->stable;
}

size_t ctc_beam_stable_length(const struct ctc_beam *search)
{
	return search->stable_length;
}

const struct transcript *ctc_beam_transcript(const struct ctc_beam *search)
{
	if (!search->output->made) {
		beam_output_make(search, &present(search)->hypotheses[0]);
		search->output->made = true;
	}
	return &search->output->transcript;
}

bool ctc_beam_open_word(const struct ctc_beam *search)
{
	ctc_beam_transcript(search);
	return search->output->collapse.in_word;
}

size_t ctc_beam_trailing_blank(const struct ctc_beam *search)
{
	const struct hypothesis *best = &search->committed->hypotheses[0];
	const struct track *track = hypothesis_track(best);
	uint32_t node = best->prefix, history = track->history;
	int end = track->end;

	while (search->prefixes.nodes[node].depth > 0) {
		int token = search->prefixes.nodes[node].token;

		if (!vocab_entry(search->vocab, search->row.id[token])->space)
			return search->frames - (size_t)end;
		node = search->prefixes.nodes[node].parent;
		if (history == NODE_NONE)
			break;
		end = search->alignments.nodes[history].token.end;
		history = search->alignments.nodes[history].parent;
	}
	return search->frames;
}

size_t ctc_beam_frames(const struct ctc_beam *search)
{
	return search->frames;
}

size_t ctc_beam_hypotheses(const struct ctc_beam *search)
{
	return present(search)->n;
}

void ctc_beam_score(const struct ctc_beam *search, size_t rank, struct decoder_score *score)
{
	const struct hypothesis *hypothesis = &present(search)->hypotheses[rank];

	*score = (struct decoder_score){
		.total = hypothesis->score,
		.acoustic = hypothesis->acoustic,
		.lm = hypothesis->lm,
		.hotwords = hypothesis->hotwords,
	};
}

const char *ctc_beam_hypothesis_text(const struct ctc_beam *search, size_t rank)
{
	beam_output_make(search, &present(search)->hypotheses[rank]);
	search->output->made = rank == 0;
	return search->output->text;
}

int ctc_beam_hypothesis(const struct ctc_beam *search, size_t rank, struct transcript *out)
{
	memset(out, 0, sizeof(*out));
	if (rank >= present(search)->n)
		return -ENOENT;
	ctc_beam_hypothesis_text(search, rank);
	return transcript_copy(&search->output->transcript, out);
}
