/*
 * A lane has the state of one utterance under way. Offline there is one lane,
 * and an utterance is done when evaluation_add returns; streaming, an utterance
 * waits in its lane until all are taken, then every step moves all of them.
 */
#include "tools/evaluation.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/decode/decoder.h"
#include "core/decode/flicker.h"
#include "core/recognizer.h"
#include "tools/outcome.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_LANES = 64,     /* of acoustic_batch_create */
	MAX_ROWS = 8192,    /* frames of all lanes in a step, so that memory stays small */
	FIRST_FRAMES = 512, /* room for an utterance at first */
};

struct lane {
	struct acoustic_stream *stream; /* owned; streaming only */
	struct decoder *decoder;        /* owned */

	bool busy;
	float *samples; /* owned */
	size_t n;
	size_t start, end, pushed; /* the segment under way, and how far it was pushed */
	const char *text;
	struct outcome *outcome;
	struct flicker flicker;
	float *logits; /* owned, [capacity, width]: of all segments so far */
	size_t frames, capacity;
};

struct evaluation {
	const struct tool_model *model; /* borrowed */
	struct evaluation_params params;
	size_t limit;      /* samples of a segment; SIZE_MAX: none */
	size_t max_frames; /* that lanes and batch have room for; 0: there are none */
	size_t n_lanes;
	struct lane lanes[MAX_LANES];
	struct acoustic_batch *batch;     /* owned; streaming only */
	struct acoustic_offline *offline; /* owned; else */
};

int evaluation_create(const struct tool_model *model, const struct evaluation_params *params,
		      struct evaluation **out)
{
	double limit = params->max_segment_s * (double)model->config->sampling_rate;

	struct evaluation *evaluation = calloc(1, sizeof(*evaluation));
	*out = evaluation;
	if (!evaluation) {
		log_error("no memory for an evaluation");
		return -ENOMEM;
	}
	evaluation->model = model;
	evaluation->params = *params;
	decode_plan_hold(params->plan);
	evaluation->limit = limit > 0 ? (size_t)limit : SIZE_MAX;
	return 0;
}

/* ---- room ---- */

static void close_lanes(struct evaluation *e)
{
	for (size_t i = 0; i < e->n_lanes; i++) {
		struct lane *lane = &e->lanes[i];
		acoustic_stream_destroy(lane->stream);
		decoder_destroy(lane->decoder);
		free(lane->samples);
		free(lane->logits);
	}
	memset(e->lanes, 0, sizeof(e->lanes));
	e->n_lanes = 0;
	e->max_frames = 0;
	acoustic_batch_destroy(e->batch);
	e->batch = NULL;
}

void evaluation_destroy(struct evaluation *evaluation)
{
	if (!evaluation)
		return;
	close_lanes(evaluation);
	acoustic_offline_destroy(evaluation->offline);
	decode_plan_release(evaluation->params.plan);
	free(evaluation);
}

static size_t cap(long frames, size_t max)
{
	return frames < 0 || (size_t)frames > max ? max : (size_t)frames;
}

static int open_lane(struct evaluation *e, struct lane *lane)
{
	const struct decoder_params decoder = {
		.vocab = e->model->vocab,
		.tokens = e->model->width,
		.max_frames = e->max_frames,
		.streaming = e->params.streaming,
	};
	/* What is longer than any utterance would only take memory. */
	const struct acoustic_stream_params stream = {
		.left = (long)cap(e->params.window.left, e->max_frames),
		.chunk = (long)cap(e->params.window.chunk, e->max_frames),
		.right = (long)cap(e->params.window.right, e->max_frames),
		.max_frames = e->max_frames,
		.adapter = e->model->adapter,
		.statistics = e->params.statistics,
	};

	int error = decoder_create(&decoder, e->params.plan, &lane->decoder);
	if (!error && e->params.streaming)
		error = acoustic_stream_create(e->model->acoustic, &stream, &lane->stream);
	return error;
}

