/*
 * Streams that are searched for keywords: the same input as the others, a
 * spotter instead of a recognizer. The keyword model is none of the stream's
 * state: it may change between two windows.
 */
#include "daemon/engine_stream.h"

#include <errno.h>
#include <stdlib.h>

static struct result head_of(const struct engine_stream *stream, enum result_kind kind)
{
	return (struct result){
		.kind = kind,
		.stream = stream->slot,
		.generation = stream->generation,
		.rate = stream->rate,
		.hop = 1,
	};
}

bool engine_wake_start(struct engine_stream *stream, const struct keywords *keywords,
		       struct mailbox *results)
{
	const struct engine_spotting *wanted = &stream->opening.spotting;
	double rate = (double)classifier_rate(keywords->classifier);
	struct spotter_options options = {
		.window = (size_t)(wanted->window_s * rate),
		.hop = (size_t)(wanted->hop_s * rate),
		.refractory = (size_t)(wanted->refractory_s * rate),
		.threshold = (float)wanted->threshold,
		.live = wanted->live,
	};

	stream->params = stream->opening;
	stream->rate = (unsigned)rate;
	int err = spotter_init(&stream->spotter, &options);
	if (err == 0)
		stream->spotter.clock = stream->opening.clock;

	struct result result = head_of(stream, err == 0 ? RESULT_OPENED : RESULT_FAILED);
	result.error = err;
	result_post(results, &result, NULL);
	return err == 0;
}

/* Returns whether the record is used up. */
static bool feed_record(struct engine_stream *stream, const struct input *input, bool *moved)
{
	const float *samples = (const float *)(const void *)(input + 1);
	size_t left, n;

	switch (input->kind) {
	case INPUT_SAMPLES:
		left = (size_t)input->n - stream->offset;
		n = spotter_push(&stream->spotter, samples + stream->offset, left);
		stream->offset += n;
		stream->heard += n;
		*moved = *moved || n > 0;
		return n == left;
	case INPUT_SKIP:
		spotter_skip(&stream->spotter, input->n);
		return true;
	case INPUT_RESET:
		spotter_skip(&stream->spotter, 0);
		stream->reset_pending = true;
		return true;
	case INPUT_END:
		spotter_end(&stream->spotter);
		stream->ended = true;
		return true;
	case INPUT_VIEW: /* nothing is decoded */
		decode_plan_release(((const struct input_view *)(const void *)(input + 1))->plan);
		return true;
	case INPUT_FLUSH:
	case INPUT_PARAMS:
		return true;
	}
	abort();
}

bool engine_wake_feed(struct engine_stream *stream)
{
	const struct input *input;
	bool moved = false;

	while (!stream->ended && (input = mailbox_peek(&stream->input, NULL))) {
		if (!feed_record(stream, input, &moved))
			break;
		stream->offset = 0;
		mailbox_release(&stream->input);
		moved = true;
	}
	return moved;
}

bool engine_wake_ready(const struct engine_stream *stream)
{
	size_t n;

	return spotter_window(&stream->spotter, &n) != NULL;
}

void engine_wake_look(struct engine_stream *stream, struct keywords *keywords,
		      struct mailbox *results)
{
	struct spotter_detection detection;
	size_t n;
	const float *window = spotter_window(&stream->spotter, &n);

	/* The model may have been exchanged for one with a shorter window. */
	if (n > keywords->max_samples)
		n = keywords->max_samples;
	if (!classifier_run(keywords->classifier, window, n, keywords->probabilities)) {
		for (size_t i = 0; i < keywords->labels; i++)
			keywords->probabilities[i] = 0;
	}
	if (!spotter_take(&stream->spotter, keywords->probabilities, keywords->ignored,
			  keywords->labels, &detection))
		return;
	struct result result = head_of(stream, RESULT_DETECTION);
	result.clock = detection.clock;
	result.confidence = detection.confidence;
	result_post(results, &result, classifier_label(keywords->classifier, detection.label));
}

void engine_wake_post_state(struct engine_stream *stream, struct mailbox *results)
{
	struct result result = head_of(stream, RESULT_DONE);

	result.clock = stream->spotter.clock + (int64_t)stream->spotter.n;
	if (stream->reset_pending) {
		result.kind = RESULT_RESET;
		result_post(results, &result, NULL);
		stream->reset_pending = false;
	} else if (stream->ended && !stream->done && !engine_wake_ready(stream)) {
		result_post(results, &result, NULL);
		stream->done = true;
	}
}
