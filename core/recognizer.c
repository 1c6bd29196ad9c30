#include "core/recognizer.h"

#include "core/base/log.h"
#include "core/kernels/pool.h"
#include "core/recognizer_state.h"
#include "core/weights/languages.h"
#include "core/weights/tokenizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_STREAMS = 16,
	DEFAULT_WINDOW = 256,
	MAX_STREAMS = 64,   /* of acoustic_batch_create */
	COMMON_LEFT = 1536, /* 30 s of 20 ms: left context that several streams share scratch for */
};

/* ---- languages ---- */

static void language_destroy(struct language *language)
{
	if (language == NULL)
		return;
	vocab_destroy(language->vocab);
	free(language->name);
	free(language);
}

/* found, where not NULL: the vocabulary's own name of its language, owned, NULL without. */
static int load_vocab(const char *dir, const struct model_config *config, const char *name,
		      struct vocab **out, char **found)
{
	struct tokenizer tokenizer;
	int blank = -1;
	int error = tokenizer_load(dir, name, &tokenizer);

	if (error < 0)
		return error;
	/* A tokenizer without a pad token could not name the blank. */
	if (tokenizer.pad_id < 0 && config->pad_token_id >= 0 &&
	    (size_t)config->pad_token_id < tokenizer.n_tokens)
		blank = config->pad_token_id;
	error = vocab_create(&tokenizer, blank, out);
	if (error == 0)
		vocab_set_confidence(*out, config->confidence_scale, config->confidence_shift);
	if (error == 0 && found != NULL) {
		*found = tokenizer.language;
		tokenizer.language = NULL;
	}
	tokenizer_finish(&tokenizer);
	return error;
}

static int language_vocab(const struct recognizer *recognizer, struct language *language,
			  const char *name)
{
	char *own = NULL;
	int error = load_vocab(recognizer->dir, recognizer->config, name, &language->vocab, &own);

	if (error == 0 && name != NULL) {
		language->name = strdup(name);
		if (language->name == NULL)
			error = -ENOMEM;
		free(own);
	} else {
		language->name = own;
	}
	return error;
}

/* Loads the adapter (name NULL: the checkpoint as it stands) and the vocabulary. */
static int language_create(struct recognizer *recognizer, const char *name, struct language **out)
{
	struct language *language = calloc(1, sizeof(*language));
	int error = 0;

	*out = NULL;
	if (language == NULL)
		return -ENOMEM;
	if (name != NULL) {
		language->adapter = acoustic_model_adapter(recognizer->model, name);
		error = language->adapter < 0 ? language->adapter : 0;
	}
	if (error == 0 && recognizer->config->head == HEAD_CTC)
		error = language_vocab(recognizer, language, name);
	if (error < 0) {
		language_destroy(language);
		return error;
	}
	*out = language;
	return 0;
}

static int language_add(struct recognizer *recognizer, const char *name)
{
	struct language **languages =
		realloc(recognizer->languages, (recognizer->n_languages + 1) * sizeof(*languages));
	int error;

	if (languages == NULL)
		return -ENOMEM;
	recognizer->languages = languages;
	error = language_create(recognizer, name, &languages[recognizer->n_languages]);
	if (error < 0)
		return error;
	return (int)recognizer->n_languages++;
}

int recognizer_language(struct recognizer *recognizer, const char *language)
{
	if (language == NULL || language[0] == '\0')
		return 0;
	/* A default that nobody chose is the checkpoint's own head: the adapter of
	 * the same name may be another one. */
	for (size_t i = 0; i < recognizer->n_languages; i++) {
		const struct language *known = recognizer->languages[i];

		if (known->adapter > 0 && strcmp(known->name, language) == 0)
			return (int)i;
	}
	return language_add(recognizer, language);
}

static const struct language *language_at(const struct recognizer *recognizer, int index)
{
	return index >= 0 && (size_t)index < recognizer->n_languages ? recognizer->languages[index]
								     : NULL;
}

int recognizer_load_vocab(const char *model_dir, const char *language, struct vocab **out)
{
	struct model_config config;
	int error = config_load(model_dir, &config);

	*out = NULL;
	if (error < 0)
		return error;
	error = load_vocab(model_dir, &config, language, out, NULL);
	config_finish(&config);
	return error;
}

int recognizer_languages(const char *model_dir, const char *language, char ***names)
{
	struct model_config config;
	int result = config_load(model_dir, &config);

	*names = NULL;
	if (result < 0)
		return result;
	/* As acoustic_model_adapter has it. */
	if (config.head == HEAD_CTC)
		result = languages_read(model_dir, language,
					config.adapter_attn_dim > 0 && config.stable_layer_norm,
					names);
	config_finish(&config);
	return result;
}

