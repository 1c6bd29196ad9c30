#include "daemon/decoding.h"

#include "core/base/log.h"
#include "core/grammar_file.h"
#include "core/language_model.h"
#include "core/weights/config.h"
#include "daemon/limits.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the settings' ---- */

int decoding_files_copy(const struct settings *settings, struct decoding_files *out)
{
	*out = (struct decoding_files){
		.hotwords = settings->hotwords ? strdup(settings->hotwords) : NULL,
		.lm = settings->lm ? strdup(settings->lm) : NULL,
		.grammar = settings->grammar ? strdup(settings->grammar) : NULL,
		.threshold = settings->grammar_threshold,
		.beam = settings->beam,
		.commit_delay = settings->commit_delay,
		.alpha = settings->lm_alpha,
		.beta = settings->lm_beta,
	};
	if ((settings->hotwords && !out->hotwords) || (settings->lm && !out->lm) ||
	    (settings->grammar && !out->grammar)) {
		decoding_files_finish(out);
		return -ENOMEM;
	}
	return 0;
}

void decoding_files_finish(struct decoding_files *files)
{
	free(files->hotwords);
	free(files->lm);
	free(files->grammar);
	*files = (struct decoding_files){0};
}

static size_t commit_frames(double seconds, double frame_s)
{
	size_t frames = (size_t)(seconds / frame_s + 0.5);

	return frames > 0 ? frames : 1;
}

static size_t choose_beam(int wanted, const struct decode_plan *plan)
{
	if (wanted > 0)
		return (size_t)wanted;
	return plan->hotwords || plan->lm || plan->n_best > 0 ? PLAN_BEAM : 0;
}

static int load_hotwords(const char *path, const struct vocab *vocab, struct decode_plan *plan)
{
	struct hotwords_error error;
	int err = hotwords_read(vocab, path, &plan->hotwords, &error);

	if (err < 0 && error.phrase > 0)
		log_error("%s:%zu: %s", path, error.phrase, error.message);
	else if (err < 0)
		log_error("%s: %s", path, error.message);
	return err;
}

static int load_lm(const struct decoding_files *files, struct decode_plan *plan)
{
	int err = language_model_open(files->lm, &plan->lm);

	if (err < 0)
		return err;
	plan->weights = plan->lm->weights;
	if (!isnan(files->alpha))
		plan->weights.alpha = (float)files->alpha;
	if (!isnan(files->beta))
		plan->weights.beta = (float)files->beta;
	return 0;
}

int decoding_load(const struct decoding_files *files, const struct recognizer *recognizer,
		  struct decode_plan **out)
{
	const struct model_config *config = recognizer_config(recognizer);
	const struct vocab *vocab = recognizer_vocab(recognizer, 0);
	struct decode_plan *plan = decode_plan_create();
	int err = plan ? 0 : -ENOMEM;

	*out = NULL;
	if (err == 0 && files->hotwords && vocab)
		err = load_hotwords(files->hotwords, vocab, plan);
	if (err == 0 && files->lm)
		err = load_lm(files, plan);
	if (err == 0 && files->grammar && vocab)
		err = grammar_file_compile(files->grammar, vocab, &plan->grammar);
	if (err < 0) {
		decode_plan_release(plan);
		return err;
	}
	plan->beam = choose_beam(files->beam, plan);
	plan->commands.threshold = (float)files->threshold;
	plan->commit_delay = commit_frames(files->commit_delay,
					   (double)config->hop / (double)config->sampling_rate);
	*out = plan;
	return 0;
}

/* ---- a session's ---- */

int decoding_hotwords(const struct message_hotwords *list, const struct vocab *vocab,
		      struct hotwords **out, char reason[DECODING_REASON_BYTES])
{
	struct hotword *items = calloc(list->n + 1, sizeof(*items));
	struct hotwords_error error;
	int err;

	*out = NULL;
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		items[i] = (struct hotword){
			.phrase = list->list[i].phrase,
			.weight = isnan(list->list[i].weight) ? HOTWORDS_WEIGHT
							      : (float)list->list[i].weight,
		};
	err = hotwords_compile(vocab, items, list->n, out, &error);
	free(items);
	if (err == -EINVAL || err == -E2BIG) {
		snprintf(reason, DECODING_REASON_BYTES, "hotwords[%zu]: %s", error.phrase,
			 error.message);
		return -EINVAL;
	}
	return err;
}

void decoding_commands_drop(struct decoding_commands *commands)
{
	grammar_unref(commands->grammar);
	*commands = (struct decoding_commands){0};
}

static int compile_phrases(const struct message_grammar *message, const struct vocab *vocab,
			   const struct grammar_limits *limits, struct decoding_commands *out,
			   struct grammar_error *error)
{
	size_t bytes = 0;

