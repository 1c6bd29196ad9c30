#include "daemon/engine_stream.h"

#include "core/base/log.h"
#include "daemon/limits.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct result head_of(const struct engine_stream *stream, enum result_kind kind)
{
	return (struct result){
		.kind = kind,
		.stream = stream->slot,
		.generation = stream->generation,
		.rate = stream->rate,
		.hop = stream->hop,
		.left = stream->now_left,
		.chunk = stream->now_chunk,
		.right = stream->now_right,
		.final = stream->final,
		.rung = stream->ladder.active,
	};
}

/* ---- open and close ---- */

static void choose_context(struct engine_stream *stream, const struct model_config *config)
{
	const struct engine_params *params = &stream->params;

	stream->left = params->context_given ? params->left : config->left;
	stream->chunk = params->context_given ? params->chunk : config->chunk;
	stream->right = params->context_given ? params->right : config->right;
	stream->now_left = stream->left;
	stream->now_chunk = stream->chunk;
	stream->now_right = stream->right;
	ladder_context(stream->ladder.rung, &stream->now_left, &stream->now_chunk,
		       &stream->now_right);
}

static void close_voice(struct engine_voice *voice)
{
	recognizer_stream_close(voice->stream);
	if (voice->model)
		voice->model->users--;
	*voice = (struct engine_voice){0};
}

static int open_voice(struct engine_stream *stream, struct engine_model *model,
		      struct engine_voice *voice)
{
	struct recognizer *recognizer = model->recognizer;
	const struct engine_params *params = &stream->params;
	const struct model_config *config = recognizer_config(recognizer);
	int language = recognizer_language(recognizer, params->language);

	if (language == -ENOENT && params->language_given)
		language = recognizer_language(recognizer, NULL);
	if (language < 0)
		return language;

	stream->rate = (unsigned)config->sampling_rate;
	stream->hop = (unsigned)config->hop;
	stream->final = params->final < 0 ? config->final_mode : (enum final_mode)params->final;
	choose_context(stream, config);

	struct recognizer_stream_options options = {
		.language = language,
		.streaming_given = true,
		.left = stream->now_left,
		.chunk = stream->now_chunk,
		.right = stream->now_right,
		.final = (int)stream->final,
		.endpoint = params->rules,
		.max_utterance_s = LIMIT_UTTERANCE_SECONDS,
		.plan = params->plan,
	};
	if (!params->endpoints) {
		options.endpoint = (struct endpoint_rules){0};
		options.cut_quiet = stream->final == FINAL_OFFLINE;
	}
	if (options.endpoint.max_length <= 0)
		options.endpoint.max_length = LIMIT_UTTERANCE_SECONDS;

	struct recognizer_stream *opened;
	int err = recognizer_stream_open(recognizer, &options, &opened);
	if (err < 0)
		return err;
	*voice = (struct engine_voice){.model = model, .stream = opened};
	model->users++;
	for (size_t i = 1; i < RECOGNIZER_VIEWS && err == 0; i++) {
		if (stream->views[i].tag) {
			voice->tags[i] = stream->views[i].tag;
			err = recognizer_stream_set_view(opened, i, stream->views[i].plan);
		}
	}
	if (err < 0)
		close_voice(voice);
	return err;
}

static int history_init(struct history *history, unsigned rate)
{
	size_t wanted = (size_t)rate * (LIMIT_UTTERANCE_SECONDS + 2);
	size_t capacity = 1;

	if (history->samples)
		return 0;
	while (capacity < wanted)
		capacity *= 2;
	history->samples = malloc(capacity * sizeof(*history->samples));
	if (!history->samples)
		return -ENOMEM;
	history->capacity = capacity;
	return 0;
}

bool engine_stream_start(struct engine_stream *stream, struct engine_model *model,
			 struct mailbox *results)
{
	stream->params = stream->opening;
	decode_plan_hold(stream->params.plan);
	int err = open_voice(stream, model, &stream->voice);

	if (err == 0 && stream->params.role == ENGINE_LIVE)
		err = history_init(&stream->history, stream->rate);
	if (err == 0) {
		stream->voice.base = stream->next = stream->finals = stream->params.utterance;
		stream->fed = stream->boundary = stream->params.clock;
		stream->skipped = stream->replayed = stream->params.clock;
		if (stream->params.clock > 0)
			recognizer_stream_skip(stream->voice.stream, stream->params.clock);
	}

	struct result result = head_of(stream, err == 0 ? RESULT_OPENED : RESULT_FAILED);
	result.error = err;
	result_post(results, &result, NULL);
	return err == 0;
}

