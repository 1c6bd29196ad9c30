#include "tools/tool_model.h"

#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/kernels/pool.h"
#include "tools/options.h"

#include <errno.h>
#include <string.h>

static int load_vocab(struct tool_model *model, const char *dir, const char *language)
{
	struct tokenizer tokenizer;

	int error = tokenizer_load(dir, language, &tokenizer);
	if (error)
		return error;
	error = vocab_create(&tokenizer, -1, &model->vocab);
	tokenizer_finish(&tokenizer);
	return error;
}

int tool_model_open(const struct options *options, struct tool_model *model)
{
	const char *dir = options->arguments[0];

	memset(model, 0, sizeof(*model));
	int error = pool_create(options->threads, &model->pool);
	if (error) {
		log_error("cannot start %u threads: %s", options->threads, strerror(-error));
		return error;
	}
	error = acoustic_model_load(dir, model->pool, &model->acoustic);
	if (error)
		goto fail;
	model->config = acoustic_model_config(model->acoustic);
	if (options->language) {
		error = acoustic_model_adapter(model->acoustic, options->language);
		if (error < 0)
			goto fail;
		model->adapter = error;
	}
	model->width = acoustic_model_output_size(model->acoustic, model->adapter);
	error = 0;
	if (model->config->head == HEAD_CTC)
		error = load_vocab(model, dir, options->language);
	if (error)
		goto fail;
	return 0;
fail:
	tool_model_close(model);
	return error;
}

void tool_model_close(struct tool_model *model)
{
	vocab_destroy(model->vocab);
	acoustic_model_destroy(model->acoustic);
	pool_destroy(model->pool);
	memset(model, 0, sizeof(*model));
}

int tool_model_require_head(const struct tool_model *model, const char *dir, enum model_head head)
{
	if (model->config->head == head)
		return 0;
	log_error("%s: this model has no %s head", dir,
		  head == HEAD_CTC ? "CTC" : "sequence classification");
	return -EINVAL;
}

int tool_model_run(const struct tool_model *model, struct acoustic_offline *offline,
		   const float *samples, size_t n, const struct acoustic_tap *tap)
{
	int error = acoustic_offline_begin(offline, samples, n, model->adapter, tap);

	if (error) {
		log_error("no memory for %zu samples at once", n);
		return error;
	}
	while (acoustic_offline_advance(offline))
		;
	return 0;
}

double tool_model_seconds(const struct tool_model *model, size_t frames)
{
	return (double)(frames * model->config->hop) / (double)model->config->sampling_rate;
}
