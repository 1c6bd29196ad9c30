/*
 * One pass of the thread: take up what the loop asked for, feed each stream,
 * post what came out, then do one piece of work, the most urgent there is:
 *
 *   1. a step of the live streams that are ready, and of as many pushed ones
 *      as fit into half the time until the next live step;
 *   2. in turn: a step of pushed streams, a piece of an offline pass.
 *
 * When there is nothing to do it sleeps on a semaphore; the loop posts it, at
 * most once until the thread has seen it.
 *
 * Invariant: every result that a step can cause is held by the recognizer until
 * the result mailbox has room, and a stream with results held back is not
 * stepped. So a loop that is slow slows the engine, and nothing is lost.
 */
#include "daemon/engine.h"

#include "core/base/log.h"
#include "daemon/engine_stream.h"
#include "daemon/limits.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ENGINE_MODELS = 8,     /* the current one and those still in use */
	ENGINE_RTF_STEPS = 32, /* steps over which rtf is averaged */
};

struct engine {
	struct engine_options options;
	struct engine_stream *streams; /* [options.max_streams], owned */
	pthread_t thread;
	bool thread_started;
	sem_t semaphore;
	atomic_bool signalled; /* a post that the thread has not seen yet */
	atomic_bool quit;
	_Atomic(struct recognizer *) offered; /* loop to thread: the next model */
	atomic_int n_models;                  /* in use; the loop adds, the thread takes away */
	struct mailbox results;
	struct engine_stats stats;

	/* loop */
	void (*retired)(void *ctx, struct recognizer *recognizer);
	void *retired_ctx;

	/* engine thread */
	struct engine_model models[ENGINE_MODELS];
	struct engine_model *current;
	size_t turn;            /* where the search for pushed streams starts */
	bool offline_turn;      /* the last piece of background work was a step */
	double stream_step_s;   /* time of a step per stream in it, of late */
	double work_s, audio_s; /* of late, for rtf */
	double fed_s;           /* audio fed since the last step */
	bool *blocked;          /* [options.max_streams]: owned; see move_data */
	bool wanted;            /* the loop is to be woken */
};

/* ---- engine thread ---- */

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

static void take_model(struct engine *engine)
{
	struct recognizer *offered = atomic_exchange(&engine->offered, NULL);

	if (!offered)
		return;
	for (size_t i = 0; i < ENGINE_MODELS; i++) {
		if (!engine->models[i].recognizer) {
			engine->models[i].recognizer = offered;
			engine->current = &engine->models[i];
			return;
		}
	}
	abort(); /* engine_set_model counted them */
}

static void retire_models(struct engine *engine)
{
	for (size_t i = 0; i < ENGINE_MODELS; i++) {
		struct engine_model *model = &engine->models[i];

		if (!model->recognizer || model == engine->current || model->users > 0)
			continue;
		if (!result_room(&engine->results))
			return;
		struct result result = {.kind = RESULT_RETIRED, .recognizer = model->recognizer};
		result_post(&engine->results, &result, NULL);
		model->recognizer = NULL;
		atomic_fetch_sub(&engine->n_models, 1);
	}
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
		} else if (state == SLOT_OPENING && engine->current && !stream->done &&
			   result_room(&engine->results)) {
			if (engine_stream_start(stream, engine->current, &engine->results))
				atomic_store_explicit(&stream->state, SLOT_OPEN,
						      memory_order_release);
			else
				stream->done = true; /* until the loop closes it */
			worked = true;
		}
	}
	return worked;
}

/* Delivers and feeds, in this order: what an endpoint changes (model, rung) is
 * to hold for as many samples as possible. blocked[i]: stream i must not be
 * stepped. */
static bool move_data(struct engine *engine)
{
	bool worked = false;

	for (size_t i = 0; i < engine->options.max_streams; i++) {
		struct engine_stream *stream = &engine->streams[i];

		engine->blocked[i] = true;
		if (!is_open(stream))
			continue;
		engine->blocked[i] =
			!engine_stream_deliver(stream, engine->current, &engine->results);
		uint64_t before = stream->heard;
		/* A reset is about what comes after the results so far. */
		bool moved = !engine->blocked[i] && engine_stream_feed(stream);

		if (moved)
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
		struct recognizer *recognizer = engine->models[i].recognizer;

		if (recognizer && recognizer_final_pending(recognizer)) {
			recognizer_final_advance(recognizer);
			return true;
		}
	}
	return false;
}

