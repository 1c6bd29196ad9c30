#include "core/weights/phrase_list.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void phrase_list_free(char **phrases, size_t n)
{
	for (size_t i = 0; phrases && i < n; i++)
		free(phrases[i]);
	free(phrases);
}

static int copy_list(const cJSON *list, char ***phrases, size_t *n)
{
	const cJSON *item;
	char **out;
	size_t i = 0;

	if (!cJSON_IsArray(list))
		return -EINVAL;
	out = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(item))
			out[i] = strdup(item->valuestring);
		if (!out[i]) {
			phrase_list_free(out, i);
			return cJSON_IsString(item) ? -ENOMEM : -EINVAL;
		}
		i++;
	}
	*phrases = out;
	*n = i;
	return 0;
}

int phrase_list_parse(const char *text, char ***phrases, size_t *n)
{
	cJSON *list = cJSON_ParseWithOpts(text, NULL, 1);
	int error = copy_list(list, phrases, n);

	cJSON_Delete(list);
	return error;
}
