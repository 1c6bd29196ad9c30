#include "core/recognizer_state.h"

#include <string.h>

static struct recognizer_event event_of(const struct utterance *utterance,
					enum recognizer_event_kind kind)
{
	return (struct recognizer_event){
		.kind = kind,
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
static struct recognizer_event event_partial(struct utterance *utterance)
{
	const struct ctc_greedy *greedy = utterance->greedy;
	struct recognizer_event event = event_of(utterance, RECOGNIZER_PARTIAL);
	size_t stable = ctc_greedy_stable_length(greedy), shown = utterance->promised_length;

	event.sequence = utterance->sequence++;
	event.clock =
		utterance->start + (int64_t)(ctc_greedy_frames(greedy) * utterance->stream->hop);
	event.rule = ENDPOINT_NONE;
	event.stable = ctc_greedy_stable(greedy);
	event.unstable = ctc_greedy_text(greedy) + stable;
	event.transcript = ctc_greedy_transcript(greedy);
	event.open_word = ctc_greedy_open_word(greedy);

	memcpy(utterance->promised + shown, event.stable + shown, stable - shown);
	utterance->promised_length = stable;
	strcpy(utterance->shown, event.unstable);
	utterance->partial_due = false;
	return event;
}

static struct recognizer_event event_final(struct utterance *utterance)
{
	struct recognizer_event event = event_of(utterance, RECOGNIZER_FINAL);

	/* A cut in the past: what was committed behind it belongs to the next utterance. */
	if (utterance->made == FINAL_STREAM)
		ctc_greedy_truncate(utterance->greedy, utterance->length / utterance->stream->hop);
	event.transcript = ctc_greedy_transcript(
		utterance->made == FINAL_OFFLINE ? utterance->second : utterance->greedy);
	event.final = utterance->made;
	event.prefix_ok = strncmp(event.transcript->text, utterance->promised,
				  utterance->promised_length) == 0;
	utterance->final_due = false;
	utterance->delivered = true;
	return event;
}

static bool utterance_next(struct utterance *utterance, struct recognizer_event *event)
{
	if (utterance->state == UTTERANCE_FREE)
		return false;
	if (utterance->partial_due) {
		*event = event_partial(utterance);
		return true;
	}
	if (utterance->endpoint_due) {
		*event = event_of(utterance, RECOGNIZER_ENDPOINT);
		utterance->endpoint_due = false;
		return true;
	}
	if (utterance->final_due) {
		*event = event_final(utterance);
		return true;
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
	if (utterance_next(first, event))
		return true;
	/* Finals come in the order of their utterances. */
	if (first->state == UTTERANCE_ENDED && !first->delivered && second->final_due &&
	    !second->partial_due && !second->endpoint_due)
		return false;
	return utterance_next(second, event);
}
