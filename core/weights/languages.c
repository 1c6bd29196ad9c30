#include "core/weights/languages.h"

#include "core/base/log.h"
#include "core/weights/json_file.h"
#include "core/weights/tokenizer.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list {
	char **names; /* owned, NULL-terminated once it has one */
	size_t n;
};

static bool holds(char *const *names, const char *name)
{
	while (names && *names && strcmp(*names, name) != 0)
		names++;
	return names && *names;
}

static int add(struct list *list, const char *name)
{
	char **names;

	if (holds(list->names, name))
		return 0;
	names = realloc(list->names, (list->n + 2) * sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	list->names = names;
	names[list->n] = strdup(name);
	if (names[list->n] == NULL)
		return -ENOMEM;
	names[++list->n] = NULL;
	return 0;
}

static int add_own(struct list *list, const char *dir)
{
	cJSON *config;
	int rc = json_file_read(dir, "tokenizer_config.json", &config);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(config, "target_lang");
	if (cJSON_IsString(own) && own->valuestring[0] != '\0')
		rc = add(list, own->valuestring);
	cJSON_Delete(config);
	return rc;
}

/* Cuts the language out of an adapter's file name; false where it is not one
 * that acoustic_model_adapter takes. */
static bool cut_language(char *name)
{
	static const char before[] = "adapter.", behind[] = ".safetensors";
	size_t n = strlen(name), first = sizeof(before) - 1, last = sizeof(behind) - 1;

	if (n <= first + last || strncmp(name, before, first) != 0 ||
	    strcmp(name + n - last, behind) != 0)
		return false;
	n -= first + last;
	memmove(name, name + first, n);
	name[n] = '\0';
	for (const char *c = name; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `known`: the languages of the vocabulary; none: one vocabulary for all. */
static int add_adapters(struct list *list, const char *dir, char *const *known)
{
	size_t own = list->n;
	struct dirent *entry;
	DIR *files = opendir(dir);
	int rc = 0;

	if (files == NULL) {
		rc = -errno;
		log_error("%s: %s", dir, strerror(-rc));
		return rc;
	}
	while (rc == 0 && (entry = readdir(files)) != NULL) {
		if (cut_language(entry->d_name) &&
		    (known[0] == NULL || holds(known, entry->d_name)))
			rc = add(list, entry->d_name);
	}
	closedir(files);
	/* The order of a directory is nobody's. */
	if (list->n > own)
		qsort(list->names + own, list->n - own, sizeof(*list->names), compare);
	return rc;
}

int languages_read(const char *dir, const char *chosen, bool adapters, char ***names)
{
	struct list list = {0};
	char **known = NULL;
	int rc = tokenizer_languages(dir, &known);

	*names = NULL;
	if (rc >= 0)
		rc = chosen != NULL && chosen[0] != '\0' ? add(&list, chosen) : add_own(&list, dir);
	if (rc == 0 && adapters)
		rc = add_adapters(&list, dir, known);
	tokenizer_free_languages(known);
	if (rc < 0) {
		tokenizer_free_languages(list.names);
		return rc;
	}
	*names = list.names;
	return (int)list.n;
}
