#include "core/language_model.h"

#include "core/base/log.h"
#include "core/decode/plan.h"
#include "core/weights/lm_directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool is_directory(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int open_file(const char *path, const char *unigrams, struct plan_lm **out)
{
	struct lm *lm;
	int error = lm_open(path, &lm);

	if (!error && unigrams)
		error = lm_know(lm, unigrams);
	if (error) {
		lm_close(lm);
		return error;
	}
	*out = plan_lm_create(lm);
	return *out ? 0 : -ENOMEM;
}

static int open_directory(const char *path, struct plan_lm **out)
{
	struct lm_directory directory;
	int error = lm_directory_load(path, &directory);

	if (error == -ENOENT)
		log_error("%s: no language_model/ and no attrs.json in this directory", path);
	if (!error)
		error = open_file(directory.model, directory.unigrams, out);
	if (!error) {
		struct plan_lm *lm = *out;

		lm->weights = (struct lm_weights){
			.alpha = (float)directory.alpha,
			.beta = (float)directory.beta,
			.unknown_offset = (float)directory.unk_score_offset,
			.boundary = directory.score_boundary,
		};
		lm->labels = directory.labels;
		lm->n_labels = directory.n_labels;
		directory.labels = NULL;
		directory.n_labels = 0;
	}
	lm_directory_finish(&directory);
	return error;
}

int language_model_open(const char *path, struct plan_lm **out)
{
	*out = NULL;
	return is_directory(path) ? open_directory(path, out) : open_file(path, NULL, out);
}

bool language_model_in(const char *model_dir)
{
	char *path = NULL;
	bool found = asprintf(&path, "%s/language_model", model_dir) >= 0 && is_directory(path);

	free(path);
	return found;
}
