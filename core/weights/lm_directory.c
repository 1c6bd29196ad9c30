#include "core/weights/lm_directory.h"

#include "core/base/log.h"
#include "core/base/mapping.h"
#include "core/weights/config_reader.h"
#include "core/weights/json_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char FOLDER[] = "language_model";
static const char ATTRS[] = "attrs.json";
static const char UNIGRAMS[] = "unigrams.txt";
static const char ALPHABET[] = "alphabet.json";

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), width = strlen(suffix);

	return n > width && strcmp(name + n - width, suffix) == 0;
}

/* Whether there is a file (or folder) of the kind: S_IFREG or S_IFDIR. */
static bool exists(const char *dir, const char *name, mode_t kind)
{
	char *path = mapping_path(dir, name);
	struct stat info;
	bool found = path != NULL && stat(path, &info) == 0 && (info.st_mode & S_IFMT) == kind;

	free(path);
	return found;
}

/* ---- the model's file ---- */

/* 0: no model at all. */
static int rank_of(const char *name)
{
	if (name[0] == '.' || strncmp(name, "__", 2) == 0 || strcmp(name, ATTRS) == 0 ||
	    strcmp(name, UNIGRAMS) == 0 || strcmp(name, ALPHABET) == 0)
		return 0;
	if (ends_in(name, ".lm"))
		return 3;
	return ends_in(name, ".arpa") || ends_in(name, ".gz") ? 2 : 1;
}

static int choose_model(const char *folder, struct lm_directory *out)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char best[NAME_MAX + 1] = "", also[NAME_MAX + 1] = "";
	int best_rank = 1;

	if (dir == NULL) {
		int error = errno;

		log_error("%s: cannot list: %s", folder, strerror(error));
		return -error;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		int rank = rank_of(name);

		if (rank < best_rank || !exists(folder, name, S_IFREG))
			continue;
		/* What a better one replaces leaves no doubt behind. */
		strcpy(also, rank > best_rank ? "" : best);
		strcpy(best, name);
		best_rank = rank;
	}
	closedir(dir);
	if (best[0] == '\0' || also[0] != '\0') {
		if (best[0] == '\0')
			log_error("%s: no language model beside %s", folder, ATTRS);
		else
			log_error("%s: '%s' or '%s'? one language model is expected", folder,
				  strcmp(best, also) < 0 ? best : also,
				  strcmp(best, also) < 0 ? also : best);
		return -EINVAL;
	}
	out->model = mapping_path(folder, best);
	return out->model ? 0 : -ENOMEM;
}

/* ---- attrs.json ---- */

static int check_attrs(const cJSON *json, const char *label)
{
	static const char *const keys[] = {"alpha", "beta", "unk_score_offset", "score_boundary"};
	const cJSON *item;

	if (!cJSON_IsObject(json)) {
		log_error("%s: not an object", label);
		return -EINVAL;
	}
	/* As pyctcdecode does; a misspelled weight would go unnoticed. */
	cJSON_ArrayForEach(item, json)
	{
		size_t i = 0;

		while (i < sizeof(keys) / sizeof(keys[0]) && strcmp(item->string, keys[i]) != 0)
			i++;
		if (i == sizeof(keys) / sizeof(keys[0])) {
			log_error("%s: unknown key '%s'", label, item->string);
			return -EINVAL;
		}
	}
	return 0;
}

static int read_attrs(const char *folder, struct lm_directory *out)
{
	cJSON *json;
	int error = json_file_read(folder, ATTRS, &json);
	char *label;

	if (error == -ENOENT)
		return 0;
	if (error)
		return error;
	label = mapping_path(folder, ATTRS);
	error = label ? check_attrs(json, label) : -ENOMEM;
	if (!error) {
		struct config_reader reader = {.object = json, .file = label};

		out->alpha = config_read_number(&reader, "alpha", out->alpha, 0, 1e3);
		out->beta = config_read_number(&reader, "beta", out->beta, -1e3, 1e3);
		out->unk_score_offset = config_read_number(&reader, "unk_score_offset",
							   out->unk_score_offset, -1e6, 1e6);
		out->score_boundary =
			config_read_flag(&reader, "score_boundary", out->score_boundary);
		error = reader.error;
	}
	free(label);
	cJSON_Delete(json);
	return error;
}

/* ---- alphabet.json ---- */

static int copy_labels(const cJSON *labels, struct lm_directory *out)
{
	const cJSON *item;
	size_t n = (size_t)cJSON_GetArraySize(labels);

	out->labels = calloc(n + 1, sizeof(*out->labels));
	if (out->labels == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach(item, labels)
	{
		if (!cJSON_IsString(item))
			return -EINVAL;
		out->labels[out->n_labels] = strdup(item->valuestring);
		if (out->labels[out->n_labels] == NULL)
			return -ENOMEM;
		out->n_labels++;
	}
	return 0;
}

static int read_alphabet(const char *dir, struct lm_directory *out)
{
	const cJSON *labels;
	cJSON *json;
	int error = json_file_read(dir, ALPHABET, &json);

	if (error == -ENOENT)
		return 0;
	if (error)
		return error;
	labels = cJSON_GetObjectItemCaseSensitive(json, "labels");
	error = cJSON_IsArray(labels) ? copy_labels(labels, out) : -EINVAL;
	if (error == -EINVAL)
		log_error("%s/%s: key 'labels' is not a list of texts", dir, ALPHABET);
	cJSON_Delete(json);
	return error;
}

/* ---- all of it ---- */

static int load(const char *dir, struct lm_directory *out)
{
	bool inside = !exists(dir, FOLDER, S_IFDIR);
	char *folder = inside ? strdup(dir) : mapping_path(dir, FOLDER);
	int error;

	if (folder == NULL)
		return -ENOMEM;
	/* Any folder holds files; only these make it one of a language model. */
	if (inside && !exists(dir, ATTRS, S_IFREG) && !exists(dir, UNIGRAMS, S_IFREG)) {
		free(folder);
		return -ENOENT;
	}
	error = choose_model(folder, out);
	if (!error)
		error = read_attrs(folder, out);
	if (!error && !inside)
		error = read_alphabet(dir, out);
	if (!error && exists(folder, UNIGRAMS, S_IFREG)) {
		out->unigrams = mapping_path(folder, UNIGRAMS);
		error = out->unigrams ? 0 : -ENOMEM;
	}
	free(folder);
	return error;
}

int lm_directory_load(const char *dir, struct lm_directory *out)
{
	int error;

	*out = (struct lm_directory){
		.alpha = 0.5, .beta = 1.5, .unk_score_offset = -10, .score_boundary = true};
	error = load(dir, out);
	if (error)
		lm_directory_finish(out);
	return error;
}

void lm_directory_finish(struct lm_directory *directory)
{
	free(directory->model);
	free(directory->unigrams);
	for (size_t i = 0; i < directory->n_labels; i++)
		free(directory->labels[i]);
	free(directory->labels);
	*directory = (struct lm_directory){0};
}
