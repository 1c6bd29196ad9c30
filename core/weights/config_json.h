/* The parts of config.c that work on parsed JSON: shared by its files and by
 * the fuzz target. */
#ifndef HEARD_WEIGHTS_CONFIG_JSON_H
#define HEARD_WEIGHTS_CONFIG_JSON_H

#include "core/weights/config.h"
#include "core/weights/config_reader.h"

/* Fills *config from the three objects of `dir` (the last two may be NULL).
 * As config_load. */
int config_from_json(const char *dir, const cJSON *config_json, const cJSON *preprocessor_json,
		     const cJSON *heard_json, struct model_config *config);

/* id2label, num_labels, problem_type and the other fields of the
 * classification head; allocates config->labels. */
void config_read_labels(struct config_reader *reader, struct model_config *config);

#endif