static int open_lanes(struct evaluation *e, size_t frames)
{
	size_t chunk = cap(e->params.window.chunk, frames);
	size_t window = chunk + cap(e->params.window.right, frames);
	size_t left = cap(e->params.window.left, frames);
	size_t wanted = e->params.streams;
	size_t most = window > 0 && MAX_ROWS / window > 0 ? MAX_ROWS / window : 1;
	int error = 0;

	if (!e->params.streaming)
		wanted = 1;
	else if (wanted > most)
		wanted = most;
	e->max_frames = frames;
	while (e->n_lanes < wanted && !error)
		error = open_lane(e, &e->lanes[e->n_lanes++]);
	if (!error && e->params.streaming)
		error = acoustic_batch_create(e->model->acoustic, wanted, window, left, &e->batch);
	if (error) {
		log_error("cannot make room for utterances of %zu frames: %s", frames,
			  strerror(-error));
		close_lanes(e);
	}
	return error;
}

/* Makes sure that an utterance of n samples fits in; ends those under way if not. */
static int reserve(struct evaluation *e, size_t n)
{
	size_t frames = config_frames(e->model->config, n < e->limit ? n : e->limit);

	if (e->max_frames > 0 && frames <= e->max_frames)
		return 0;
	int error = evaluation_finish(e);
	if (error)
		return error;
	size_t room = e->max_frames > 0 ? e->max_frames : FIRST_FRAMES;
	while (room < frames)
		room *= 2;
	close_lanes(e);
	return open_lanes(e, room);
}

/* ---- an utterance ---- */

static void begin_segment(struct evaluation *e, struct lane *lane)
{
	size_t left = lane->n - lane->end;

	lane->start = lane->end;
	lane->end += recognizer_segment(lane->samples + lane->start, left,
					left < e->limit ? left : e->limit,
					e->model->config->sampling_rate);
	lane->pushed = lane->start;
	decoder_reset(lane->decoder);
}

static int keep_logits(struct evaluation *e, struct lane *lane, const float *logits, size_t frames)
{
	size_t width = e->model->width;
	size_t needed = lane->frames + frames;
	size_t bytes;

	if (frames == 0)
		return 0;
	if (needed > lane->capacity) {
		size_t capacity = needed > e->max_frames ? 2 * needed : e->max_frames;
		float *grown = NULL;
		if (checked_mul(capacity, width * sizeof(float), &bytes))
			grown = realloc(lane->logits, bytes);
		if (!grown) {
			log_error("no memory for the logits of %zu frames", capacity);
			return -ENOMEM;
		}
		lane->logits = grown;
		lane->capacity = capacity;
	}
	memcpy(lane->logits + lane->frames * width, logits, frames * width * sizeof(float));
	lane->frames = needed;
	return 0;
}

/* Committed frames to the decoder and, where a loss is wanted, to the logits. */
static int commit(struct evaluation *e, struct lane *lane, const float *logits, size_t frames)
{
	int error = decoder_commit(lane->decoder, logits, frames);

	if (error) {
		log_error("the decoder failed: %s", strerror(-error));
		return error;
	}
	return lane->text ? keep_logits(e, lane, logits, frames) : 0;
}

static int end_segment(struct lane *lane)
{
	decoder_finish(lane->decoder);
	const struct transcript *transcript = decoder_transcript(lane->decoder);
	flicker_final(&lane->flicker, transcript->text);
	return outcome_add(lane->outcome, transcript);
}

static int end_utterance(struct evaluation *e, struct lane *lane)
{
	int error = 0;

	lane->outcome->shown = lane->flicker.shown;
	lane->outcome->revised = lane->flicker.revised;
	if (lane->text)
		error = outcome_measure(lane->outcome, e->model, lane->text, lane->logits,
					lane->frames);
	free(lane->samples);
	lane->samples = NULL;
	lane->busy = false;
	return error;
}

/* ---- full context ---- */

static int run_offline(struct evaluation *e, struct lane *lane)
{
	int error = 0;

	if (!e->offline)
		error = acoustic_offline_create(e->model->acoustic, lane->n, &e->offline);
	do {
		begin_segment(e, lane);
		if (!error)
			error = tool_model_run(e->model, e->offline, lane->samples + lane->start,
					       lane->end - lane->start, NULL);
		if (error) {
			log_error("no memory for an utterance of %zu samples",
				  lane->end - lane->start);
			return error;
		}
		error = commit(e, lane, acoustic_offline_output(e->offline),
			       acoustic_offline_frames(e->offline));
		if (!error)
			error = end_segment(lane);
	} while (!error && lane->end < lane->n);
	return error ? error : end_utterance(e, lane);
}

