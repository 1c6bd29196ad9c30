#include "tools/intent_truth.h"

#include "core/base/log.h"
#include "tools/edit_distance.h"
#include "tools/manifest.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FIELDS = 64 };

struct clip_truth {
	enum intent_kind kind;
	const char *text;   /* borrowed from a manifest */
	const char *intent; /* borrowed from the table; NULL: the phrase counts */
	cJSON *slots;       /* owned; with intent */
	char *phrase;       /* owned; without */
};

/* A line of slots.tsv; borrowed from intent_truth.table. */
struct row {
	const char *utt, *intent, *slots;
	size_t line;
};

struct intent_truth {
	char *path, *table; /* owned: slots.tsv, cut into fields; NULL: none */
	struct row *rows;   /* owned */
	size_t n_rows;
	struct clip_truth *clips;
	size_t n;
};

/* ---- transcripts ---- */

/* The phrase that a text is, in the case that the vocabulary has; 1, 0 or a
 * negative errno. */
static int read_as_phrase(const struct grammar *grammar, const struct vocab *vocab,
			  const char *text, struct grammar_phrase *phrase)
{
	size_t unknown;
	int *ids;

	int n = vocab_encode(vocab, text, &ids, &unknown);
	if (n < 0)
		return n;
	int error = unknown == 0 && n > 0 ? grammar_interpret(grammar, ids, (size_t)n, phrase)
					  : -EINVAL;
	free(ids);
	return error == -EINVAL ? 0 : error ? error : 1;
}

static int read_transcript(struct clip_truth *clip, const struct grammar *grammar,
			   const struct vocab *vocab, const char *transcript)
{
	struct grammar_phrase phrase;
	char *upper = edit_fold(transcript);
	char *lower = strdup(transcript);

	clip->text = transcript;
	if (transcript[strspn(transcript, " ")] == '\0') {
		free(upper);
		free(lower);
		return 0;
	}
	for (char *p = lower; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	int found = upper && lower ? 0 : -ENOMEM;
	if (!found)
		found = read_as_phrase(grammar, vocab, transcript, &phrase);
	if (!found)
		found = read_as_phrase(grammar, vocab, upper, &phrase);
	if (!found)
		found = read_as_phrase(grammar, vocab, lower, &phrase);
	free(upper);
	free(lower);
	if (found < 0)
		return found;
	clip->kind = found ? INTENT_COMMAND : INTENT_OTHER;
	if (found) {
		clip->phrase = phrase.text;
		phrase.text = NULL;
		grammar_phrase_finish(&phrase);
	}
	return 0;
}

/* ---- tables ---- */

/* Owned by the caller; NULL: cannot be read. */
static char *file_text(const char *path)
{
	FILE *file = fopen(path, "r"), *copy;
	char *text = NULL, block[4096];
	size_t size, n;

	copy = file ? open_memstream(&text, &size) : NULL;
	while (copy && (n = fread(block, 1, sizeof(block), file)) > 0)
		fwrite(block, 1, n, copy);
	if (file)
		fclose(file);
	if (copy && fclose(copy) != 0) {
		free(text);
		text = NULL;
	}
	return text;
}

/* slots.tsv beside the manifest, owned by the caller; NULL: none. */
static char *table_path(const struct manifest *manifest)
{
	const char *path = manifest_path(manifest), *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	char *table = NULL;

	if (asprintf(&table, "%.*sslots.tsv", folder, path) < 0)
		return NULL;
	if (access(table, R_OK) != 0) {
		free(table);
		return NULL;
	}
	return table;
}

/* Cuts a line at its tabs. Returns the fields found, at most `most`; the rest is dropped. */
static size_t cut_fields(char *line, char **fields, size_t most)
{
	size_t n = 0;

	for (char *field; (field = strsep(&line, "\t")) && n < most;)
		fields[n++] = field;
	return n;
}

static size_t find_field(char *const *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(fields[i], name) == 0)
			return i;
	}
	return SIZE_MAX;
}

/* Cuts the text of the table into rows. */
static int cut_rows(struct intent_truth *truth, char *text)
{
	char *fields[MAX_FIELDS], *line = strsep(&text, "\n");
	size_t n = cut_fields(line, fields, MAX_FIELDS), lines = 2;
	size_t utt = find_field(fields, n, "utt"), intent = find_field(fields, n, "intent");
	size_t slots = find_field(fields, n, "slots");

	if (utt == SIZE_MAX || intent == SIZE_MAX || slots == SIZE_MAX) {
		log_error("%s: columns utt, intent and slots are needed", truth->path);
		return -EINVAL;
	}
	for (size_t capacity = 0; (line = strsep(&text, "\n")); lines++) {
		n = cut_fields(line, fields, MAX_FIELDS);
		if (utt >= n || intent >= n || slots >= n)
			continue;
		if (truth->n_rows == capacity) {
			capacity = capacity * 2 + 64;
			struct row *rows = realloc(truth->rows, capacity * sizeof(*rows));
			if (!rows)
				return -ENOMEM;
			truth->rows = rows;
		}
		truth->rows[truth->n_rows++] =
			(struct row){fields[utt], fields[intent], fields[slots], lines};
	}
	return 0;
}

