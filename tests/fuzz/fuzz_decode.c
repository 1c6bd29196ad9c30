/*
 * Vocabulary and search. First byte: lower case (1), clean-up (2), no grouping
 * (4), skip special tokens (8). Then the tokens, divided by newlines, up to a
 * byte 0xff: id 0 is the blank, 1 the delimiter, 2 unknown. Then the frames: a
 * byte is the id of one; 0xff ends a push and shows the next few frames first
 * as provisional ones.
 */
#include "core/decode/ctc_greedy.h"
#include "core/weights/tokenizer.h"
#include "tests/fuzz/target.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 24, WIDTH = 32, MAX_FRAMES = 512, LOOKAHEAD = 7 };

struct input {
	struct tokenizer_token tokens[MAX_TOKENS];
	struct tokenizer tokenizer;
	struct decode_options options;
	int ids[MAX_FRAMES];
	bool push[MAX_FRAMES + 1]; /* a push ends before this frame */
	size_t frames;
	char *texts; /* owned */
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void read_tokens(struct input *input, const uint8_t *data, size_t size)
{
	static char space[] = " ";
	struct tokenizer *tokenizer = &input->tokenizer;
	char *save = NULL;

	input->texts = strndup((const char *)data, size);
	check(input->texts != NULL);
	for (char *text = strtok_r(input->texts, "\n", &save);
	     text != NULL && tokenizer->n_tokens < MAX_TOKENS; text = strtok_r(NULL, "\n", &save)) {
		struct tokenizer_token *token = &input->tokens[tokenizer->n_tokens];

		token->text = text;
		token->special = tokenizer->n_tokens % 5 == 0;
		token->added = tokenizer->n_tokens % 7 == 6;
		tokenizer->n_tokens++;
	}
	tokenizer->tokens = input->tokens;
	tokenizer->pad_id = tokenizer->n_tokens > 0 ? 0 : -1;
	tokenizer->delimiter_id = tokenizer->n_tokens > 1 ? 1 : -1;
	tokenizer->unk_id = tokenizer->n_tokens > 2 ? 2 : -1;
	tokenizer->delimiter = tokenizer->n_tokens > 1 ? input->tokens[1].text : NULL;
	tokenizer->replace_delimiter = space;
}

static bool read_input(struct input *input, const uint8_t *data, size_t size)
{
	const uint8_t *end;

	memset(input, 0, sizeof(*input));
	if (size == 0 || (end = memchr(data + 1, 0xff, size - 1)) == NULL)
		return false;
	input->tokenizer.do_lower_case = (data[0] & 1) != 0;
	input->tokenizer.clean_up_spaces = (data[0] & 2) != 0;
	input->options.no_group = (data[0] & 4) != 0;
	input->options.skip_special_tokens = (data[0] & 8) != 0;
	input->options.clean_up = -1;
	read_tokens(input, data + 1, (size_t)(end - data - 1));
	for (const uint8_t *p = end + 1; p < data + size && input->frames < MAX_FRAMES; p++) {
		if (*p == 0xff)
			input->push[input->frames] = true;
		else
			input->ids[input->frames++] = *p % WIDTH;
	}
	return true;
}

static void fill(const struct input *input, size_t first, size_t n, float *rows)
{
	memset(rows, 0, n * WIDTH * sizeof(*rows));
	for (size_t f = 0; f < n; f++)
		rows[f * WIDTH + (size_t)input->ids[first + f]] = 3.0F;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Pushes as the input says; every promise is checked at every push. */
static void run_search(const struct input *input, const struct vocab *vocab, const char *final)
{
	static float rows[MAX_FRAMES * WIDTH];
	struct ctc_greedy *greedy;
	char *stable = NULL;
	size_t done = 0;

	check(ctc_greedy_create(vocab, WIDTH, input->frames, &greedy) == 0);
	for (size_t f = 1; f <= input->frames; f++) {
		size_t ahead = input->frames - f < LOOKAHEAD ? input->frames - f : LOOKAHEAD;

		if (!input->push[f] && f < input->frames)
			continue;
		fill(input, done, f - done, rows);
		check(ctc_greedy_commit(greedy, rows, f - done) == 0);
		done = f;
		fill(input, done, ahead, rows);
		check(ctc_greedy_provisional(greedy, rows, ahead) == 0);
		check(stable == NULL || starts_with(ctc_greedy_stable(greedy), stable));
		check(starts_with(ctc_greedy_text(greedy), ctc_greedy_stable(greedy)));
		check(starts_with(ctc_greedy_committed(greedy), ctc_greedy_stable(greedy)));
		check(starts_with(final, ctc_greedy_stable(greedy)));
		free(stable);
		stable = strdup(ctc_greedy_stable(greedy));
		check(stable != NULL);
	}
	check(strcmp(ctc_greedy_committed(greedy), final) == 0);
	free(stable);
	ctc_greedy_destroy(greedy);
}

static void check_spans(const struct span *spans, size_t n, size_t frames)
{
	int last = 0;

	for (size_t i = 0; i < n; i++) {
		check(spans[i].start_frame >= last && spans[i].end_frame > spans[i].start_frame);
		last = spans[i].end_frame;
		check(strlen(spans[i].text) < 1U << 20);
	}
	check((size_t)last <= frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	const struct decode_options plain = {.clean_up = -1};
	struct transcript transcript;
	struct vocab *vocab;
	size_t unknown;
	int *ids;

	if (read_input(&input, data, size) && vocab_create(&input.tokenizer, -1, &vocab) == 0) {
		check(vocab_decode(vocab, input.ids, NULL, input.frames, &input.options,
				   &transcript) == 0);
		check_spans(transcript.chars, transcript.n_chars, input.frames);
		check_spans(transcript.words, transcript.n_words, input.frames);
		check(vocab_encode(vocab, transcript.text, &ids, &unknown) >= 0);
		free(ids);
		transcript_finish(&transcript);
		check(vocab_decode(vocab, input.ids, NULL, input.frames, &plain, &transcript) == 0);
		run_search(&input, vocab, transcript.text);
		transcript_finish(&transcript);
		vocab_destroy(vocab);
	}
	free(input.texts);
	input.texts = NULL;
	return 0;
}