static bool work(struct engine *engine)
{
	if (step_live(engine))
		return true;
	engine->offline_turn = !engine->offline_turn;
	if (engine->offline_turn)
		return advance_final(engine) || step_pushed(engine);
	return step_pushed(engine) || advance_final(engine);
}

static void *run(void *arg)
{
	struct engine *engine = arg;

	while (!atomic_load(&engine->quit)) {
		/* Only this thread stores the head; it moves when results are posted. */
		size_t head = atomic_load_explicit(&engine->results.head, memory_order_relaxed);

		/* Cleared before looking: what is asked for later posts again. */
		atomic_store(&engine->signalled, false);
		take_model(engine);

		bool worked = take_requests(engine);
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

/* ---- loop thread ---- */

void engine_poke(struct engine *engine)
{
	if (!atomic_exchange(&engine->signalled, true))
		sem_post(&engine->semaphore);
}

int engine_create(const struct engine_options *options, struct engine **out)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int err;

	if (!engine)
		return -ENOMEM;
	engine->options = *options;
	sem_init(&engine->semaphore, 0, 0);
	engine->streams = calloc(options->max_streams, sizeof(*engine->streams));
	engine->blocked = calloc(options->max_streams, sizeof(*engine->blocked));
	err = engine->streams && engine->blocked
		      ? mailbox_init(&engine->results, LIMIT_RESULT_BYTES)
		      : -ENOMEM;
	if (err < 0)
		goto fail;
	for (size_t i = 0; i < options->max_streams; i++)
		engine->streams[i].slot = (unsigned)i;

	err = -pthread_create(&engine->thread, NULL, run, engine);
	if (err < 0)
		goto fail;
	engine->thread_started = true;
	*out = engine;
	return 0;
fail:
	log_error("engine: %s", strerror(-err));
	engine_destroy(engine);
	return err;
}

void engine_destroy(struct engine *engine)
{
	struct recognizer *offered;

	if (!engine)
		return;
	if (engine->thread_started) {
		atomic_store(&engine->quit, true);
		sem_post(&engine->semaphore);
		pthread_join(engine->thread, NULL);
	}
	for (size_t i = 0; engine->streams && i < engine->options.max_streams; i++) {
		engine_stream_stop(&engine->streams[i]);
		mailbox_finish(&engine->streams[i].input);
	}
	/* Models on their way in, in use, and on their way out. */
	offered = atomic_exchange(&engine->offered, NULL);
	recognizer_close(offered);
	for (size_t i = 0; i < ENGINE_MODELS; i++)
		recognizer_close(engine->models[i].recognizer);
	for (struct result *result; (result = mailbox_peek(&engine->results, NULL));) {
		if (result->kind == RESULT_RETIRED)
			recognizer_close(result->recognizer);
		mailbox_release(&engine->results);
	}
	mailbox_finish(&engine->results);
	free(engine->streams);
	free(engine->blocked);
	sem_destroy(&engine->semaphore);
	free(engine);
}

int engine_set_model(struct engine *engine, struct recognizer *recognizer)
{
	struct recognizer *unused;

	if (atomic_load(&engine->n_models) >= ENGINE_MODELS)
		return -EBUSY;
	atomic_fetch_add(&engine->n_models, 1);
	unused = atomic_exchange(&engine->offered, recognizer);
	engine_poke(engine);
	/* The thread had no time to take up the one before. */
	if (unused) {
		atomic_fetch_sub(&engine->n_models, 1);
		engine->retired(engine->retired_ctx, unused);
	}
	return 0;
}

void engine_on_retired(struct engine *engine,
		       void (*retired)(void *ctx, struct recognizer *recognizer), void *ctx)
{
	engine->retired = retired;
	engine->retired_ctx = ctx;
}

static int input_init(struct engine_stream *stream, enum engine_role role)
{
	/* The rate is not known before there is a model; the usual one will do
	 * for a bound on memory. */
	size_t seconds = role == ENGINE_LIVE ? LIMIT_LIVE_RING_SECONDS : LIMIT_PUSH_RING_SECONDS;
	size_t bytes = seconds * 16000 * sizeof(float);

	/* A slot that once was live keeps its larger input. */
	if (stream->input.capacity >= bytes)
		return 0;
	mailbox_finish(&stream->input);
	return mailbox_init(&stream->input, bytes);
}

int engine_open(struct engine *engine, const struct engine_params *params,
		const struct engine_listener *listener, struct engine_stream **out)
{
	for (size_t i = 0; i < engine->options.max_streams; i++) {
		struct engine_stream *stream = &engine->streams[i];

		if (stream->taken ||
		    atomic_load_explicit(&stream->state, memory_order_acquire) != SLOT_FREE)
			continue;
		int err = input_init(stream, params->role);
		if (err < 0)
			return err;
		stream->taken = true;
		stream->generation++;
		stream->listener = *listener;
		stream->opening = *params;
		atomic_store(&stream->given, params->clock);
		atomic_store(&stream->starving, false);
		atomic_store_explicit(&stream->state, SLOT_OPENING, memory_order_release);
		engine_poke(engine);
		*out = stream;
		return 0;
	}
	return -EAGAIN;
}

void engine_close(struct engine *engine, struct engine_stream *stream)
{
	stream->taken = false;
	atomic_store_explicit(&stream->closing, true, memory_order_release);
	engine_poke(engine);
}

/* What was not taken will be asked for again when the engine says so. */
static bool starve(struct engine *engine, struct engine_stream *stream)
{
	atomic_store(&stream->starving, true);
	engine_poke(engine);
	return false;
}

size_t engine_push(struct engine *engine, struct engine_stream *stream, const float *samples,
		   size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t piece = n - done < INPUT_BLOCK ? n - done : INPUT_BLOCK;
		struct input *input =
			mailbox_reserve(&stream->input, sizeof(*input) + piece * sizeof(*samples));

		if (!input) {
			starve(engine, stream);
			break;
		}
		*input = (struct input){.kind = INPUT_SAMPLES, .n = (int64_t)piece};
		memcpy(input + 1, samples + done, piece * sizeof(*samples));
		mailbox_commit(&stream->input);
		done += piece;
	}
	atomic_fetch_add_explicit(&stream->given, (int64_t)done, memory_order_relaxed);
	if (done > 0)
		engine_poke(engine);
	return done;
}