/* What the records hold. */
static void drop_input(struct engine_stream *stream)
{
	const struct input *input;

	while ((input = mailbox_peek(&stream->input, NULL))) {
		const void *data = input + 1;

		if (input->kind == INPUT_PARAMS)
			decode_plan_release(((const struct engine_params *)data)->plan);
		else if (input->kind == INPUT_VIEW)
			decode_plan_release(((const struct input_view *)data)->plan);
		mailbox_release(&stream->input);
	}
}

static void drop_views(struct engine_stream *stream)
{
	for (size_t i = 0; i < RECOGNIZER_VIEWS; i++) {
		decode_plan_release(stream->views[i].plan);
		stream->views[i] = (struct engine_view){0};
	}
}

void engine_stream_stop(struct engine_stream *stream)
{
	close_voice(&stream->voice);
	close_voice(&stream->old);
	drop_input(stream);
	drop_views(stream);
	decode_plan_release(stream->params.plan);
	decode_plan_release(stream->opening.plan);
	stream->params.plan = stream->opening.plan = NULL;
	spotter_finish(&stream->spotter);
	free(stream->history.samples);
	stream->history = (struct history){0};
	stream->ladder = (struct ladder){0};
	stream->lag_pending = stream->ended = stream->done = false;
	stream->offset = 0;
	stream->reopen = stream->reset_pending = false;
	stream->refused = 0;
	stream->fed = stream->boundary = 0;
	stream->skipped = stream->replayed = 0;
	stream->next = stream->finals = stream->old_next = stream->dropped = 0;
}

/* ---- input ---- */

static void change_first_view(struct engine_stream *stream, struct decode_plan *plan)
{
	if (recognizer_stream_set_view(stream->voice.stream, 0, plan) < 0) {
		decode_plan_release(plan);
		return;
	}
	decode_plan_release(stream->params.plan);
	stream->params.plan = plan;
}

/* A view comes into being, changes or goes. */
static void take_view(struct engine_stream *stream, const struct input_view *wanted)
{
	struct engine_view *views = stream->views;
	size_t at = 1;

	if (wanted->tag == 0) {
		change_first_view(stream, wanted->plan);
		return;
	}
	while (at < RECOGNIZER_VIEWS && views[at].tag != wanted->tag)
		at++;
	for (size_t i = 1; at == RECOGNIZER_VIEWS && wanted->wanted && i < at; i++) {
		if (!views[i].tag)
			at = i;
	}
	if (at == RECOGNIZER_VIEWS) {
		decode_plan_release(wanted->plan);
		return;
	}
	if (!wanted->wanted) {
		recognizer_stream_drop_view(stream->voice.stream, at);
		decode_plan_release(views[at].plan);
		views[at] = (struct engine_view){0};
		stream->voice.tags[at] = 0;
		return;
	}
	if (recognizer_stream_set_view(stream->voice.stream, at, wanted->plan) < 0) {
		decode_plan_release(wanted->plan);
		return;
	}
	decode_plan_release(views[at].plan);
	views[at] = (struct engine_view){
		.tag = wanted->tag,
		.plan = wanted->plan,
		.announce = true,
		.from = stream->voice.base + recognizer_stream_next_utterance(stream->voice.stream),
	};
	stream->voice.tags[at] = wanted->tag;
}

static void history_keep(struct history *history, int64_t clock, const float *samples, size_t n)
{
	if (!history->samples)
		return;
	for (size_t done = 0; done < n;) {
		size_t at = ((size_t)clock + done) & (history->capacity - 1);
		size_t piece = history->capacity - at;

		if (piece > n - done)
			piece = n - done;
		memcpy(history->samples + at, samples + done, piece * sizeof(*samples));
		done += piece;
	}
}

/* After a change of model: samples that the old one had been given. True when
 * the stream has caught up. */
static bool replay(struct engine_stream *stream, bool *moved)
{
	while (stream->replayed < stream->fed) {
		size_t at = (size_t)stream->replayed & (stream->history.capacity - 1);
		size_t piece = stream->history.capacity - at;

		if ((int64_t)piece > stream->fed - stream->replayed)
			piece = (size_t)(stream->fed - stream->replayed);
		piece = recognizer_stream_push(stream->voice.stream, stream->history.samples + at,
					       piece);
		if (piece == 0)
			return false;
		stream->replayed += (int64_t)piece;
		*moved = true;
	}
	return true;
}

static uint64_t drop_bit(uint64_t utterance)
{
	return (uint64_t)1 << (utterance % 64);
}

/* The open utterance ends like any other, only that nobody hears of it. */
static void reset(struct engine_stream *stream, bool full)
{
	if (stream->fed > stream->boundary) {
		stream->dropped |= drop_bit(stream->next);
		recognizer_stream_flush(stream->voice.stream);
	}
	stream->reopen = stream->reopen || full;
	stream->reset_pending = true;
}

