/*
 * How utterances begin and end: samples to the acoustic stream, committed
 * frames to the search, the rules, and the replay of what lies behind an end.
 *
 * Everything that ends an utterance is decided at a frame or a sample, never
 * by how far the caller happened to push: that is why a chunk is committed
 * frame by frame, and why cut_quiet first gives the acoustic stream no more
 * than the longest segment and decides when no step is left in that.
 */
#include "core/recognizer_state.h"

#include <assert.h>
#include <string.h>

/* Lengths in tenths of max_length, and the pause, of the max-length rule. */
enum { SOFT_LIMIT_TENTHS = 8, CUT_FROM_TENTHS = 5 };
static const double soft_pause_s = 0.2;

/* ---- begin ---- */

static struct utterance *utterance_free(struct recognizer_stream *stream)
{
	for (size_t i = 0; i < 2; i++) {
		if (stream->utterances[i].state == UTTERANCE_FREE)
			return &stream->utterances[i];
	}
	return NULL;
}

void stream_swap_acoustic(struct recognizer_stream *stream)
{
	if (stream->changed == NULL)
		return;
	acoustic_stream_inherit(stream->changed, stream->acoustic);
	acoustic_stream_destroy(stream->acoustic);
	stream->acoustic = stream->changed;
	stream->changed = NULL;
	stream->window[0] = stream->window[1];
	stream->left[0] = stream->left[1];
	stream->limit = stream->changed_limit;
}

static void utterance_begin(struct recognizer_stream *stream, struct utterance *utterance,
			    int64_t start)
{
	decoder_reset(utterance->greedy);
	utterance_begin_views(utterance);
	utterance->state = UTTERANCE_OPEN;
	utterance->number = stream->number++;
	utterance->start = start;
	utterance->n = utterance->fed = utterance->length = 0;
	utterance->concluded = utterance->delivered = false;
	utterance->rule = ENDPOINT_NONE;

	stream_swap_acoustic(stream);
	acoustic_stream_reset(stream->acoustic,
			      utterance->number == 0 ? RESET_FULL : RESET_UTTERANCE);
	stream->acoustic_ended = false;
	stream->open = utterance;
}

bool stream_open_utterance(struct recognizer_stream *stream)
{
	struct utterance *utterance = utterance_free(stream);

	if (utterance == NULL)
		return false;
	utterance_begin(stream, utterance, stream->clock);
	return true;
}

/* ---- end ---- */

/* The utterance is its first `length` samples; what follows waits to be replayed. */
static void utterance_end(struct recognizer_stream *stream, size_t length, enum endpoint_rule rule)
{
	struct utterance *utterance = stream->open;

	utterance->state = UTTERANCE_ENDED;
	utterance->length = length;
	utterance->rule = rule;
	if (rule != ENDPOINT_NONE || stream->flushing)
		utterance_note_endpoint(utterance);
	if (utterance->second == NULL)
		utterance_conclude(utterance, FINAL_STREAM);
	else
		final_enqueue(stream->recognizer, utterance);
}

/* The end of an utterance was decided: goes on behind it. False where no
 * utterance is free to do so. */
static bool stream_move_on(struct recognizer_stream *stream)
{
	const struct utterance *ended = stream->open;
	size_t left = ended->n - ended->length;
	struct utterance *next;

	stream->clock = ended->start + (int64_t)ended->length;
	if (left == 0) {
		stream->open = NULL;
		stream->flushing = false;
		stream->clock += stream->skip;
		stream->skip = 0;
		return true;
	}
	next = utterance_free(stream);
	if (next == NULL)
		return false;
	utterance_begin(stream, next, stream->clock);
	memcpy(next->samples, ended->samples + ended->length, left * sizeof(*next->samples));
	next->n = left;
	return true;
}

/* ---- between two steps ---- */

static void utterance_feed(struct recognizer_stream *stream, struct utterance *utterance)
{
	size_t end = utterance->n;

	if (stream->cut_samples > 0 && end > stream->cut_samples)
		end = stream->cut_samples;
	utterance->fed += acoustic_stream_push(
		stream->acoustic, utterance->samples + utterance->fed, end - utterance->fed);
	if ((stream->flushing || stream->ended) && utterance->fed == utterance->n &&
	    !stream->acoustic_ended) {
		acoustic_stream_end(stream->acoustic);
		stream->acoustic_ended = true;
	}
}

