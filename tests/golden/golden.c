/*
 * One fixture directory against the reference: golden DIR. Loads it through
 * core/acoustic and core/decode and compares everything that lies there, stage
 * by stage; prints TAP. See README.md for what the files mean.
 */
#include "tests/golden/golden.h"

#include "core/acoustic/acoustic.h"
#include "core/decode/vocab.h"
#include "core/kernels/pool.h"
#include "tests/golden/fixture.h"
#include "tests/golden/report.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The language of "expected.LANG.json", NULL for any other name. Owned. */
static char *language_of(const char *name)
{
	const char *prefix = "expected.", *suffix = ".json";
	size_t n = strlen(name), fixed = strlen(prefix) + strlen(suffix);

	if (n <= fixed || strncmp(name, prefix, strlen(prefix)) != 0 ||
	    strcmp(name + n - strlen(suffix), suffix) != 0)
		return NULL;
	return strndup(name + strlen(prefix), n - fixed);
}

static void check_language(const struct subject *subject, const char *language)
{
	int adapter = acoustic_model_adapter(subject->model, language);
	struct vocab *vocab;

	if (adapter < 0)
		fixture_die("the adapter of %s does not load", language);
	vocab = golden_vocab(subject, language);
	check_offline(subject, report_name("expected.%s", language), "input.wav", adapter, vocab);
	vocab_destroy(vocab);
}

/* attn_1s, short_N and expected.LANG: whatever the directory has. */
static void check_further_inputs(const struct subject *subject, const struct vocab *vocab)
{
	DIR *listing = opendir(subject->dir);

	if (!listing)
		fixture_die("cannot list %s", subject->dir);
	for (struct dirent *entry; (entry = readdir(listing));) {
		const char *name = entry->d_name;
		char *language = language_of(name);
		size_t stem = strlen(name) > 4 ? strlen(name) - 4 : 0;

		if (language)
			check_language(subject, language);
		free(language);
		if (strcmp(name + stem, ".wav") != 0 || strcmp(name, "input.wav") == 0)
			continue;
		check_offline(subject, report_name("%.*s", (int)stem, name), name, 0, vocab);
	}
	closedir(listing);
}

static void check_directory(const char *dir, const char *label, struct pool *pool)
{
	struct subject subject = {.dir = dir, .label = label};

	if (acoustic_model_load(dir, pool, WEIGHT_F32, &subject.model) < 0)
		fixture_die("%s does not load", dir);
	subject.config = acoustic_model_config(subject.model);
	struct vocab *vocab = golden_vocab(&subject, NULL);

	check_offline(&subject, "expected", "input.wav", 0, vocab);
	check_further_inputs(&subject, vocab);
	if (fixture_exists(dir, "decode.json"))
		check_decode(&subject, vocab);
	if (fixture_exists(dir, "streaming.json"))
		check_streaming(&subject, vocab);
	vocab_destroy(vocab);
	acoustic_model_destroy(subject.model);
}

int main(int argc, char **argv)
{
	struct pool *pool;

	if (argc != 2) {
		fprintf(stderr, "usage: golden FIXTURE_DIR\n");
		return 2;
	}
	if (pool_create(2, &pool) < 0)
		fixture_die("no thread pool");
	check_directory(argv[1], "", pool);
	/* A directory with both kinds of weights must give the same from either. */
	if (fixture_exists(argv[1], "model.safetensors") &&
	    fixture_exists(argv[1], "pytorch_model.bin")) {
		check_directory(fixture_copy(argv[1], "model.safetensors"), "pytorch_model.bin, ",
				pool);
	}
	pool_destroy(pool);
	return report_finish();
}
