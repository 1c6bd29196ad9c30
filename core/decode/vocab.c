#include "core/decode/vocab.h"

#include "core/base/checked.h"
#include "core/base/utf8.h"
#include "core/decode/vocab_table.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *string_keep(char **end, const char *text)
{
	size_t n = strlen(text) + 1;
	char *kept = *end;

	memcpy(kept, text, n);
	*end += n;
	return kept;
}

static int strings_size(const struct tokenizer *tokenizer, const char *delimiter,
			const char *replacement, size_t *size)
{
	*size = strlen(delimiter) + strlen(replacement) + 2;
	for (size_t i = 0; i < tokenizer->n_tokens; i++) {
		if (tokenizer->tokens[i].text != NULL &&
		    !checked_add(*size, strlen(tokenizer->tokens[i].text) + 1, size))
			return -ENOMEM;
	}
	return 0;
}

static int compare_ids(const void *a, const void *b, void *ctx)
{
	const struct vocab *vocab = ctx;
	int left = *(const int *)a, right = *(const int *)b;
	int order = strcmp(vocab->entries[left].text, vocab->entries[right].text);

	return order != 0 ? order : (left > right) - (left < right);
}

/* Sorts the known tokens by text and gives equal texts one group: its lowest id. */
static void vocab_sort(struct vocab *vocab)
{
	for (size_t i = 0; i < vocab->size; i++) {
		if (vocab->entries[i].known)
			vocab->sorted[vocab->n_sorted++] = (int)i;
	}
	qsort_r(vocab->sorted, vocab->n_sorted, sizeof(int), compare_ids, vocab);
	for (size_t i = 1; i < vocab->n_sorted; i++) {
		struct vocab_entry *entry = &vocab->entries[vocab->sorted[i]];
		const struct vocab_entry *before = &vocab->entries[vocab->sorted[i - 1]];

		if (strcmp(entry->text, before->text) == 0)
			entry->group = before->group;
	}
}

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void vocab_classify(struct vocab *vocab, const char *replacement)
{
	const char *blank = vocab->blank >= 0 ? vocab->entries[vocab->blank].text : NULL;

	for (size_t i = 0; i < vocab->size; i++) {
		struct vocab_entry *entry = &vocab->entries[i];

		if (!entry->known)
			continue;
		entry->blank = same_text(entry->text, blank);
		if (same_text(entry->text, vocab->delimiter_text))
			entry->printed = replacement;
		entry->printed_size = strlen(entry->printed);
		entry->space = strcmp(entry->printed, replacement) == 0;
		if (entry->printed_size > vocab->longest_printed)
			vocab->longest_printed = entry->printed_size;
		if (strlen(entry->text) > vocab->longest_token)
			vocab->longest_token = strlen(entry->text);
	}
	/* Ids outside and holes print the unknown token; where the tokenizer has
	 * none (the reference fails there) they are silent. */
	if (vocab->unknown >= 0)
		vocab->outside = vocab->entries[vocab->unknown];
	else
		vocab->outside = (struct vocab_entry){
			.text = "", .printed = "", .group = -2, .blank = true, .special = true};
	for (size_t i = 0; i < vocab->size; i++) {
		if (!vocab->entries[i].known) {
			vocab->entries[i] = vocab->outside;
			vocab->entries[i].known = false;
		}
	}
}

/* Joined tokens must not make characters that none of them has. */
static bool valid_texts(const struct tokenizer *tokenizer)
{
	for (size_t i = 0; i < tokenizer->n_tokens; i++) {
		const char *text = tokenizer->tokens[i].text;

		if (text != NULL && !utf8_valid(text, strlen(text)))
			return false;
	}
	return tokenizer->replace_delimiter == NULL ||
	       utf8_valid(tokenizer->replace_delimiter, strlen(tokenizer->replace_delimiter));
}

static bool valid_id(const struct tokenizer *tokenizer, int id)
{
	return id >= 0 && (size_t)id < tokenizer->n_tokens && tokenizer->tokens[id].text != NULL;
}