static bool post_input(struct engine *engine, struct engine_stream *stream, enum input_kind kind,
		       int64_t n)
{
	struct input input = {.kind = kind, .n = n};

	if (!mailbox_post(&stream->input, &input, sizeof(input)))
		return starve(engine, stream);
	engine_poke(engine);
	return true;
}

bool engine_flush(struct engine *engine, struct engine_stream *stream)
{
	return post_input(engine, stream, INPUT_FLUSH, 0);
}

bool engine_reset(struct engine *engine, struct engine_stream *stream, bool full)
{
	return post_input(engine, stream, INPUT_RESET, full);
}

bool engine_skip(struct engine *engine, struct engine_stream *stream, int64_t samples)
{
	if (!post_input(engine, stream, INPUT_SKIP, samples))
		return false;
	atomic_fetch_add_explicit(&stream->given, samples, memory_order_relaxed);
	return true;
}

bool engine_configure(struct engine *engine, struct engine_stream *stream,
		      const struct engine_params *params)
{
	struct input *input = mailbox_reserve(&stream->input, sizeof(*input) + sizeof(*params));

	if (!input)
		return starve(engine, stream);
	*input = (struct input){.kind = INPUT_PARAMS};
	memcpy(input + 1, params, sizeof(*params));
	mailbox_commit(&stream->input);
	engine_poke(engine);
	return true;
}

bool engine_end(struct engine *engine, struct engine_stream *stream)
{
	return post_input(engine, stream, INPUT_END, 0);
}

static void dispatch(struct engine *engine, const struct result *result)
{
	struct engine_stream *stream = &engine->streams[result->stream];

	if (result->kind == RESULT_RETIRED)
		engine->retired(engine->retired_ctx, result->recognizer);
	else if (stream->taken && stream->generation == result->generation)
		stream->listener.result(stream->listener.ctx, result);
}

void engine_drain(struct engine *engine)
{
	const struct result *result;
	bool released = false;

	while ((result = mailbox_peek(&engine->results, NULL))) {
		dispatch(engine, result);
		mailbox_release(&engine->results);
		released = true;
	}
	/* The thread may be waiting for room. */
	if (released)
		engine_poke(engine);
	for (size_t i = 0; i < engine->options.max_streams; i++) {
		struct engine_stream *stream = &engine->streams[i];

		if (stream->taken && atomic_exchange(&stream->starving, false))
			stream->listener.room(stream->listener.ctx);
	}
}

const struct engine_stats *engine_stats(const struct engine *engine)
{
	return &engine->stats;
}
