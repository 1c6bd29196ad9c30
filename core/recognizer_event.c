#include "core/recognizer_state.h"

#include <string.h>

static struct recognizer_event event_of(const struct utterance *utterance, size_t view,
					enum recognizer_event_kind kind)
{
	return (struct recognizer_event){
		.kind = kind,
		.view = view,
		.utterance = utterance->number,
		.start = utterance->start,
		.clock = utterance->start + (int64_t)utterance->length,
		.stable = "",
		.unstable = "",
		.rule = utterance->rule,
	};
}

/* What is shown now is what the next partial has to differ from, and the stable
 * part of it is what the final will be held to. */
static struct recognizer_event event_partial(struct utterance *utterance, size_t index)
{
	struct view *view = utterance->views[index];
	const struct decoder *decoder = view->decoder;
	struct recognizer_event event = event_of(utterance, index, RECOGNIZER_PARTIAL);
	size_t stable = decoder_stable_length(decoder), shown = view->promised_length;

	event.sequence = view->sequence++;
	event.clock =
		utterance->start + (int64_t)(decoder_frames(decoder) * utterance->stream->hop);
	event.rule = ENDPOINT_NONE;
	event.stable = decoder_stable(decoder);
	event.unstable = decoder_text(decoder) + stable;
	event.transcript = decoder_transcript(decoder);
	event.open_word = decoder_open_word(decoder);

	memcpy(view->promised + shown, event.stable + shown, stable - shown);
	view->promised_length = stable;
	strcpy(view->shown, event.unstable);
	if (view->commands != NULL) {
		event.command = ctc_grammar_text(view->commands);
		strcpy(view->shown_command, event.command);
	}
	view->partial_due = false;
	return event;
}

/* The best command. After a cut in the past there is none: its search knows the
 * frames behind the cut. */
static const struct ctc_match *view_match(struct view *view)
{
	const struct utterance *utterance = view->utterance;
	size_t frames = utterance->length / utterance->stream->hop;

	if (view->commands == NULL)
		return NULL;
	if (utterance->made == FINAL_STREAM && ctc_grammar_frames(view->commands) > frames)
		ctc_grammar_reset(view->commands);
	ctc_grammar_match(view->commands, &view->match);
	return &view->match;
}

static struct recognizer_event event_final(struct utterance *utterance, size_t index)
{
	struct view *view = utterance->views[index];
	struct recognizer_event event = event_of(utterance, index, RECOGNIZER_FINAL);

	/* A cut in the past: what was committed behind it belongs to the next utterance. */
	if (utterance->made == FINAL_STREAM) {
		decoder_truncate(view->decoder, utterance->length / utterance->stream->hop);
		decoder_finish(view->decoder);
	}
	const struct decoder *made =
		utterance->made == FINAL_OFFLINE ? view->second : view->decoder;
	event.transcript = decoder_transcript(made);
	event.decoder = view->n_best > 0 ? made : NULL;
	event.n_best = view->n_best;
	event.final = utterance->made;
	event.match = view_match(view);
	event.prefix_ok =
		strncmp(event.transcript->text, view->promised, view->promised_length) == 0;
	view->final_due = false;
	return event;
}

static bool view_next(struct utterance *utterance, size_t index, bool finals,
		      struct recognizer_event *event)
{
	struct view *view = utterance->views[index];

	if (view->partial_due) {
		*event = event_partial(utterance, index);
		return true;
	}
	if (view->endpoint_due) {
		*event = event_of(utterance, index, RECOGNIZER_ENDPOINT);
		view->endpoint_due = false;
		return true;
	}
	if (view->final_due && finals) {
		*event = event_final(utterance, index);
		return true;
	}
	return false;
}

/* The first view comes last: when it is told, all are. */
static bool utterance_next(struct utterance *utterance, bool finals, struct recognizer_event *event)
{
	if (utterance->state == UTTERANCE_FREE)
		return false;
	for (size_t i = RECOGNIZER_VIEWS; i-- > 0;) {
		if (utterance->views[i] != NULL && view_next(utterance, i, finals, event)) {
			if (i == 0 && event->kind == RECOGNIZER_FINAL)
				utterance->delivered = true;
			return true;
		}
	}
	return false;
}

bool recognizer_stream_next(struct recognizer_stream *stream, struct recognizer_event *event)
{
	struct utterance *first = &stream->utterances[0], *second = &stream->utterances[1];

	stream_reclaim(stream);
	if (first->state != UTTERANCE_FREE && second->state != UTTERANCE_FREE &&
	    second->number < first->number) {
		first = second;
		second = &stream->utterances[0];
	}
	if (utterance_next(first, true, event))
		return true;
	/* Finals come in the order of their utterances. */
	return utterance_next(second, first->state != UTTERANCE_ENDED || first->delivered, event);
}
