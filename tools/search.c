#include "tools/search.h"

#include "core/base/log.h"
#include "core/decode/hotwords.h"
#include "core/language_model.h"
#include "tools/options.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <math.h>

static int read_hotwords(const struct options *options, const struct tool_model *model,
			 struct decode_plan *plan)
{
	struct hotwords_error error;
	int code = hotwords_read(model->vocab, options->hotwords, &plan->hotwords, &error);

	if (code && error.phrase > 0)
		log_error("%s:%zu: %s", options->hotwords, error.phrase, error.message);
	else if (code)
		log_error("%s: %s", options->hotwords, error.message);
	return code;
}

static int read_lm(const struct options *options, struct decode_plan *plan)
{
	int error = language_model_open(options->lm, &plan->lm);
	if (error)
		return error;
	plan->weights = plan->lm->weights;
	if (!isnan(options->lm_alpha))
		plan->weights.alpha = (float)options->lm_alpha;
	if (!isnan(options->lm_beta))
		plan->weights.beta = (float)options->lm_beta;
	return 0;
}

int search_plan(const struct options *options, const struct tool_model *model,
		struct decode_plan **out)
{
	int error = 0;

	*out = NULL;
	if (options->beam < 2 && !options->hotwords && !options->lm)
		return 0;
	struct decode_plan *plan = decode_plan_create();
	if (!plan)
		return -ENOMEM;
	plan->beam = options->beam > 0 ? options->beam : PLAN_BEAM;
	if (options->commit_delay > 0)
		plan->commit_delay =
			(size_t)ceil(options->commit_delay / tool_model_seconds(model, 1) - 1e-6);
	if (options->hotwords)
		error = read_hotwords(options, model, plan);
	if (!error && options->lm)
		error = read_lm(options, plan);
	if (error) {
		decode_plan_release(plan);
		return error;
	}
	*out = plan;
	return 0;
}
