/*
 * One pass of the thread: take up what the loop asked for, feed each stream,
 * post what came out, then do one piece of work, the most urgent there is:
 *
 *   1. a step of the live streams that are ready, and of as many pushed ones
 *      as fit into half the time until the next live step;
 *   2. in turn: a step of pushed streams, a piece of an offline pass, a look
 *      for keywords at one window.
 *
 * When there is nothing to do it sleeps on a semaphore; the loop posts it, at
 * most once until the thread has seen it.
 *
 * Invariant: every result that a step can cause is held by the recognizer until
 * the result mailbox has room, and a stream with results held back is not
 * stepped. So a loop that is slow slows the engine, and nothing is lost.
 */
#include "daemon/engine_thread.h"

#include "daemon/limits.h"

#include <stdlib.h>
#include <time.h>

enum { ENGINE_RTF_STEPS = 32 }; /* steps over which rtf is averaged */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool is_open(const struct engine_stream *stream)
{
	return atomic_load_explicit(&stream->state, memory_order_acquire) == SLOT_OPEN;
}

static void take_keywords(struct engine *engine)
{
	struct keywords *old = engine->keywords;

	if (!atomic_load(&engine->offered_keywords) || !result_room(&engine->results))
		return;
	engine->keywords = atomic_exchange(&engine->offered_keywords, NULL);
	if (old) {
		struct result result = {.kind = RESULT_RETIRED, .keywords = old};

		result_post(&engine->results, &result, NULL);
	}
}

/* A stream was opened while this was the newest model, and could not be started yet. */
static bool is_awaited(const struct engine *engine, const struct engine_model *model)
{
	for (size_t i = 0; i < engine->options.max_streams; i++) {
		const struct engine_stream *stream = &engine->streams[i];

		if (atomic_load_explicit(&stream->state, memory_order_acquire) == SLOT_OPENING &&
		    stream->model == model)
			return true;
	}
	return false;
}

/* Who sees `current` sees every stream that was opened before it was given: no
 * other can still come for an older model. */
static void retire_models(struct engine *engine)
{
	/* The loop may just have put the first model into its place: this pass has
	 * not seen it yet, and nothing can have been replaced. */
	if (!engine->current)
		return;
	for (size_t i = 0; i < ENGINE_MODELS; i++) {
		struct engine_model *model = &engine->models[i];
		struct recognizer *recognizer =
			atomic_load_explicit(&model->recognizer, memory_order_acquire);

		if (!recognizer || model->number >= engine->current->number || model->users > 0 ||
		    is_awaited(engine, model))
			continue;
		if (!result_room(&engine->results))
			return;
		struct result result = {.kind = RESULT_RETIRED, .recognizer = recognizer};
		result_post(&engine->results, &result, NULL);
		atomic_store_explicit(&model->recognizer, NULL, memory_order_release);
	}
}

/* False: not yet. What cannot be started stays `done` until the loop closes it. */
static bool start_stream(struct engine *engine, struct engine_stream *stream)
{
	bool wake = stream->opening.role == ENGINE_WAKE;
	struct engine_model *model =
		stream->model ? stream->model
			      : atomic_load_explicit(&engine->newest, memory_order_acquire);
	bool started;

	if (stream->done || !result_room(&engine->results) || (wake ? !engine->keywords : !model))
		return false;
	started = wake ? engine_wake_start(stream, engine->keywords, &engine->results)
		       : engine_stream_start(stream, model, &engine->results);
	stream->done = !started;
	if (started)
		atomic_store_explicit(&stream->state, SLOT_OPEN, memory_order_release);
	return true;
}

/* Opens and closes streams as the loop asked. */
static bool take_requests(struct engine *engine)
{
	bool worked = false;

	for (size_t i = 0; i < engine->options.max_streams; i++) {
		struct engine_stream *stream = &engine->streams[i];
		int state = atomic_load_explicit(&stream->state, memory_order_acquire);

		if (state == SLOT_FREE)
			continue;
		if (atomic_load_explicit(&stream->closing, memory_order_acquire)) {
			engine_stream_stop(stream);
			atomic_store_explicit(&stream->closing, false, memory_order_relaxed);
			atomic_store_explicit(&stream->state, SLOT_FREE, memory_order_release);
			worked = true;
		} else if (state == SLOT_OPENING) {
			worked = start_stream(engine, stream) || worked;
		}
	}
	return worked;
}

