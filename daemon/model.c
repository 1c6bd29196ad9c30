#include "daemon/model.h"

#include "core/base/log.h"
#include "daemon/limits.h"
#include "daemon/wake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MODEL_LANGUAGES = 64, /* languages advertised at most */
	MODEL_WINDOW = 256,   /* frames of a step, unless more is asked for */
	MODEL_NAME_BYTES = 128,
};

struct model {
	struct daemon *daemon;
	void (*loaded)(struct daemon *daemon, int err);
	uv_work_t work;
	bool busy, again;

	/* of the load under way; worker thread */
	struct recognizer_options options;
	char *dir;      /* owned */
	char *language; /* owned */
	struct recognizer *recognizer;
	int err;

	/* in force */
	bool ready;
	char name[MODEL_NAME_BYTES];
	unsigned rate, hop;
	long left, chunk, right;
	enum final_mode final;
	const char *languages[MODEL_LANGUAGES];
	size_t n_languages;
	char *language_names; /* owned storage */
};

/* Closing a large model takes a while; it owns its memory until done. */
struct retirement {
	uv_work_t work;
	struct recognizer *recognizer;
};

static void retire_work(uv_work_t *work)
{
	recognizer_close(((struct retirement *)work->data)->recognizer);
}

static void retire_done(uv_work_t *work, int status)
{
	(void)status;
	log_info("the replaced model is unloaded");
	free(work->data);
}

static void retire(void *ctx, struct recognizer *recognizer, struct keywords *keywords)
{
	struct model *model = ctx;
	struct retirement *retirement;

	if (keywords) {
		wake_retire(model->daemon->wake, keywords);
		return;
	}
	retirement = calloc(1, sizeof(*retirement));
	if (!retirement) {
		recognizer_close(recognizer);
		return;
	}
	retirement->recognizer = recognizer;
	retirement->work.data = retirement;
	if (uv_queue_work(model->daemon->loop, &retirement->work, retire_work, retire_done) < 0) {
		recognizer_close(recognizer);
		free(retirement);
	}
}

int model_create(struct daemon *daemon, void (*loaded)(struct daemon *daemon, int err),
		 struct model **out)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		return -ENOMEM;
	model->daemon = daemon;
	model->loaded = loaded;
	model->work.data = model;
	engine_on_retired(daemon->engine, retire, model);
	*out = model;
	return 0;
}

void model_destroy(struct model *model)
{
	if (!model)
		return;
	free(model->dir);
	free(model->language);
	free(model->language_names);
	free(model);
}

/* ---- loading ---- */

static void load_work(uv_work_t *work)
{
	struct model *model = work->data;

	model->err = recognizer_open(&model->options, &model->recognizer);
}

static void take_name(struct model *model)
{
	size_t n = strlen(model->dir);

	while (n > 1 && model->dir[n - 1] == '/')
		n--;
	const char *begin = model->dir + n;
	while (begin > model->dir && begin[-1] != '/')
		begin--;
	n -= (size_t)(begin - model->dir);
	if (n >= sizeof(model->name))
		n = sizeof(model->name) - 1;
	memcpy(model->name, begin, n);
	model->name[n] = '\0';
}

/* The names that the recognizer knows, copied: it belongs to the engine soon. */
static void take_languages(struct model *model)
{
	const char *names[MODEL_LANGUAGES];
	size_t n = 0, bytes = 0;

	while (n < MODEL_LANGUAGES &&
	       (names[n] = recognizer_language_name(model->recognizer, (int)n)))
		bytes += strlen(names[n++]) + 1;
	free(model->language_names);
	model->language_names = malloc(bytes ? bytes : 1);
	model->n_languages = 0;
	char *at = model->language_names;
	for (size_t i = 0; at && i < n; i++) {
		model->languages[model->n_languages++] = strcpy(at, names[i]);
		at += strlen(at) + 1;
	}
}