const char *recognizer_language_name(const struct recognizer *recognizer, int index)
{
	const struct language *language = language_at(recognizer, index);

	return language != NULL ? language->name : NULL;
}

const struct vocab *recognizer_vocab(const struct recognizer *recognizer, int language)
{
	const struct language *known = language_at(recognizer, language);

	return known != NULL ? known->vocab : NULL;
}

/* ---- open and close ---- */

static size_t at_most(size_t value, size_t most)
{
	return value < most ? value : most;
}

int recognizer_open(const struct recognizer_options *options, struct recognizer **out)
{
	struct recognizer *recognizer = calloc(1, sizeof(*recognizer));
	int error = -ENOMEM;

	*out = NULL;
	if (recognizer == NULL)
		return -ENOMEM;
	recognizer->max_streams = options->max_streams > 0
					  ? at_most(options->max_streams, MAX_STREAMS)
					  : DEFAULT_STREAMS;
	recognizer->max_window = options->max_window > 0 ? options->max_window : DEFAULT_WINDOW;
	recognizer->dir = strdup(options->model_dir);
	if (recognizer->dir != NULL)
		error = pool_create(options->threads, &recognizer->pool);
	if (error == 0)
		error = acoustic_model_load(options->model_dir, recognizer->pool, options->weights,
					    &recognizer->model);
	if (error == 0) {
		const char *name = options->language;

		recognizer->config = acoustic_model_config(recognizer->model);
		error = language_add(recognizer, name != NULL && name[0] != '\0' ? name : NULL);
	}
	if (error < 0) {
		recognizer_close(recognizer);
		return error;
	}
	*out = recognizer;
	return 0;
}

void recognizer_close(struct recognizer *recognizer)
{
	if (recognizer == NULL)
		return;
	acoustic_offline_destroy(recognizer->offline);
	acoustic_batch_destroy(recognizer->common.batch);
	acoustic_batch_destroy(recognizer->wide.batch);
	for (size_t i = 0; i < recognizer->n_languages; i++)
		language_destroy(recognizer->languages[i]);
	free(recognizer->languages);
	acoustic_model_destroy(recognizer->model);
	pool_destroy(recognizer->pool);
	free(recognizer->dir);
	free(recognizer);
}

const struct model_config *recognizer_config(const struct recognizer *recognizer)
{
	return recognizer->config;
}

struct acoustic_model *recognizer_model(struct recognizer *recognizer)
{
	return recognizer->model;
}

/* ---- steps ---- */

static bool batch_fits(const struct recognizer_batch *batch, size_t window, size_t left)
{
	return batch->batch != NULL && window <= batch->window && left <= batch->left;
}

static int batch_reserve(struct recognizer *recognizer, struct recognizer_batch *batch,
			 size_t streams, size_t window, size_t left)
{
	struct acoustic_batch *larger;
	int error;

	if (batch_fits(batch, window, left))
		return 0;
	window = window > batch->window ? window : batch->window;
	left = left > batch->left ? left : batch->left;
	error = acoustic_batch_create(recognizer->model, streams, window, left, &larger);
	if (error < 0) {
		log_error("no memory for steps of %zu frames", window);
		return error;
	}
	acoustic_batch_destroy(batch->batch);
	*batch = (struct recognizer_batch){larger, streams, window, left};
	return 0;
}

int recognizer_reserve(struct recognizer *recognizer, size_t window, size_t left)
{
	if (window <= recognizer->max_window && left <= COMMON_LEFT)
		return batch_reserve(recognizer, &recognizer->common, recognizer->max_streams,
				     recognizer->max_window, COMMON_LEFT);
	return batch_reserve(recognizer, &recognizer->wide, 1, window, left);
}

void recognizer_step(struct recognizer *recognizer, struct recognizer_stream *const *streams,
		     size_t n)
{
	struct acoustic_stream *together[MAX_STREAMS];
	const struct recognizer_batch *common = &recognizer->common;
	size_t n_together = 0;

	for (size_t i = 0; i < n; i++) {
		struct acoustic_stream *acoustic = streams[i]->acoustic;

		if (!batch_fits(common, streams[i]->window[0], streams[i]->left[0])) {
			acoustic_step(recognizer->wide.batch, &acoustic, 1);
			continue;
		}
		together[n_together++] = acoustic;
		if (n_together == common->streams) {
			acoustic_step(common->batch, together, n_together);
			n_together = 0;
		}
	}
	if (n_together > 0)
		acoustic_step(common->batch, together, n_together);
	for (size_t i = 0; i < n; i++)
		stream_stepped(streams[i]);
}