/* ---- streaming ---- */

static int begin_stream(struct evaluation *e, struct lane *lane)
{
	begin_segment(e, lane);
	acoustic_stream_reset(lane->stream, RESET_FULL);
	if (e->params.statistics != STATISTICS_UTTERANCE)
		return 0;
	int error = acoustic_stream_measure(lane->stream, lane->samples + lane->start,
					    lane->end - lane->start);
	if (error)
		log_error("no memory for the statistics of %zu samples", lane->end - lane->start);
	return error;
}

/* Feeds a lane until it can step; where its segment is over goes on to the next,
 * where its utterance is, lets it go. */
static int feed(struct evaluation *e, struct lane *lane)
{
	while (!acoustic_stream_ready(lane->stream)) {
		if (lane->pushed < lane->end) {
			lane->pushed +=
				acoustic_stream_push(lane->stream, lane->samples + lane->pushed,
						     lane->end - lane->pushed);
			if (lane->pushed == lane->end)
				acoustic_stream_end(lane->stream);
			continue;
		}
		int error = end_segment(lane);
		if (error)
			return error;
		if (lane->end == lane->n)
			return end_utterance(e, lane);
		error = begin_stream(e, lane);
		if (error)
			return error;
	}
	return 0;
}

static int take_step(struct evaluation *e, struct lane *lane)
{
	struct acoustic_output output = acoustic_stream_output(lane->stream);

	int error = commit(e, lane, output.committed, output.n_committed);
	if (error)
		return error;
	error = decoder_provisional(lane->decoder, output.provisional, output.n_provisional);
	if (error) {
		log_error("the decoder failed: %s", strerror(-error));
		return error;
	}
	const char *text = decoder_text(lane->decoder);
	size_t stable = decoder_stable_length(lane->decoder);
	flicker_partial(&lane->flicker, decoder_stable(lane->decoder), text + stable);
	return 0;
}

/* Feeds all lanes and steps those that can. *stepped: how many. */
static int step(struct evaluation *e, size_t *stepped)
{
	struct acoustic_stream *streams[MAX_LANES];
	struct lane *lanes[MAX_LANES];
	size_t n = 0;
	int error = 0;

	for (size_t i = 0; i < e->n_lanes && !error; i++) {
		struct lane *lane = &e->lanes[i];
		if (lane->busy)
			error = feed(e, lane);
		if (!error && lane->busy) {
			lanes[n] = lane;
			streams[n++] = lane->stream;
		}
	}
	if (n > 0 && !error)
		acoustic_step(e->batch, streams, n);
	for (size_t i = 0; i < n && !error; i++)
		error = take_step(e, lanes[i]);
	*stepped = n;
	return error;
}

static struct lane *free_lane(struct evaluation *e)
{
	for (size_t i = 0; i < e->n_lanes; i++) {
		if (!e->lanes[i].busy)
			return &e->lanes[i];
	}
	return NULL;
}

/* ---- the door ---- */

int evaluation_add(struct evaluation *evaluation, float *samples, size_t n, const char *text,
		   struct outcome *outcome)
{
	struct lane *lane = NULL;
	size_t stepped;

	*outcome = (struct outcome){0};
	int error = reserve(evaluation, n);
	while (!error && !(lane = free_lane(evaluation)))
		error = step(evaluation, &stepped);
	if (error) {
		free(samples);
		return error;
	}
	lane->busy = true;
	lane->samples = samples;
	lane->n = n;
	lane->start = 0;
	lane->end = 0;
	lane->text = text;
	lane->outcome = outcome;
	lane->flicker = (struct flicker){0};
	lane->frames = 0;
	return evaluation->params.streaming ? begin_stream(evaluation, lane)
					    : run_offline(evaluation, lane);
}

int evaluation_finish(struct evaluation *evaluation)
{
	size_t stepped = 1;
	int error = 0;

	while (stepped > 0 && !error)
		error = step(evaluation, &stepped);
	return error;
}
