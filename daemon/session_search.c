/*
 * How text is searched for on behalf of one client: its hotwords, commands and
 * options over those of the settings. What it asks for is compiled and checked as a whole
 * before anything of it is taken.
 */
#include "core/base/log.h"
#include "daemon/compile.h"
#include "daemon/decoding.h"
#include "daemon/limits.h"
#include "daemon/live.h"
#include "daemon/model.h"
#include "daemon/server.h"
#include "daemon/session.h"

#include <errno.h>
#include <stdio.h>

static double frame_seconds(const struct daemon *daemon)
{
	return (double)model_hop(daemon->model) / (double)model_rate(daemon->model);
}

static struct hotwords *hotwords_now(const struct session *session)
{
	return session->request_hotwords ? session->request_hotwords : session->base_hotwords;
}

static const struct decoding_commands *commands_now(const struct session *session)
{
	return session->request_commands.given ? &session->request_commands
					       : &session->base_commands;
}

static bool own_search(const struct session *session)
{
	return hotwords_now(session) || commands_now(session)->given ||
	       ((session->base.given | session->request.given) & DECODING_OPTIONS);
}

static void fail(struct session *session, int err, const char *reason)
{
	if (err == -EINVAL)
		session_fail(session, PROTOCOL_BAD_FIELD, reason);
	else
		session_fail(session, PROTOCOL_INTERNAL, "out of memory");
}

/* The letters are those of the language in force with these options. */
static const struct vocab *vocab_for(const struct session *session,
				     const struct session_options *options)
{
	const struct daemon *daemon = session->daemon;
	struct engine_params params = {0};

	session_choose_language(daemon, options->language, &params);
	return model_vocab(daemon->model, params.language);
}

/* Compiles what the message lists, on a worker. 0: *out and err, which is what came of it;
 * -EAGAIN: not done. */
static int compile(struct session *session, const struct session_options *options,
		   const struct message_hotwords *hotwords, const struct message_grammar *grammar,
		   struct compiled *out, int *err, char *reason)
{
	struct compile *done = session->compile;

	if (session->daemon->compiling)
		return -EAGAIN;
	if (done) {
		bool stale = compile_stale(done);

		session->compile = NULL;
		*err = compile_end(done, out, reason);
		if (!stale)
			return 0;
		compiled_drop(out);
	}
	*err = compile_start(session, hotwords, grammar, vocab_for(session, options),
			     &session->compile);
	return *err < 0 ? 0 : -EAGAIN;
}

/* The plan can be made of what is in force and what was compiled. */
static int try_plan(const struct session *session, const struct session_options *now,
		    const struct compiled *compiled, char *reason)
{
	struct decode_plan *plan;
	int err = decoding_plan(model_plan(session->daemon->model), now,
				compiled->hotwords ? compiled->hotwords : hotwords_now(session),
				compiled->commands.given ? &compiled->commands
							 : commands_now(session),
				frame_seconds(session->daemon), &plan, reason);

	decode_plan_release(plan);
	return err;
}

static size_t commands_bytes(const struct decoding_commands *commands)
{
	return commands->grammar ? grammar_size(commands->grammar).bytes : 0;
}

/* Many clients with large grammars must not take all memory. */
static bool has_room(const struct session *session, const struct compiled *compiled, bool request)
{
	const struct server *server = session->daemon->server;
	size_t bytes = commands_bytes(&compiled->commands);

	if (!compiled->commands.grammar)
		return true;
	for (const struct session *s = server_first(server); s; s = s->next) {
		/* What it replaces does not count. */
		if (s != session || request)
			bytes += commands_bytes(&s->base_commands);
		if (s != session || !request)
			bytes += commands_bytes(&s->request_commands);
	}
	return bytes <= LIMIT_GRAMMARS_BYTES;
}

