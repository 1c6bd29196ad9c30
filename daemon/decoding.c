#include "daemon/decoding.h"

#include "core/base/log.h"
#include "core/language_model.h"
#include "core/weights/config.h"

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
		.beam = settings->beam,
		.commit_delay = settings->commit_delay,
		.alpha = settings->lm_alpha,
		.beta = settings->lm_beta,
	};
	if ((settings->hotwords && !out->hotwords) || (settings->lm && !out->lm)) {
		decoding_files_finish(out);
		return -ENOMEM;
	}
	return 0;
}

void decoding_files_finish(struct decoding_files *files)
{
	free(files->hotwords);
	free(files->lm);
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
	return plan->hotwords || plan->lm ? PLAN_BEAM : 0;
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
	if (err < 0) {
		decode_plan_release(plan);
		return err;
	}
	plan->beam = choose_beam(files->beam, plan);
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

static int refuse(char *reason, const char *text)
{
	snprintf(reason, DECODING_REASON_BYTES, "%s", text);
	return -EINVAL;
}

static int check(const struct decode_plan *base, const struct session_options *options,
		 const struct hotwords *hotwords, char *reason)
{
	bool greedy = (options->given & SESSION_BEAM) && options->beam == 1;

	if (greedy && hotwords && hotwords_states(hotwords) > 1)
		return refuse(reason, "beam: 1 is greedy decoding, which knows no hotwords");
	if ((options->given & SESSION_LM) && options->lm && !base->lm)
		return refuse(reason, "lm: the daemon has no language model");
	if (greedy && (options->given & SESSION_LM) && options->lm)
		return refuse(reason, "beam: 1 is greedy decoding, which knows no language model");
	return 0;
}

int decoding_plan(const struct decode_plan *base, const struct session_options *options,
		  struct hotwords *hotwords, double frame_s, struct decode_plan **out,
		  char reason[DECODING_REASON_BYTES])
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
	if (options->given & SESSION_LM_ALPHA)
		plan->weights.alpha = (float)options->lm_alpha;
	if (options->given & SESSION_LM_BETA)
		plan->weights.beta = (float)options->lm_beta;
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
