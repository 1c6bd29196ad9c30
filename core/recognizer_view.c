/*
 * Views: what one session sees of a stream. All views of an utterance are fed
 * the same logits; a view that decodes greedily shares the search that the
 * endpoint rules use anyway.
 *
 * A view belongs to one of the stream's two utterances, so it is made twice.
 * One that was changed waits beside the old one until its utterance begins.
 */
#include "core/base/log.h"
#include "core/recognizer_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void view_destroy(struct view *view)
{
	if (view == NULL)
		return;
	if (view->own) {
		decoder_destroy(view->decoder);
		decoder_destroy(view->second);
	}
	ctc_grammar_destroy(view->commands);
	free(view->promised);
	free(view->shown);
	free(view->shown_command);
	free(view);
}

int stream_decoder(const struct recognizer_stream *stream, struct decode_plan *plan, bool streaming,
		   struct decoder **out)
{
	const struct decoder_params params = {
		.vocab = stream->language->vocab,
		.tokens = acoustic_model_output_size(stream->recognizer->model,
						     stream->language->adapter),
		.max_frames = stream->max_frames,
		.streaming = streaming,
	};

	return decoder_create(&params, plan, out);
}

static int view_commands(struct view *view, const struct decode_plan *plan)
{
	const struct recognizer_stream *stream = view->utterance->stream;
	int error;

	/* A plan may be older than the model. */
	if (plan == NULL || plan->grammar == NULL ||
	    !grammar_fits(plan->grammar, stream->language->vocab))
		return 0;
	error = ctc_grammar_create(
		stream->language->vocab, plan->grammar, &plan->commands,
		acoustic_model_output_size(stream->recognizer->model, stream->language->adapter),
		stream->max_frames, &view->commands);
	if (error < 0)
		return error;
	view->shown_command = calloc(ctc_grammar_text_capacity(view->commands), 1);
	return view->shown_command != NULL ? 0 : -ENOMEM;
}

int view_create(struct utterance *utterance, struct decode_plan *plan, struct view **out)
{
	const struct recognizer_stream *stream = utterance->stream;
	struct view *view = calloc(1, sizeof(*view));
	int error = 0;
	size_t text;

	*out = NULL;
	if (view == NULL)
		return -ENOMEM;
	view->utterance = utterance;
	view->own = decode_plan_searches(plan);
	if (view->own) {
		view->n_best = plan->n_best;
		error = stream_decoder(stream, plan, true, &view->decoder);
		if (error == 0 && utterance->second != NULL)
			error = stream_decoder(stream, plan, false, &view->second);
	} else {
		view->decoder = utterance->greedy;
		view->second = utterance->second;
	}
	if (error == 0)
		error = view_commands(view, plan);
	if (error == 0) {
		text = decoder_text_capacity(view->decoder);
		view->promised = calloc(text, 1);
		view->shown = calloc(text, 1);
		if (view->promised == NULL || view->shown == NULL)
			error = -ENOMEM;
	}
	if (error < 0) {
		view_destroy(view);
		return error;
	}
	*out = view;
	return 0;
}

static void view_begin(struct view *view)
{
	if (view->own)
		decoder_reset(view->decoder);
	if (view->commands != NULL) {
		ctc_grammar_reset(view->commands);
		view->shown_command[0] = '\0';
	}
	view->partial_due = view->endpoint_due = view->final_due = false;
	view->sequence = 0;
	view->promised_length = 0;
	view->promised[0] = '\0';
	view->shown[0] = '\0';
}

void utterance_begin_views(struct utterance *utterance)
{
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		if (utterance->changed[i]) {
			view_destroy(utterance->views[i]);
			utterance->views[i] = utterance->next_views[i];
			utterance->next_views[i] = NULL;
			utterance->changed[i] = false;
		}
		if (utterance->views[i] != NULL)
			view_begin(utterance->views[i]);
	}
}

void utterance_destroy_views(struct utterance *utterance)
{
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		view_destroy(utterance->views[i]);
		view_destroy(utterance->next_views[i]);
	}
}