/* No step is left in the samples there are. */
static bool utterance_finish(struct recognizer_stream *stream, struct utterance *utterance)
{
	const struct model_config *config = stream->recognizer->config;

	if (stream->cut_samples > 0 && utterance->n > stream->cut_samples) {
		utterance_end(stream,
			      recognizer_segment(utterance->samples, utterance->n,
						 stream->cut_samples, config->sampling_rate),
			      ENDPOINT_MAX_LENGTH);
		return true;
	}
	if (!stream->acoustic_ended)
		return false;
	utterance_end(stream, utterance->n, ENDPOINT_NONE);
	return true;
}

void stream_settle(struct recognizer_stream *stream)
{
	while (stream->open != NULL) {
		if (stream->open->state == UTTERANCE_ENDED) {
			if (!stream_move_on(stream))
				return;
			continue;
		}
		utterance_feed(stream, stream->open);
		if (acoustic_stream_ready(stream->acoustic) ||
		    !utterance_finish(stream, stream->open))
			return;
	}
}

void stream_reclaim(struct recognizer_stream *stream)
{
	bool reclaimed = false;

	for (size_t i = 0; i < 2; i++) {
		struct utterance *utterance = &stream->utterances[i];

		/* What lies behind the end still has to be copied. */
		if (!utterance->delivered || utterance == stream->open)
			continue;
		utterance->state = UTTERANCE_FREE;
		utterance->delivered = false;
		reclaimed = true;
	}
	if (reclaimed)
		stream_settle(stream);
}

/* ---- after a step ---- */

/* The frame in the middle of the last gap between words, in the second half of
 * the utterance; its end where there is none. */
static size_t last_gap(const struct recognizer_stream *stream, const struct decoder *greedy)
{
	const struct transcript *transcript = decoder_transcript(greedy);
	size_t end = decoder_frames(greedy);
	size_t from = stream->max_frames * CUT_FROM_TENTHS / 10;
	int next = (int)end;

	for (size_t i = transcript->n_words; i > 0; i--) {
		const struct span *word = &transcript->words[i - 1];
		size_t middle = (size_t)(word->end_frame + next) / 2;

		if (middle < from || middle == 0)
			break;
		/* Behind the last word there is a gap only if blanks make one. */
		if (next - word->end_frame >= 2)
			return middle;
		next = word->start_frame;
	}
	return end;
}

/* The rules, after one more committed frame. Returns the frame where the
 * utterance ends, or 0 where it goes on. */
static size_t utterance_endpoint(const struct recognizer_stream *stream,
				 const struct decoder *greedy, enum endpoint_rule *rule)
{
	size_t frames = decoder_frames(greedy), trailing = decoder_trailing_blank(greedy);
	bool text = trailing < frames;

	*rule = endpoint_check(&stream->rules, frames, trailing, text, stream->frame_seconds);
	if (*rule == ENDPOINT_NONE && stream->final == FINAL_STREAM && text &&
	    frames * 10 >= stream->max_frames * SOFT_LIMIT_TENTHS &&
	    (double)trailing * stream->frame_seconds >= soft_pause_s)
		*rule = ENDPOINT_MAX_LENGTH;
	if (*rule == ENDPOINT_NONE)
		return 0;
	if (*rule == ENDPOINT_MAX_LENGTH && stream->final == FINAL_OFFLINE)
		return last_gap(stream, greedy);
	return frames;
}

void stream_stepped(struct recognizer_stream *stream)
{
	struct acoustic_output output = acoustic_stream_output(stream->acoustic);
	struct utterance *utterance = stream->open;
	struct decoder *greedy = utterance->greedy;
	size_t width =
		acoustic_model_output_size(stream->recognizer->model, stream->language->adapter);
	enum endpoint_rule rule = ENDPOINT_NONE;
	size_t end = 0, room;

	assert(utterance->state == UTTERANCE_OPEN && output.first == decoder_frames(greedy));
	for (size_t i = 0; i < output.n_committed && end == 0; i++) {
		utterance_commit(utterance, output.committed + i * width, 1);
		end = utterance_endpoint(stream, greedy, &rule);
	}
	if (end == 0) {
		room = stream->max_frames - decoder_frames(greedy);
		utterance_provisional(utterance, output.provisional,
				      output.n_provisional < room ? output.n_provisional : room);
	}
	utterance_note_partials(utterance);
	if (end > 0) {
		size_t length = end * stream->hop;

		if (length > utterance->n) /* strides beyond the receptive field */
			length = utterance->n;
		/* At the end of the samples, a rest that makes no frame makes no utterance. */
		if ((stream->flushing || stream->ended) && utterance->n < length + stream->field)
			length = utterance->n;
		utterance_end(stream, length, rule);
	}
	stream_settle(stream);
}
