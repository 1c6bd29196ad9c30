#include "tools/tool_model.h"

#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/kernels/pool.h"
#include "core/recognizer.h"
#include "tools/options.h"

#include <errno.h>
#include <string.h>

static int open_text(const struct options *options, struct tool_model *model)
{
	const struct recognizer_options recognizer_options = {
		.model_dir = options->arguments[0],
		.threads = options->threads,
		.weights = options->weights,
		.language = options->language,
		.max_streams = 1,
	};

	int error = recognizer_open(&recognizer_options, &model->recognizer);
	if (error)
		return error;
	model->acoustic = recognizer_model(model->recognizer);
	model->vocab = recognizer_vocab(model->recognizer, 0);
	if (!model->vocab) {
		log_error("%s: this model has no CTC head", options->arguments[0]);
		return -EINVAL;
	}
	return 0;
}

static int open_network(const struct options *options, struct tool_model *model)
{
	int error = pool_create(options->threads, &model->pool);
	if (error) {
		log_error("cannot start the threads: %s", strerror(-error));
		return error;
	}
	return acoustic_model_load(options->arguments[0], model->pool, options->weights,
				   &model->acoustic);
}

/* The language's adapter; it is loaded already where there is a recognizer. */
static int find_adapter(const struct options *options, struct tool_model *model)
{
	int adapter =
		options->language ? acoustic_model_adapter(model->acoustic, options->language) : 0;

	if (adapter < 0)
		return adapter;
	model->adapter = adapter;
	model->width = acoustic_model_output_size(model->acoustic, adapter);
	return 0;
}

int tool_model_open(const struct options *options, enum tool_model_kind kind,
		    struct tool_model *model)
{
	memset(model, 0, sizeof(*model));
	int error =
		kind == TOOL_MODEL_TEXT ? open_text(options, model) : open_network(options, model);
	if (!error) {
		model->config = acoustic_model_config(model->acoustic);
		error = find_adapter(options, model);
	}
	if (error)
		tool_model_close(model);
	return error;
}

void tool_model_close(struct tool_model *model)
{
	if (!model->recognizer)
		acoustic_model_destroy(model->acoustic);
	recognizer_close(model->recognizer);
	pool_destroy(model->pool);
	memset(model, 0, sizeof(*model));
}

int tool_model_run(const struct tool_model *model, struct acoustic_offline *offline,
		   const float *samples, size_t n, const struct acoustic_tap *tap)
{
	int error = acoustic_offline_begin(offline, samples, n, model->adapter, tap);

	if (error)
		return error;
	while (acoustic_offline_advance(offline))
		;
	return 0;
}

int tool_model_blank(const struct tool_model *model)
{
	int blank = model->config->pad_token_id;

	return blank >= 0 ? blank : vocab_blank(model->vocab);
}

struct window tool_model_window(const struct tool_model *model, const struct options *options)
{
	const struct model_config *config = model->config;

	if (options->window.chunk != 0)
		return options->window;
	return (struct window){config->left, config->chunk, config->right};
}

double tool_model_seconds(const struct tool_model *model, size_t frames)
{
	return (double)(frames * model->config->hop) / (double)model->config->sampling_rate;
}
