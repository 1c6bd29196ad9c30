/*
 * Private part of the engine: what the loop's door (engine.c) and the thread
 * (engine_thread.c) share.
 */
#ifndef HEARD_DAEMON_ENGINE_THREAD_H
#define HEARD_DAEMON_ENGINE_THREAD_H

#include "daemon/engine_stream.h"

#include <pthread.h>
#include <semaphore.h>

enum { ENGINE_MODELS = 8 }; /* the current one and those still in use */

struct engine {
	struct engine_options options;
	struct engine_stream *streams; /* [options.max_streams], owned */
	pthread_t thread;
	bool thread_started;
	sem_t semaphore;
	atomic_bool signalled; /* a post that the thread has not seen yet */
	atomic_bool quit;
	struct engine_model models[ENGINE_MODELS];
	_Atomic(struct engine_model *) newest; /* loop to thread; NULL: none yet */
	_Atomic(struct keywords *) offered_keywords;
	struct mailbox results;
	struct engine_stats stats;

	/* loop */
	engine_retired_func retired;
	void *retired_ctx;
	uint64_t n_models; /* given so far */

	/* engine thread */
	struct engine_model *current; /* the newest, as this pass knows it */
	struct keywords *keywords;    /* owned */
	size_t turn;                  /* where the search for pushed streams starts */
	size_t wake_turn;             /* likewise of streams searched for keywords */
	unsigned kind_turn;           /* what was done last that was not due */
	double stream_step_s;         /* time of a step per stream in it, of late */
	double work_s, audio_s;       /* of late, for rtf */
	double fed_s;                 /* audio fed since the last step */
	bool *blocked;                /* [options.max_streams]: owned; see move_data */
	bool wanted;                  /* the loop is to be woken */
};

/* Of the thread; arg is the engine. */
void *engine_run(void *arg);

#endif