/* Returns whether the record is used up. */
static bool feed_record(struct engine_stream *stream, const struct input *input, bool *moved)
{
	const float *samples = (const float *)(const void *)(input + 1);

	switch (input->kind) {
	case INPUT_SAMPLES: {
		size_t left = (size_t)input->n - stream->offset;
		size_t n = recognizer_stream_push(stream->voice.stream, samples + stream->offset,
						  left);

		history_keep(&stream->history, stream->fed, samples + stream->offset, n);
		stream->fed += (int64_t)n;
		stream->heard += n;
		stream->replayed = stream->fed;
		stream->offset += n;
		*moved = *moved || n > 0;
		return n == left;
	}
	case INPUT_FLUSH:
		recognizer_stream_flush(stream->voice.stream);
		return true;
	case INPUT_RESET:
		reset(stream, input->n != 0);
		return true;
	case INPUT_SKIP:
		recognizer_stream_skip(stream->voice.stream, input->n);
		stream->fed += input->n;
		stream->replayed = stream->skipped = stream->fed;
		return true;
	case INPUT_PARAMS:
		decode_plan_release(stream->params.plan);
		memcpy(&stream->params, input + 1, sizeof(stream->params));
		stream->reopen = true;
		return true;
	case INPUT_VIEW:
		take_view(stream, (const struct input_view *)(const void *)(input + 1));
		return true;
	case INPUT_END:
		recognizer_stream_end(stream->voice.stream);
		stream->ended = true;
		return true;
	}
	abort();
}

bool engine_stream_feed(struct engine_stream *stream)
{
	const struct input *input;
	bool moved = false;

	if (!replay(stream, &moved))
		return moved;
	while (!stream->ended && (input = mailbox_peek(&stream->input, NULL))) {
		if (!feed_record(stream, input, &moved))
			break;
		stream->offset = 0;
		mailbox_release(&stream->input);
		moved = true;
	}
	return moved;
}

/* ---- between utterances ---- */

/* The context of the ladder's rung is to hold from the next utterance on. */
static void change_context(struct engine_stream *stream)
{
	long left = stream->left, chunk = stream->chunk, right = stream->right;

	ladder_context(stream->ladder.rung, &left, &chunk, &right);
	if (recognizer_stream_set_context(stream->voice.stream, left, chunk, right) == 0) {
		stream->now_left = left;
		stream->now_chunk = chunk;
		stream->now_right = right;
	}
	stream->lag_pending = true;
}

static bool wants_migration(const struct engine_stream *stream, const struct engine_model *model)
{
	return stream->reopen || (stream->params.role == ENGINE_LIVE &&
				  stream->voice.model != model && stream->refused != model->number);
}

/* The open utterance begins at `boundary`: what was fed of it goes to a new
 * voice (another model, other parameters), the old one keeps the finals that are
 * still to come. Where a new one cannot be had (the model lacks the language)
 * the old one goes on. */
static void migrate(struct engine_stream *stream, struct engine_model *model)
{
	struct engine_voice voice;

	if (stream->old.stream || stream->ended)
		return;
	if (stream->params.role != ENGINE_LIVE)
		model = stream->voice.model;
	if (open_voice(stream, model, &voice) < 0) {
		stream->refused = model->number;
		stream->reopen = false;
		return;
	}
	stream->refused = 0;
	stream->reopen = false;
	stream->old = stream->voice;
	stream->old_next = stream->next;
	if (stream->finals == stream->next)
		close_voice(&stream->old);
	stream->voice = voice;
	stream->voice.base = stream->next;
	recognizer_stream_skip(voice.stream, stream->boundary);
	stream->replayed = stream->boundary;
}

static void utterance_ended(struct engine_stream *stream, uint64_t number, int64_t clock)
{
	stream->next = number + 1;
	stream->boundary = clock > stream->skipped ? clock : stream->skipped;
	if (stream->params.role == ENGINE_LIVE && ladder_utterance(&stream->ladder))
		change_context(stream);
}

/* ---- output ---- */

static void post_lag(struct engine_stream *stream, struct mailbox *results)
{
	struct result result = head_of(stream, RESULT_LAG);

	result.rung = stream->ladder.rung;
	result.clock = recognizer_stream_clock(stream->voice.stream);
	result.behind_ms = stream->behind_ms;
	result.rtf = stream->rtf;
	result_post(results, &result, NULL);
	stream->lag_pending = false;
}

