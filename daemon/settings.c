#include "daemon/settings.h"

#include "daemon/limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.final = SETTING_FINAL_MODEL,
		.socket_mode = 0660,
		.max_clients = LIMIT_CLIENTS,
		.max_streams = LIMIT_STREAMS,
		.gate = true,
		.endpoint_silence_text = 0.8,
		.endpoint_silence_no_text = 2.4,
		.endpoint_max_length = 20,
		.commit_delay = 1.0,
		.lm_alpha = NAN,
		.lm_beta = NAN,
		.grammar_threshold = 0.5,
		.wake_threshold = 0.7,
		.wake_window = 1.0,
		.wake_hop = 0.1,
		.wake_refractory = 1.0,
		.log = LOG_LEVEL_INFO,
	};
}

void settings_finish(struct settings *settings)
{
	free(settings->model);
	free(settings->language);
	string_list_clear(&settings->languages);
	string_list_clear(&settings->listen);
	free(settings->socket_group);
	free(settings->source);
	free(settings->device);
	free(settings->dump);
	free(settings->hotwords);
	free(settings->lm);
	free(settings->grammar);
	free(settings->wake_model);
	string_list_clear(&settings->wake_ignore);
	memset(settings, 0, sizeof(*settings));
}

int string_list_add(struct string_list *list, const char *text, size_t length)
{
	char **items = realloc(list->items, (list->n + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->n] = strndup(text, length);
	if (!items[list->n])
		return -ENOMEM;
	list->n++;
	return 0;
}

void string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){0};
}

bool string_list_has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}
