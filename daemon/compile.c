#include "daemon/compile.h"

#include "core/decode/vocab.h"
#include "daemon/daemon.h"
#include "daemon/model.h"
#include "daemon/server.h"
#include "daemon/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct compile {
	uv_work_t work;
	struct daemon *daemon;
	struct session *session;                 /* borrowed; NULL: it is gone */
	struct vocab *vocab;                     /* held */
	unsigned model;                          /* model_count then */
	struct message_hotwords wanted_hotwords; /* borrowed from the session's message */
	struct message_grammar wanted_grammar;
	struct message orphan; /* owned; that message, once the session is gone */
	bool done;

	int err;
	struct compiled compiled; /* owned */
	char reason[DECODING_REASON_BYTES];
};

void compiled_drop(struct compiled *compiled)
{
	hotwords_release(compiled->hotwords);
	decoding_commands_drop(&compiled->commands);
	compiled->hotwords = NULL;
}

static void destroy(struct compile *compile)
{
	compiled_drop(&compile->compiled);
	vocab_destroy(compile->vocab);
	message_finish(&compile->orphan);
	free(compile);
}

static void work(uv_work_t *request)
{
	struct compile *compile = request->data;

	if (compile->wanted_hotwords.given)
		compile->err = decoding_hotwords(&compile->wanted_hotwords, compile->vocab,
						 &compile->compiled.hotwords, compile->reason);
	if (compile->err == 0 && compile->wanted_grammar.given)
		compile->err = decoding_commands(&compile->wanted_grammar, compile->vocab,
						 &compile->compiled.commands, compile->reason);
}

static void work_done(uv_work_t *request, int status)
{
	struct compile *compile = request->data;
	struct daemon *daemon = compile->daemon;

	daemon->compiling = false;
	compile->done = true;
	if (status < 0)
		compile->err = -ENOMEM;
	if (!compile->session)
		destroy(compile);
	else
		session_resume(compile->session);
	/* Those who waited for their turn. */
	server_resume(daemon->server);
}

int compile_start(struct session *session, const struct message_hotwords *hotwords,
		  const struct message_grammar *grammar, const struct vocab *vocab,
		  struct compile **out)
{
	struct compile *compile;

	*out = NULL;
	compile = vocab ? calloc(1, sizeof(*compile)) : NULL;
	if (!compile)
		return -ENOMEM;
	compile->daemon = session->daemon;
	compile->session = session;
	compile->vocab = vocab_hold(vocab);
	compile->model = model_count(session->daemon->model);
	compile->wanted_hotwords = *hotwords;
	compile->wanted_grammar = *grammar;
	compile->work.data = compile;
	if (uv_queue_work(session->daemon->loop, &compile->work, work, work_done) < 0) {
		destroy(compile);
		return -ENOMEM;
	}
	session->daemon->compiling = true;
	*out = compile;
	return 0;
}

bool compile_stale(const struct compile *compile)
{
	return compile->model != model_count(compile->daemon->model);
}

int compile_end(struct compile *compile, struct compiled *out, char reason[DECODING_REASON_BYTES])
{
	int err = compile->err;

	*out = (struct compiled){0};
	if (err == 0) {
		*out = compile->compiled;
		compile->compiled = (struct compiled){0};
	} else {
		snprintf(reason, DECODING_REASON_BYTES, "%s", compile->reason);
	}
	destroy(compile);
	return err;
}

void compile_abandon(struct compile *compile, struct message *message)
{
	compile->orphan = *message;
	compile->session = NULL;
	if (compile->done)
		destroy(compile);
}