/* Delivers and feeds, in this order: what an endpoint changes (model, rung) is
 * to hold for as many samples as possible. blocked[i]: stream i must not be
 * stepped. */
static bool move_stream(struct engine *engine, struct engine_stream *stream, bool *blocked)
{
	if (stream->params.role == ENGINE_WAKE) {
		*blocked = !result_room(&engine->results);
		if (!*blocked)
			engine_wake_post_state(stream, &engine->results);
		return engine_wake_feed(stream);
	}
	*blocked = !engine_stream_deliver(stream, engine->current, &engine->results);
	/* A reset is about what comes after the results so far. */
	return !*blocked && engine_stream_feed(stream);
}

static bool move_data(struct engine *engine)
{
	bool worked = false;

	for (size_t i = 0; i < engine->options.max_streams; i++) {
		struct engine_stream *stream = &engine->streams[i];

		engine->blocked[i] = true;
		if (!is_open(stream))
			continue;
		uint64_t before = stream->heard;
		bool moved = move_stream(engine, stream, &engine->blocked[i]);

		if (moved && stream->params.role != ENGINE_WAKE)
			engine->fed_s += (double)(stream->heard - before) / stream->rate;
		/* An empty input counts too: the loop may have found it full just
		 * before the last record was taken, and asked only then. */
		if (atomic_load(&stream->starving) &&
		    (moved || !mailbox_peek(&stream->input, NULL)))
			engine->wanted = true;
		worked = worked || moved;
	}
	return worked;
}

/* Adds ready streams of a role, all of one recognizer, to the batch. */
static size_t collect(struct engine *engine, enum engine_role role, struct engine_stream **batch,
		      size_t n, size_t limit)
{
	size_t slots = engine->options.max_streams;

	for (size_t k = 0; k < slots && n < limit; k++) {
		size_t i = (engine->turn + k) % slots;
		struct engine_stream *stream = &engine->streams[i];

		if (!is_open(stream) || engine->blocked[i] || stream->params.role != role ||
		    (n > 0 && stream->voice.model != batch[0]->voice.model) ||
		    !recognizer_stream_ready(stream->voice.stream))
			continue;
		batch[n++] = stream;
	}
	return n;
}

static void step(struct engine *engine, struct engine_stream **batch, size_t n)
{
	struct recognizer_stream *streams[LIMIT_BATCH];
	struct engine_stats *stats = &engine->stats;

	for (size_t i = 0; i < n; i++)
		streams[i] = batch[i]->voice.stream;
	uint64_t start = now_ns();
	recognizer_step(batch[0]->voice.model->recognizer, streams, n);
	uint64_t taken = now_ns() - start;

	/* Averages that forget: one step weighs 1 / ENGINE_RTF_STEPS. */
	double keep = 1 - 1.0 / ENGINE_RTF_STEPS;
	engine->work_s = engine->work_s * keep + (double)taken / 1e9;
	engine->audio_s = engine->audio_s * keep + engine->fed_s;
	engine->stream_step_s =
		engine->stream_step_s * keep + (double)taken / 1e9 / (double)n / ENGINE_RTF_STEPS;
	double rtf = engine->audio_s > 0 ? engine->work_s / engine->audio_s : 0;

	histogram_add(&stats->steps, taken);
	atomic_store_explicit(&stats->rtf, rtf, memory_order_relaxed);
	atomic_store_explicit(&stats->audio_s,
			      atomic_load_explicit(&stats->audio_s, memory_order_relaxed) +
				      engine->fed_s,
			      memory_order_relaxed);
	engine->fed_s = 0;
	engine->turn = (batch[n - 1]->slot + 1) % engine->options.max_streams;
}

/* How many streams a step may take without making the next live one late. */
static size_t batch_limit(const struct engine *engine, const struct engine_stream *live)
{
	double period = (double)live->now_chunk * live->hop / live->rate;

	if (live->behind_ms > LADDER_DOWN_MS)
		return 1;
	if (live->now_chunk < 0 || engine->stream_step_s <= 0)
		return LIMIT_BATCH;
	double fit = period / 2 / engine->stream_step_s;
	return fit < 1 ? 1 : fit > LIMIT_BATCH ? LIMIT_BATCH : (size_t)fit;
}