static int take_model(struct model *model)
{
	const struct model_config *config = recognizer_config(model->recognizer);

	if (config->head != HEAD_CTC) {
		log_error("%s: not a model for speech recognition (it has no CTC head)",
			  model->dir);
		return -ENOTSUP;
	}
	if (model->ready && config->sampling_rate != model->rate) {
		log_error("%s: its sampling rate is %zu Hz; changing from %u Hz needs a restart",
			  model->dir, config->sampling_rate, model->rate);
		return -EINVAL;
	}
	take_languages(model);
	int err = engine_set_model(model->daemon->engine, model->recognizer);
	if (err < 0) {
		log_error("%s: earlier models are still in use", model->dir);
		return err;
	}
	take_name(model);
	model->rate = (unsigned)config->sampling_rate;
	model->hop = (unsigned)config->hop;
	model->left = config->left;
	model->chunk = config->chunk;
	model->right = config->right;
	model->final = config->final_mode;
	model->ready = true;
	model->recognizer = NULL;
	return 0;
}

static void load_done(uv_work_t *work, int status)
{
	struct model *model = work->data;
	int err = status < 0 ? status : model->err;

	model->busy = false;
	if (err == 0)
		err = take_model(model);
	if (err == 0)
		log_info("model %s is loaded", model->dir);
	else if (model->recognizer)
		recognizer_close(model->recognizer);
	model->recognizer = NULL;
	model->loaded(model->daemon, err);
	if (model->again && !model->daemon->stopping) {
		model->again = false;
		model_load(model);
	}
}

void model_load(struct model *model)
{
	const struct settings *settings = &model->daemon->settings;

	if (model->busy) {
		model->again = true;
		return;
	}
	free(model->dir);
	free(model->language);
	model->dir = strdup(settings->model);
	model->language = settings->language ? strdup(settings->language) : NULL;
	model->options = (struct recognizer_options){
		.model_dir = model->dir,
		.threads = (unsigned)settings->threads,
		.weights = (enum weight_type)settings->weights,
		.language = model->language,
		.max_streams = LIMIT_BATCH,
	};
	if (settings->streaming_given && settings->chunk + settings->right > MODEL_WINDOW)
		model->options.max_window = (size_t)(settings->chunk + settings->right);
	/* Clients that ask early are told what is coming. */
	if (model->dir && !model->ready)
		take_name(model);
	model->busy = true;
	model->err = -ENOMEM;
	if (!model->dir ||
	    uv_queue_work(model->daemon->loop, &model->work, load_work, load_done) < 0)
		load_done(&model->work, 0);
}

bool model_busy(const struct model *model)
{
	return model->busy;
}

/* ---- what it is ---- */

bool model_ready(const struct model *model)
{
	return model->ready;
}

const char *model_name(const struct model *model)
{
	return model->name;
}

unsigned model_rate(const struct model *model)
{
	return model->rate;
}

unsigned model_hop(const struct model *model)
{
	return model->hop;
}

void model_context(const struct model *model, long *left, long *chunk, long *right)
{
	const struct settings *settings = &model->daemon->settings;

	*left = settings->streaming_given ? settings->left : model->left;
	*chunk = settings->streaming_given ? settings->chunk : model->chunk;
	*right = settings->streaming_given ? settings->right : model->right;
}

bool model_final_stream(const struct model *model)
{
	int final = model->daemon->settings.final;

	return final == SETTING_FINAL_MODEL ? model->final == FINAL_STREAM
					    : final == SETTING_FINAL_STREAM;
}

const char *const *model_languages(const struct model *model, size_t *n)
{
	static const char *const fallback[] = {"en"};
	const struct string_list *given = &model->daemon->settings.languages;

	if (given->n > 0) {
		*n = given->n;
		return (const char *const *)given->items;
	}
	*n = model->n_languages ? model->n_languages : 1;
	return model->n_languages ? model->languages : fallback;
}
