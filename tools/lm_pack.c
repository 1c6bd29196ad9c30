/*
 * `heard-model lm-pack`: an ARPA language model in the form that is mapped and
 * used as it lies on the disk. What was written is opened once, so that a file
 * that this command leaves behind can be used.
 */
#include "core/decode/lm_pack.h"
#include "core/decode/lm.h"
#include "tools/commands.h"
#include "tools/json_out.h"
#include "tools/memory.h"
#include "tools/output_file.h"

#include <stdio.h>

static int write_packed(const struct lm_packed *packed, const char *path)
{
	struct output_file file;
	int error = output_file_open(&file, path);

	if (!error)
		error = output_file_write(&file, packed->data, packed->size, 0);
	if (!error)
		error = output_file_finish(&file);
	output_file_close(&file);
	return error;
}

static void print_text(const struct lm_packed *packed)
{
	printf("order %u:", packed->order);
	for (unsigned k = 0; k < packed->order; k++)
		printf(" %u", packed->counts[k]);
	printf(" n-grams, %.1f MB\n", (double)packed->size / 1e6);
	if (packed->added > 0)
		printf("%u of them are contexts and endings that the file leaves out\n",
		       packed->added);
}

static void print_json(const struct lm_packed *packed, const struct options *options)
{
	struct json_out json = {.file = stdout};

	json_begin_object(&json, NULL);
	json_string(&json, "file", options->arguments[1]);
	json_integer(&json, "order", packed->order);
	json_begin_array(&json, "ngrams");
	for (unsigned k = 0; k < packed->order; k++)
		json_integer(&json, NULL, packed->counts[k]);
	json_end_array(&json);
	json_integer(&json, "added", packed->added);
	json_integer(&json, "bytes", (long long)packed->size);
	json_integer(&json, "peak_rss_bytes", (long long)memory_peak_bytes());
	json_end_object(&json);
	json_newline(&json);
}

static int run(const struct options *options)
{
	const char *path = options->arguments[1];
	struct lm_packed packed;
	struct lm *lm = NULL;

	int error = lm_pack(options->arguments[0], &packed);
	if (!error)
		error = write_packed(&packed, path);
	if (!error)
		error = lm_open(path, &lm);
	if (!error && options->json)
		print_json(&packed, options);
	else if (!error)
		print_text(&packed);
	lm_close(lm);
	lm_packed_finish(&packed);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command lm_pack_command = {
	.name = "lm-pack",
	.arguments = "ARPA OUT [options]",
	.summary = "Packs an ARPA language model (plain or gzip) for fast loading.",
	.min_arguments = 2,
	.max_arguments = 2,
	.options = OPTION_JSON,
	.run = run,
};
