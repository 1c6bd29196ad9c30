/*
 * The labels of a classification head. PretrainedConfig keeps id2label as a
 * dictionary and takes its size as num_labels; two made-up labels are the
 * default. `num_labels` in the file counts only where id2label is absent.
 */
#include "core/weights/config_json.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 1 << 16, DEFAULT_LABELS = 2 };

/* Decimal digits without sign or leading zero, below `limit`. */
static bool parse_id(const char *text, size_t limit, size_t *id)
{
	size_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (size_t)(*text - '0');
		if (value >= limit)
			return false;
	}
	*id = value;
	return true;
}

static void make_up_labels(struct config_reader *reader, struct model_config *config)
{
	size_t n = config_read_size(reader, "num_labels", DEFAULT_LABELS, 1, MAX_LABELS);

	if (reader->error)
		return;
	config->labels = calloc(n, sizeof(*config->labels));
	if (config->labels == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	config->n_labels = n;
	for (size_t i = 0; i < n; i++) {
		char name[32];
		snprintf(name, sizeof(name), "LABEL_%zu", i);
		config->labels[i] = strdup(name);
		if (config->labels[i] == NULL) {
			reader->error = -ENOMEM;
			return;
		}
	}
}

static void read_label_map(struct config_reader *reader, const cJSON *map,
			   struct model_config *config)
{
	size_t n = cJSON_IsObject(map) ? (size_t)cJSON_GetArraySize(map) : 0;
	const cJSON *item;

	if (n == 0 || n > MAX_LABELS) {
		config_refuse(reader, -EINVAL, "id2label", "must be an object of 1 to %d labels",
			      MAX_LABELS);
		return;
	}
	config->labels = calloc(n, sizeof(*config->labels));
	if (config->labels == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	config->n_labels = n;
	/* n distinct ids below n leave no hole. */
	cJSON_ArrayForEach(item, map)
	{
		size_t id;
		if (!parse_id(item->string, n, &id)) {
			config_refuse(reader, -EINVAL, "id2label",
				      "has the id '%s'; %zu labels must be numbered 0 to %zu",
				      item->string, n, n - 1);
			return;
		}
		if (!cJSON_IsString(item)) {
			config_refuse(reader, -EINVAL, "id2label", "has no text for id %zu", id);
			return;
		}
		config->labels[id] = strdup(item->valuestring);
		if (config->labels[id] == NULL) {
			reader->error = -ENOMEM;
			return;
		}
	}
	size_t given = config_read_size(reader, "num_labels", n, 0, MAX_LABELS);
	if (!reader->error && given != n)
		log_warn("%s: key 'num_labels' is %zu, but id2label has %zu labels, which count",
			 reader->file, given, n);
}

void config_read_labels(struct config_reader *reader, struct model_config *config)
{
	/* Regression has a mean squared error head of its own in the reference. */
	static const char *const problems[] = {"single_label_classification",
					       "multi_label_classification", NULL};

	if (config_read_item(reader, "problem_type"))
		config->multi_label = config_read_choice(reader, "problem_type", problems, 0) == 1;
	config->weighted_layer_sum = config_read_flag(reader, "use_weighted_layer_sum", false);
	config->classifier_proj_size =
		config_read_size(reader, "classifier_proj_size", 256, 1, 1 << 16);
	if (reader->error)
		return;
	const cJSON *map = config_read_item(reader, "id2label");
	if (map)
		read_label_map(reader, map, config);
	else
		make_up_labels(reader, config);
}
