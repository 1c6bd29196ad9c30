/*
 * The loop's side: it prepares a slot, publishes it by its state, and talks to the
 * thread through mailboxes and a semaphore, which is posted at most once until
 * the thread has seen it.
 */
#include "daemon/engine.h"

#include "core/base/log.h"
#include "daemon/engine_thread.h"
#include "daemon/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

	err = -pthread_create(&engine->thread, NULL, engine_run, engine);
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
	/* Models in use, and on their way out. */
	for (size_t i = 0; i < ENGINE_MODELS; i++)
		recognizer_close(engine->models[i].recognizer);
	keywords_close(atomic_exchange(&engine->offered_keywords, NULL));
	keywords_close(engine->keywords);
	for (struct result *result; (result = mailbox_peek(&engine->results, NULL));) {
		if (result->kind == RESULT_RETIRED) {
			recognizer_close(result->recognizer);
			keywords_close(result->keywords);
		}
		result_drop(result);
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
	for (size_t i = 0; i < ENGINE_MODELS; i++) {
		struct engine_model *model = &engine->models[i];

		if (atomic_load_explicit(&model->recognizer, memory_order_acquire))
			continue;
		model->number = ++engine->n_models;
		atomic_store_explicit(&model->recognizer, recognizer, memory_order_release);
		/* Publishes the slots of streams opened before, too: see retire_models. */
		atomic_store_explicit(&engine->newest, model, memory_order_release);
		engine_poke(engine);
		return 0;
	}
	return -EBUSY;
}

void engine_set_keywords(struct engine *engine, struct keywords *keywords)
{
	struct keywords *unused = atomic_exchange(&engine->offered_keywords, keywords);

	engine_poke(engine);
	if (unused)
		engine->retired(engine->retired_ctx, NULL, unused);
}

void engine_on_retired(struct engine *engine, engine_retired_func retired, void *ctx)
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
		decode_plan_hold(params->plan);
		stream->model = atomic_load_explicit(&engine->newest, memory_order_relaxed);
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
	decode_plan_hold(params->plan);
	mailbox_commit(&stream->input);
	engine_poke(engine);
	return true;
}

static bool post_view(struct engine *engine, struct engine_stream *stream,
		      const struct input_view *view)
{
	struct input *input = mailbox_reserve(&stream->input, sizeof(*input) + sizeof(*view));

	if (!input)
		return starve(engine, stream);
	*input = (struct input){.kind = INPUT_VIEW};
	memcpy(input + 1, view, sizeof(*view));
	mailbox_commit(&stream->input);
	engine_poke(engine);
	return true;
}

bool engine_set_view(struct engine *engine, struct engine_stream *stream, uint64_t tag,
		     struct decode_plan *plan)
{
	struct input_view view = {.tag = tag, .wanted = true, .plan = decode_plan_hold(plan)};
	bool posted = post_view(engine, stream, &view);

	if (!posted)
		decode_plan_release(plan);
	return posted;
}

bool engine_drop_view(struct engine *engine, struct engine_stream *stream, uint64_t tag)
{
	struct input_view view = {.tag = tag};

	return post_view(engine, stream, &view);
}

bool engine_end(struct engine *engine, struct engine_stream *stream)
{
	return post_input(engine, stream, INPUT_END, 0);
}

static void dispatch(struct engine *engine, const struct result *result)
{
	struct engine_stream *stream = &engine->streams[result->stream];

	if (result->kind == RESULT_RETIRED)
		engine->retired(engine->retired_ctx, result->recognizer, result->keywords);
	else if (stream->taken && stream->generation == result->generation)
		stream->listener.result(stream->listener.ctx, result);
}

void engine_drain(struct engine *engine)
{
	const struct result *result;
	bool released = false;

	while ((result = mailbox_peek(&engine->results, NULL))) {
		dispatch(engine, result);
		result_drop(result);
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