static const struct engine_stream *find_live(const struct engine *engine)
{
	for (size_t i = 0; i < engine->options.max_streams; i++) {
		if (is_open(&engine->streams[i]) && engine->streams[i].params.role == ENGINE_LIVE)
			return &engine->streams[i];
	}
	return NULL;
}

static bool step_live(struct engine *engine)
{
	struct engine_stream *batch[LIMIT_BATCH];
	struct engine_stats *stats = &engine->stats;
	size_t n = collect(engine, ENGINE_LIVE, batch, 0, 1);

	if (n == 0)
		return false;
	struct engine_stream *live = batch[0];
	n = collect(engine, ENGINE_PUSHED, batch, n, batch_limit(engine, live));
	step(engine, batch, n);

	engine_stream_note_lag(live, atomic_load_explicit(&stats->rtf, memory_order_relaxed));
	atomic_store_explicit(&stats->behind_ms, live->behind_ms, memory_order_relaxed);
	atomic_store_explicit(&stats->rung, (int)live->ladder.active, memory_order_relaxed);
	atomic_store_explicit(&stats->overloaded, live->ladder.active == LADDER_FINALS_ONLY,
			      memory_order_relaxed);
	return true;
}

static bool step_pushed(struct engine *engine)
{
	struct engine_stream *batch[LIMIT_BATCH];
	const struct engine_stream *live = find_live(engine);
	size_t limit = live && live->fed > live->boundary ? batch_limit(engine, live) : LIMIT_BATCH;
	size_t n = collect(engine, ENGINE_PUSHED, batch, 0, limit);

	if (n > 0)
		step(engine, batch, n);
	return n > 0;
}

static bool advance_final(struct engine *engine)
{
	for (size_t i = 0; i < ENGINE_MODELS; i++) {
		struct recognizer *recognizer =
			atomic_load_explicit(&engine->models[i].recognizer, memory_order_acquire);

		if (recognizer && recognizer_final_pending(recognizer)) {
			recognizer_final_advance(recognizer);
			return true;
		}
	}
	return false;
}

/* One window of one stream. */
static bool look_for_keywords(struct engine *engine)
{
	size_t slots = engine->options.max_streams;

	for (size_t k = 0; k < slots; k++) {
		size_t i = (engine->wake_turn + k) % slots;
		struct engine_stream *stream = &engine->streams[i];

		if (!is_open(stream) || stream->params.role != ENGINE_WAKE || engine->blocked[i] ||
		    !engine_wake_ready(stream))
			continue;
		if (!result_room(&engine->results))
			return false;
		engine_wake_look(stream, engine->keywords, &engine->results);
		engine->wake_turn = (i + 1) % slots;
		return true;
	}
	return false;
}

/* What is not due takes turns: none of it waits for all of another. */
static bool work(struct engine *engine)
{
	static bool (*const kinds[])(struct engine *) = {
		look_for_keywords,
		step_pushed,
		advance_final,
	};
	enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

	if (step_live(engine))
		return true;
	for (unsigned k = 0; k < N_KINDS; k++) {
		engine->kind_turn = (engine->kind_turn + 1) % N_KINDS;
		if (kinds[engine->kind_turn](engine))
			return true;
	}
	return false;
}

void *engine_run(void *arg)
{
	struct engine *engine = arg;

	while (!atomic_load(&engine->quit)) {
		/* Only this thread stores the head; it moves when results are posted. */
		size_t head = atomic_load_explicit(&engine->results.head, memory_order_relaxed);

		/* Cleared before looking: what is asked for later posts again. */
		atomic_store(&engine->signalled, false);
		take_keywords(engine);

		bool worked = take_requests(engine);
		/* After the streams: none of them was opened on a newer one. */
		engine->current = atomic_load_explicit(&engine->newest, memory_order_acquire);
		worked = move_data(engine) || worked;
		worked = work(engine) || worked;
		retire_models(engine);
		atomic_fetch_add_explicit(&engine->stats.progress, 1, memory_order_relaxed);
		if (engine->wanted ||
		    head != atomic_load_explicit(&engine->results.head, memory_order_relaxed))
			engine->options.wake(engine->options.ctx);
		engine->wanted = false;
		if (!worked)
			sem_wait(&engine->semaphore);
	}
	return NULL;
}