static int read_row(const struct intent_truth *truth, struct clip_truth *clip,
		    const struct row *row)
{
	clip->slots = cJSON_Parse(row->slots);
	if (!cJSON_IsObject(clip->slots)) {
		log_error("%s:%zu: the slots are no JSON object", truth->path, row->line);
		return -EINVAL;
	}
	clip->text = row->slots;
	clip->intent = row->intent;
	clip->kind = INTENT_COMMAND;
	return 0;
}

static int read_table(struct intent_truth *truth, const struct manifest *manifest)
{
	int key = manifest_column(manifest, "utt");
	size_t row = 0;

	truth->table = file_text(truth->path);
	if (!truth->table) {
		log_error("%s: cannot be read", truth->path);
		return -EIO;
	}
	int error = cut_rows(truth, truth->table);
	if (!error && key < 0) {
		log_error("%s: no column is called 'utt'", manifest_path(manifest));
		return -EINVAL;
	}
	for (size_t i = 0; i < truth->n && !error; i++) {
		const char *utt = manifest_field(manifest, i, key);
		size_t tried = 0;

		/* Tables are in the order of the manifest, as a rule. */
		while (tried < truth->n_rows && strcmp(truth->rows[row].utt, utt) != 0) {
			row = (row + 1) % truth->n_rows;
			tried++;
		}
		if (tried < truth->n_rows)
			error = read_row(truth, &truth->clips[i], &truth->rows[row]);
	}
	return error;
}

static int load(struct intent_truth *truth, const struct manifest *manifest,
		const struct grammar *grammar, const struct vocab *vocab)
{
	int transcript = manifest_column(manifest, "transcript"), error = 0;

	truth->path = table_path(manifest);
	truth->n = manifest_size(manifest);
	truth->clips = calloc(truth->n + 1, sizeof(*truth->clips));
	if (!truth->clips)
		error = -ENOMEM;
	if (!error && truth->path)
		error = read_table(truth, manifest);
	for (size_t i = 0; i < truth->n && !error && !truth->path; i++)
		error = read_transcript(&truth->clips[i], grammar, vocab,
					manifest_field(manifest, i, transcript));
	return error;
}

int intent_truth_load(const struct manifest *manifest, const struct grammar *grammar,
		      const struct vocab *vocab, struct intent_truth **out)
{
	struct intent_truth *truth = calloc(1, sizeof(*truth));

	*out = NULL;
	int error = truth ? load(truth, manifest, grammar, vocab) : -ENOMEM;
	if (error == -ENOMEM)
		log_error("%s: no memory for what is said in it", manifest_path(manifest));
	if (error) {
		intent_truth_destroy(truth);
		return error;
	}
	*out = truth;
	return 0;
}

void intent_truth_destroy(struct intent_truth *truth)
{
	if (!truth)
		return;
	for (size_t i = 0; i < truth->n && truth->clips; i++) {
		cJSON_Delete(truth->clips[i].slots);
		free(truth->clips[i].phrase);
	}
	free(truth->clips);
	free(truth->rows);
	free(truth->table);
	free(truth->path);
	free(truth);
}

/* ---- what is known of a clip ---- */

enum intent_kind intent_truth_kind(const struct intent_truth *truth, size_t clip)
{
	return truth->clips[clip].kind;
}

const char *intent_truth_text(const struct intent_truth *truth, size_t clip)
{
	return truth->clips[clip].text ? truth->clips[clip].text : "";
}

/* Exactly these slots with exactly these words, and the rule where both name one. */
static bool same_slots(const struct clip_truth *clip, const struct grammar_phrase *phrase)
{
	int expected = cJSON_GetArraySize(clip->slots), same = 0;

	if (phrase->rule && clip->intent[0] && strcmp(phrase->rule, clip->intent) != 0)
		return false;
	for (size_t i = 0; i < phrase->n_slots; i++) {
		char *value;
		if (grammar_phrase_slot(phrase, i, &value) <= 0)
			continue;
		const cJSON *slot =
			cJSON_GetObjectItemCaseSensitive(clip->slots, phrase->slots[i].name);
		bool equal = cJSON_IsString(slot) && strcmp(slot->valuestring, value) == 0;
		free(value);
		if (!equal)
			return false;
		same++;
	}
	return same == expected;
}

bool intent_truth_agrees(const struct intent_truth *truth, size_t clip,
			 const struct grammar_phrase *phrase)
{
	const struct clip_truth *known = &truth->clips[clip];

	if (known->kind != INTENT_COMMAND || !phrase->text)
		return false;
	return known->slots ? same_slots(known, phrase) : strcmp(known->phrase, phrase->text) == 0;
}
