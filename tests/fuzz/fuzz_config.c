/* config.json, preprocessor_config.json and heard.json, divided by 0xff. */
#include "core/weights/config_json.h"
#include "core/weights/json_file.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { FILES = 3 };
	struct piece pieces[FILES];
	cJSON *json[FILES] = {NULL};
	struct model_config config;
	int rc = 0;

	quiet_log();
	pieces_split(data, size, pieces, FILES);
	for (size_t i = 0; i < FILES && rc == 0; i++) {
		if (pieces[i].text)
			rc = json_parse(pieces[i].text, pieces[i].size, "fuzz", &json[i]);
	}
	if (rc == 0 && json[0] &&
	    config_from_json("fuzz", json[0], json[1], json[2], &config) == 0) {
		/* What code behind the reader relies on. */
		if (config.hop == 0 || config.field == 0 || config.n_labels == 0 ||
		    config.hidden_size % config.n_heads != 0 ||
		    config_frames(&config, config.field) != 1 ||
		    config_frames(&config, config.field - 1) != 0)
			abort();
		for (size_t i = 0; i < config.n_labels; i++) {
			if (config.labels[i] == NULL)
				abort();
		}
		config_finish(&config);
	}
	for (size_t i = 0; i < FILES; i++)
		cJSON_Delete(json[i]);
	return 0;
}
