#include "daemon/model.h"

#include "core/base/log.h"
#include "core/decode/vocab.h"
#include "core/weights/tokenizer.h"
#include "daemon/decoding.h"
#include "daemon/limits.h"
#include "daemon/wake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MODEL_WINDOW = 256, /* frames of a step, unless more is asked for */
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
	struct decoding_files files;
	struct recognizer *recognizer;
	struct decode_plan *loading;      /* held */
	struct vocab *loading_vocabulary; /* owned */
	char **loading_languages;         /* owned */
	char **loading_names;             /* owned; NULL: `names` are its own already */
	int err;

	/* in force */
	bool ready;
	unsigned count; /* models that were */
	char name[MODEL_NAME_BYTES];
	unsigned rate, hop;
	long left, chunk, right;
	enum final_mode final;
	char **names;             /* owned, NULL-terminated: its languages; NULL: none */
	struct decode_plan *plan; /* held */
	/* Copies: the recognizer's belong to the engine. */
	char *vocabulary_dir;        /* owned */
	char **vocabulary_languages; /* owned, NULL-terminated: those with one of their own */
	struct vocab *vocabulary;    /* owned: of the default language */
	struct vocab *other;         /* owned: of the last other one asked for */
	char *other_language;        /* owned: its name */
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
	tokenizer_free_languages(model->names);
	decoding_files_finish(&model->files);
	decode_plan_release(model->plan);
	vocab_destroy(model->vocabulary);
	vocab_destroy(model->other);
	free(model->vocabulary_dir);
	tokenizer_free_languages(model->vocabulary_languages);
	free(model->other_language);
	free(model);
}

/* ---- loading ---- */

static void load_work(uv_work_t *work)
{
	struct model *model = work->data;

	model->err = recognizer_open(&model->options, &model->recognizer);
	if (model->err == 0)
		model->err = decoding_load(&model->files, model->recognizer, &model->loading);
	if (model->err == 0 && model->ready) {
		int n = recognizer_languages(model->dir, model->language, &model->loading_names);
		model->err = n < 0 ? n : 0;
	}
	if (model->err < 0 || recognizer_config(model->recognizer)->head != HEAD_CTC)
		return;
	model->err = recognizer_load_vocab(model->dir, model->language, &model->loading_vocabulary);
	if (model->err == 0)
		tokenizer_languages(model->dir, &model->loading_languages);
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

static void take_languages(struct model *model)
{
	if (!model->ready)
		return;
	tokenizer_free_languages(model->names);
	model->names = model->loading_names;
	model->loading_names = NULL;
}

static void take_search(struct model *model)
{
	model->count++;
	decode_plan_release(model->plan);
	vocab_destroy(model->vocabulary);
	vocab_destroy(model->other);
	free(model->vocabulary_dir);
	free(model->other_language);
	model->plan = model->loading;
	model->vocabulary = model->loading_vocabulary;
	model->vocabulary_dir = strdup(model->dir);
	tokenizer_free_languages(model->vocabulary_languages);
	model->vocabulary_languages = model->loading_languages;
	model->loading_languages = NULL;
	model->other = NULL;
	model->other_language = NULL;
	model->loading = NULL;
	model->loading_vocabulary = NULL;
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
	int err = engine_set_model(model->daemon->engine, model->recognizer);
	if (err < 0) {
		log_error("%s: earlier models are still in use", model->dir);
		return err;
	}
	take_name(model);
	take_languages(model);
	take_search(model);
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
	decode_plan_release(model->loading);
	vocab_destroy(model->loading_vocabulary);
	tokenizer_free_languages(model->loading_languages);
	tokenizer_free_languages(model->loading_names);
	model->loading_languages = model->loading_names = NULL;
	model->loading = NULL;
	model->loading_vocabulary = NULL;
	model->recognizer = NULL;
	model->loaded(model->daemon, err);
	if (model->again && !model->daemon->stopping) {
		model->again = false;
		model_load(model);
	}
}

/* Clients that ask early are told what is coming: Home Assistant asks once. The
 * files are few and small, and read here, so that no client comes before. */
static int foretell(struct model *model)
{
	take_name(model);
	tokenizer_free_languages(model->names);
	return recognizer_languages(model->dir, model->language, &model->names);
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
	decoding_files_finish(&model->files);
	int copied = decoding_files_copy(settings, &model->files);
	model->options = (struct recognizer_options){
		.model_dir = model->dir,
		.threads = (unsigned)settings->threads,
		.weights = (enum weight_type)settings->weights,
		.language = model->language,
		.max_streams = LIMIT_BATCH,
	};
	if (settings->streaming_given && settings->chunk + settings->right > MODEL_WINDOW)
		model->options.max_window = (size_t)(settings->chunk + settings->right);
	model->busy = true;
	int err = model->dir && copied >= 0 ? 0 : -ENOMEM;
	if (err == 0 && !model->ready)
		err = foretell(model);
	model->err = err < 0 ? err : -ENOMEM; /* of uv_queue_work */
	if (err < 0 || uv_queue_work(model->daemon->loop, &model->work, load_work, load_done) < 0)
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

unsigned model_count(const struct model *model)
{
	return model->count;
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

struct decode_plan *model_plan(const struct model *model)
{
	return model->plan;
}

const struct vocab *model_vocab(struct model *model, const char *language)
{
	char **named = model->vocabulary_languages;

	while (named && *named && strcmp(*named, language) != 0)
		named++;
	if (!named || !*named || !model->vocabulary_dir)
		return model->vocabulary;
	if (model->other_language && strcmp(language, model->other_language) == 0)
		return model->other ? model->other : model->vocabulary;
	vocab_destroy(model->other);
	free(model->other_language);
	model->other = NULL;
	model->other_language = strdup(language);
	recognizer_load_vocab(model->vocabulary_dir, language, &model->other);
	return model->other ? model->other : model->vocabulary;
}

const char *const *model_languages(const struct model *model, size_t *n)
{
	static const char *const fallback[] = {"en"};
	const struct string_list *given = &model->daemon->settings.languages;

	if (given->n > 0) {
		*n = given->n;
		return (const char *const *)given->items;
	}
	*n = 0;
	while (model->names && model->names[*n])
		++*n;
	if (*n > 0)
		return (const char *const *)model->names;
	*n = 1;
	return fallback;
}