int vocab_create(const struct tokenizer *tokenizer, int blank, struct vocab **out)
{
	const char *delimiter = tokenizer->delimiter != NULL ? tokenizer->delimiter : "|";
	const char *replacement =
		tokenizer->replace_delimiter != NULL ? tokenizer->replace_delimiter : " ";
	struct vocab *vocab;
	size_t size;
	char *end;

	*out = NULL;
	if (blank < 0)
		blank = tokenizer->pad_id;
	if ((blank >= 0 && !valid_id(tokenizer, blank)) || tokenizer->n_tokens > INT_MAX ||
	    !valid_texts(tokenizer))
		return -EINVAL;
	if (strings_size(tokenizer, delimiter, replacement, &size) < 0)
		return -ENOMEM;
	vocab = calloc(1, sizeof(*vocab));
	if (vocab == NULL)
		return -ENOMEM;
	atomic_init(&vocab->references, 1);
	vocab->size = tokenizer->n_tokens;
	vocab->entries = calloc(vocab->size + 1, sizeof(*vocab->entries));
	vocab->sorted = calloc(vocab->size + 1, sizeof(*vocab->sorted));
	vocab->strings = malloc(size);
	if (vocab->entries == NULL || vocab->sorted == NULL || vocab->strings == NULL) {
		vocab_destroy(vocab);
		return -ENOMEM;
	}
	end = vocab->strings;
	vocab->delimiter_text = (char *)string_keep(&end, delimiter);
	replacement = string_keep(&end, replacement);
	for (size_t i = 0; i < vocab->size; i++) {
		const struct tokenizer_token *token = &tokenizer->tokens[i];
		struct vocab_entry *entry = &vocab->entries[i];

		if (token->text == NULL)
			continue;
		*entry = (struct vocab_entry){.text = string_keep(&end, token->text),
					      .group = (int)i,
					      .special = token->special,
					      .known = true,
					      .added = token->added};
		entry->printed = entry->text;
	}
	vocab->blank = blank;
	vocab->unknown = valid_id(tokenizer, tokenizer->unk_id) ? tokenizer->unk_id : -1;
	vocab->delimiter =
		valid_id(tokenizer, tokenizer->delimiter_id) ? tokenizer->delimiter_id : -1;
	vocab->style = (struct text_style){.lower = tokenizer->do_lower_case,
					   .clean = tokenizer->clean_up_spaces};
	vocab_sort(vocab);
	vocab_classify(vocab, replacement);
	*out = vocab;
	return 0;
}

struct vocab *vocab_hold(const struct vocab *vocab)
{
	/* The count is no part of what is const. */
	struct vocab *held = (struct vocab *)vocab;

	atomic_fetch_add_explicit(&held->references, 1, memory_order_relaxed);
	return held;
}

void vocab_destroy(struct vocab *vocab)
{
	/* Release what was read here before another thread frees it. */
	if (vocab == NULL ||
	    atomic_fetch_sub_explicit(&vocab->references, 1, memory_order_acq_rel) > 1)
		return;
	free(vocab->entries);
	free(vocab->sorted);
	free(vocab->strings);
	free(vocab);
}

void vocab_set_confidence(struct vocab *vocab, float scale, float shift)
{
	vocab->calibrated = scale != 1.0F || shift != 0.0F;
	vocab->confidence_scale = scale;
	vocab->confidence_shift = shift;
}

float vocab_confidence(const struct vocab *vocab, double mean)
{
	double p = mean;

	if (!vocab->calibrated)
		return (float)mean;
	if (p < VOCAB_LEAST_CONFIDENCE)
		p = VOCAB_LEAST_CONFIDENCE;
	if (p > 1 - VOCAB_LEAST_CONFIDENCE)
		p = 1 - VOCAB_LEAST_CONFIDENCE;
	double logit = log(p / (1 - p));
	return (float)(1 / (1 + exp(-((double)vocab->confidence_scale * logit +
				      (double)vocab->confidence_shift))));
}

int vocab_blank(const struct vocab *vocab)
{
	return vocab->blank;
}

int vocab_delimiter(const struct vocab *vocab)
{
	return vocab->delimiter;
}

size_t vocab_size(const struct vocab *vocab)
{
	return vocab->size;
}

const char *vocab_token(const struct vocab *vocab, int id)
{
	return vocab_entry(vocab, id)->text;
}

int vocab_find(const struct vocab *vocab, const char *text, size_t n)
{
	size_t low = 0, high = vocab->n_sorted;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *token = vocab->entries[vocab->sorted[mid]].text;
		int order = strncmp(token, text, n);

		if (order == 0 && token[n] == '\0')
			return vocab->sorted[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}