static void post_event(struct engine_stream *stream, const struct engine_voice *voice,
		       const struct recognizer_event *event, struct mailbox *results)
{
	static const enum result_kind kinds[] = {
		[RECOGNIZER_PARTIAL] = RESULT_PARTIAL,
		[RECOGNIZER_ENDPOINT] = RESULT_ENDPOINT,
		[RECOGNIZER_FINAL] = RESULT_FINAL,
	};
	struct result result = head_of(stream, kinds[event->kind]);

	result.view = voice->tags[event->view];
	result.utterance = voice->base + event->utterance;
	result.sequence = event->sequence;
	result.start = event->start;
	result.clock = event->clock;
	result.rule = event->rule;
	result.prefix_ok = event->prefix_ok;
	result.open_word = event->open_word;
	if (event->kind == RECOGNIZER_FINAL) {
		result.final = event->final;
		if (event->view == 0)
			stream->finals = result.utterance + 1;
	}
	if (stream->dropped & drop_bit(result.utterance)) {
		if (event->kind == RECOGNIZER_FINAL && event->view == 0)
			stream->dropped &= ~drop_bit(result.utterance);
		return;
	}
	result_post_event(results, &result, event);
}

/* A replaced model: its last final is all that is still wanted of it. */
static bool deliver_old(struct engine_stream *stream, struct mailbox *results)
{
	struct recognizer_event event;

	while (stream->old.stream) {
		if (!result_room(results))
			return false;
		if (!recognizer_stream_next(stream->old.stream, &event))
			break;
		if (event.kind == RECOGNIZER_FINAL &&
		    stream->old.base + event.utterance < stream->old_next)
			post_event(stream, &stream->old, &event, results);
		if (stream->finals == stream->old_next)
			close_voice(&stream->old);
	}
	return true;
}

static void deliver_event(struct engine_stream *stream, struct engine_model *model,
			  const struct recognizer_event *event, struct mailbox *results)
{
	bool live = stream->params.role == ENGINE_LIVE;

	if (event->kind != RECOGNIZER_PARTIAL || !live ||
	    stream->ladder.active < LADDER_NO_PARTIALS)
		post_event(stream, &stream->voice, event, results);
	if (event->kind == RECOGNIZER_ENDPOINT && event->view == 0) {
		utterance_ended(stream, stream->voice.base + event->utterance, event->clock);
		if (wants_migration(stream, model))
			migrate(stream, model);
	}
}

/* Before anything of such an utterance is posted. False where there is no room. */
static bool post_views(struct engine_stream *stream, struct mailbox *results)
{
	for (size_t i = 1; i < RECOGNIZER_VIEWS; i++) {
		struct result result;

		if (!stream->views[i].announce)
			continue;
		if (!result_room(results))
			return false;
		result = head_of(stream, RESULT_VIEW);
		result.view = stream->views[i].tag;
		result.utterance = stream->views[i].from;
		result_post(results, &result, NULL);
		stream->views[i].announce = false;
	}
	return true;
}

/* One record at most, there is room for it: what is left comes the next time. */
static void post_state(struct engine_stream *stream, struct mailbox *results)
{
	if (stream->reset_pending) {
		struct result result = head_of(stream, RESULT_RESET);

		result.clock = stream->fed;
		result_post(results, &result, NULL);
		stream->reset_pending = false;
	} else if (stream->lag_pending) {
		post_lag(stream, results);
	} else if (stream->ended && !stream->done && !stream->old.stream &&
		   recognizer_stream_done(stream->voice.stream)) {
		struct result result = head_of(stream, RESULT_DONE);

		result.clock = stream->fed;
		result_post(results, &result, NULL);
		stream->done = true;
	}
}

bool engine_stream_deliver(struct engine_stream *stream, struct engine_model *model,
			   struct mailbox *results)
{
	struct recognizer_event event;

	for (;;) {
		if (!post_views(stream, results) || !deliver_old(stream, results) ||
		    !result_room(results))
			return false;
		if (!recognizer_stream_next(stream->voice.stream, &event))
			break;
		deliver_event(stream, model, &event, results);
	}
	/* Nothing of the next utterance was heard yet: the change is due at once. */
	if (stream->fed == stream->boundary && wants_migration(stream, model))
		migrate(stream, model);
	post_state(stream, results);
	return true;
}
void engine_stream_note_lag(struct engine_stream *stream, double rtf)
{
	int64_t waiting = atomic_load_explicit(&stream->given, memory_order_relaxed);

	/* In an utterance a step waits for its chunk and lookahead. */
	if (stream->fed == stream->boundary || stream->now_chunk < 0)
		waiting -= stream->fed;
	else
		waiting -= recognizer_stream_clock(stream->voice.stream) +
			   (stream->now_chunk + stream->now_right) * (int64_t)stream->hop;
	stream->behind_ms = waiting > 0 ? (double)waiting * 1000 / stream->rate : 0;
	stream->rtf = rtf;
	if (ladder_note(&stream->ladder, stream->behind_ms))
		change_context(stream);
}