/* ---- logits ---- */

void utterance_commit(struct utterance *utterance, const float *logits, size_t frames)
{
	decoder_commit(utterance->greedy, logits, frames);
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		struct view *view = utterance->views[i];

		if (view != NULL && view->own)
			decoder_commit(view->decoder, logits, frames);
		if (view != NULL && view->commands != NULL)
			ctc_grammar_commit(view->commands, logits, frames);
	}
}

void utterance_provisional(struct utterance *utterance, const float *logits, size_t frames)
{
	decoder_provisional(utterance->greedy, logits, frames);
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		struct view *view = utterance->views[i];

		if (view != NULL && view->own)
			decoder_provisional(view->decoder, logits, frames);
		if (view != NULL && view->commands != NULL)
			ctc_grammar_provisional(view->commands, logits, frames);
	}
}

static void second_pass(struct decoder *decoder, const float *logits, size_t frames)
{
	decoder_reset(decoder);
	decoder_commit(decoder, logits, frames);
	decoder_finish(decoder);
}

void utterance_offline(struct utterance *utterance, const float *logits, size_t frames)
{
	second_pass(utterance->second, logits, frames);
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		struct view *view = utterance->views[i];

		if (view != NULL && view->own)
			second_pass(view->second, logits, frames);
		if (view != NULL && view->commands != NULL) {
			ctc_grammar_reset(view->commands);
			ctc_grammar_commit(view->commands, logits, frames);
		}
	}
}

/* ---- what is due ---- */

void utterance_note_partials(struct utterance *utterance)
{
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		struct view *view = utterance->views[i];
		size_t stable;

		if (view == NULL)
			continue;
		stable = decoder_stable_length(view->decoder);
		view->partial_due =
			stable != view->promised_length ||
			strcmp(decoder_text(view->decoder) + stable, view->shown) != 0 ||
			(view->commands != NULL &&
			 strcmp(ctc_grammar_text(view->commands), view->shown_command) != 0);
	}
}

void utterance_note_endpoint(struct utterance *utterance)
{
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		if (utterance->views[i] != NULL)
			utterance->views[i]->endpoint_due = true;
	}
}

void utterance_conclude(struct utterance *utterance, enum final_mode made)
{
	utterance->made = made;
	utterance->concluded = true;
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		if (utterance->views[i] != NULL)
			utterance->views[i]->final_due = true;
	}
}

/* ---- changes ---- */

static void utterance_set_view(struct utterance *utterance, size_t index, struct view *view)
{
	view_destroy(utterance->next_views[index]);
	utterance->next_views[index] = view;
	utterance->changed[index] = true;
}

int recognizer_stream_set_view(struct recognizer_stream *stream, size_t index,
			       struct decode_plan *plan)
{
	struct view *views[2] = {NULL, NULL};
	int error = 0;

	if (index >= RECOGNIZER_VIEWS)
		return -EINVAL;
	stream_reclaim(stream);
	for (size_t i = 0; i < 2 && error == 0; i++)
		error = view_create(&stream->utterances[i], plan, &views[i]);
	if (error < 0) {
		log_error("no memory to decode %zu frames", stream->max_frames);
		view_destroy(views[0]);
		view_destroy(views[1]);
		return error;
	}
	for (size_t i = 0; i < 2; i++)
		utterance_set_view(&stream->utterances[i], index, views[i]);
	return 0;
}

uint64_t recognizer_stream_next_utterance(const struct recognizer_stream *stream)
{
	return stream->number;
}

void recognizer_stream_drop_view(struct recognizer_stream *stream, size_t index)
{
	if (index == 0 || index >= RECOGNIZER_VIEWS)
		return;
	stream_reclaim(stream);
	for (size_t i = 0; i < 2; i++) {
		struct utterance *utterance = &stream->utterances[i];

		utterance_set_view(utterance, index, NULL);
		utterance->changed[index] = false;
		view_destroy(utterance->views[index]);
		utterance->views[index] = NULL;
	}
}