int session_take_search(struct session *session, const struct session_options *options,
			const struct message_hotwords *hotwords,
			const struct message_grammar *grammar, bool request)
{
	struct hotwords **words = request ? &session->request_hotwords : &session->base_hotwords;
	struct decoding_commands *commands =
		request ? &session->request_commands : &session->base_commands;
	struct session_options now;
	struct compiled compiled = {0};
	char reason[DECODING_REASON_BYTES];
	int err = 0;

	if (hotwords->given || grammar->given || (options->given & DECODING_OPTIONS)) {
		/* Letters and language model are the model's. */
		if (!model_ready(session->daemon->model))
			return -EAGAIN;
		session_options_now(session, &now);
		session_options_merge(&now, options);
		if ((hotwords->given || grammar->given) &&
		    compile(session, &now, hotwords, grammar, &compiled, &err, reason) < 0)
			return -EAGAIN;
		if (err == 0)
			err = try_plan(session, &now, &compiled, reason);
		if (err == 0 && !has_room(session, &compiled, request)) {
			snprintf(reason, sizeof(reason),
				 "grammar: no room beside those of other clients");
			err = -EINVAL;
		}
	}
	if (err < 0) {
		compiled_drop(&compiled);
		fail(session, err, reason);
		return -EINVAL;
	}
	if (hotwords->given || request) {
		hotwords_release(*words);
		*words = compiled.hotwords;
	}
	if (grammar->given || request) {
		decoding_commands_drop(commands);
		*commands = compiled.commands;
	}
	return 0;
}

struct decode_plan *session_plan(const struct session *session)
{
	const struct daemon *daemon = session->daemon;
	struct session_options now;
	struct decode_plan *plan;
	char reason[DECODING_REASON_BYTES];

	if (!own_search(session))
		return decode_plan_hold(model_plan(daemon->model));
	session_options_now(session, &now);
	if (decoding_plan(model_plan(daemon->model), &now, hotwords_now(session),
			  commands_now(session), frame_seconds(daemon), &plan, reason) < 0) {
		/* A reload took the language model away. */
		log_warn("%s: decoded as the settings say: %s", session->name, reason);
		return decode_plan_hold(model_plan(daemon->model));
	}
	return plan;
}

void session_fill_search(const struct session *session, struct session_options *options)
{
	struct decode_plan *plan;

	if (!model_ready(session->daemon->model))
		return;
	plan = session_plan(session);
	options->given |= SESSION_BEAM | SESSION_COMMIT_DELAY | SESSION_LM;
	options->beam = plan->beam > 1 ? (int)plan->beam : 1;
	options->commit_delay = (double)plan->commit_delay * frame_seconds(session->daemon);
	options->lm = plan->lm != NULL && plan->beam > 1;
	if (options->lm) {
		options->given |= SESSION_LM_ALPHA | SESSION_LM_BETA;
		options->lm_alpha = (double)plan->weights.alpha;
		options->lm_beta = (double)plan->weights.beta;
	}
	if (plan->n_best > 0) {
		options->given |= SESSION_NBEST;
		options->nbest = (int)plan->n_best;
	}
	if (plan->grammar) {
		options->given |= SESSION_THRESHOLD;
		options->threshold = (double)plan->commands.threshold;
	}
	decode_plan_release(plan);
}

void session_open_view(struct session *session)
{
	struct decode_plan *plan;
	bool set;

	if (!session->view)
		return;
	plan = session_plan(session);
	set = live_set_view(session->daemon->live, session->view, plan);
	decode_plan_release(plan);
	if (!set)
		session_fail(session, PROTOCOL_OVERLOADED, NULL);
}

void session_apply_search(struct session *session)
{
	struct decode_plan *plan;

	if (session->push && !session->push_failed && !push_is_wake(session->push)) {
		plan = session_plan(session);
		push_set_plan(session->push, plan);
		decode_plan_release(plan);
	}
	if (!session->subscriber || (!session->view && !own_search(session)))
		return;
	if (!session->view) {
		if (server_views(session->daemon->server) >= RECOGNIZER_VIEWS - 1) {
			session_fail(session, PROTOCOL_OVERLOADED,
				     "too many subscribers have a search of their own");
			return;
		}
		session->view = ++session->daemon->views;
		session->view_known = false;
	}
	session_open_view(session);
}

bool session_sees(const struct session *session, const struct result *result)
{
	if (result->view != 0)
		return session->view == result->view;
	/* Until its own view begins it has the common one. */
	return !session->view || !session->view_known || result->utterance < session->view_from;
}

void session_end_request(struct session *session)
{
	hotwords_release(session->request_hotwords);
	session->request_hotwords = NULL;
	decoding_commands_drop(&session->request_commands);
}

void session_drop_search(struct session *session)
{
	if (session->view)
		live_drop_view(session->daemon->live, session->view);
	session->view = 0;
	hotwords_release(session->base_hotwords);
	session->base_hotwords = NULL;
	decoding_commands_drop(&session->base_commands);
	session_end_request(session);
}