	for (size_t i = 0; i < message->n_phrases; i++)
		bytes += strlen(message->phrases[i]) + 1;
	if (message->n_phrases == 0)
		return 0;
	if (bytes > LIMIT_GRAMMAR_BYTES) {
		*error = (struct grammar_error){0};
		snprintf(error->message, sizeof(error->message), "more than %d bytes",
			 LIMIT_GRAMMAR_BYTES);
		return -E2BIG;
	}
	return grammar_compile_phrases_within(vocab, limits, message->phrases, message->n_phrases,
					      &out->grammar, error);
}

static int compile_text(const char *text, const struct vocab *vocab,
			const struct grammar_limits *limits, struct decoding_commands *out,
			struct grammar_error *error)
{
	size_t bytes = strlen(text);

	if (bytes == 0)
		return 0;
	if (bytes > LIMIT_GRAMMAR_BYTES) {
		*error = (struct grammar_error){0};
		snprintf(error->message, sizeof(error->message), "more than %d bytes",
			 LIMIT_GRAMMAR_BYTES);
		return -E2BIG;
	}
	return grammar_compile_within(vocab, limits, text, bytes, &out->grammar, error);
}

int decoding_commands(const struct message_grammar *message, const struct vocab *vocab,
		      struct decoding_commands *out, char reason[DECODING_REASON_BYTES])
{
	static const struct grammar_limits limits = {
		.nodes = LIMIT_GRAMMAR_NODES,
		.states = LIMIT_GRAMMAR_STATES,
		.work = LIMIT_GRAMMAR_WORK,
	};
	const char *field = message->text ? "grammar" : "phrases";
	struct grammar_error error;
	int err;

	*out = (struct decoding_commands){.given = true};
	err = message->text ? compile_text(message->text, vocab, &limits, out, &error)
			    : compile_phrases(message, vocab, &limits, out, &error);
	if (err != -EINVAL && err != -E2BIG)
		return err;
	if (error.line == 0)
		snprintf(reason, DECODING_REASON_BYTES, "%s: %s", field, error.message);
	else
		snprintf(reason, DECODING_REASON_BYTES, "%s:%zu:%zu: %s", field, error.line,
			 error.column, error.message);
	return -EINVAL;
}

static int refuse(char *reason, const char *text)
{
	snprintf(reason, DECODING_REASON_BYTES, "%s", text);
	return -EINVAL;
}

static int check(const struct decode_plan *base, const struct session_options *options,
		 const struct hotwords *hotwords, char *reason)
{
	bool greedy = (options->given & SESSION_BEAM) && options->beam == 1;

	if (greedy && (options->given & SESSION_NBEST) && options->nbest > 1)
		return refuse(reason, "beam: 1 is greedy decoding, which knows one hypothesis");
	if (greedy && hotwords && hotwords_states(hotwords) > 1)
		return refuse(reason, "beam: 1 is greedy decoding, which knows no hotwords");
	if ((options->given & SESSION_LM) && options->lm && !base->lm)
		return refuse(reason, "lm: the daemon has no language model");
	if (greedy && (options->given & SESSION_LM) && options->lm)
		return refuse(reason, "beam: 1 is greedy decoding, which knows no language model");
	return 0;
}

int decoding_plan(const struct decode_plan *base, const struct session_options *options,
		  struct hotwords *hotwords, const struct decoding_commands *commands,
		  double frame_s, struct decode_plan **out, char reason[DECODING_REASON_BYTES])
{
	struct decode_plan *plan;
	int err = check(base, options, hotwords, reason);

	*out = NULL;
	if (err < 0)
		return err;
	plan = decode_plan_create();
	if (!plan)
		return -ENOMEM;
	plan->tokens = base->tokens;
	plan->token_prune = base->token_prune;
	plan->beam_prune = base->beam_prune;
	plan->weights = base->weights;
	plan->commit_delay = base->commit_delay;
	if (!hotwords)
		hotwords = base->hotwords;
	if (hotwords && hotwords_states(hotwords) > 1) /* an empty list takes the settings' away */
		plan->hotwords = hotwords_hold(hotwords);
	if (!(options->given & SESSION_LM) || options->lm)
		plan->lm = plan_lm_hold(base->lm);
	struct grammar *grammar = commands->given ? commands->grammar : base->grammar;
	if (grammar)
		plan->grammar = grammar_ref(grammar);
	plan->commands = base->commands;
	if (options->given & SESSION_THRESHOLD)
		plan->commands.threshold = (float)options->threshold;
	if (options->given & SESSION_LM_ALPHA)
		plan->weights.alpha = (float)options->lm_alpha;
	if (options->given & SESSION_LM_BETA)
		plan->weights.beta = (float)options->lm_beta;
	if (options->given & SESSION_NBEST)
		plan->n_best = (size_t)options->nbest;
	if (options->given & SESSION_COMMIT_DELAY)
		plan->commit_delay = commit_frames(options->commit_delay, frame_s);
	if (options->given & SESSION_BEAM)
		plan->beam = (size_t)options->beam;
	else if (base->beam > 1)
		plan->beam = base->beam;
	else
		plan->beam = choose_beam(0, plan);
	*out = plan;
	return 0;
}
