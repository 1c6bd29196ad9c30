/*
 * Hotwords and the beam search that looks for them. First byte: the beam (low six bits, at least
 * 2), whether hypotheses may wait for ever (64), whether the last frames are taken back (128).
 * Second byte: the commit delay in frames. Then the tokens, divided by newlines, up to a byte
 * 0xff: id 0 is the blank, 1 the delimiter. Then the hotwords, a text, up to another 0xff. Then
 * the frames: a byte is the likely token of one and how likely it is; 0xff ends a push.
 */
#include "core/decode/decoder.h"
#include "core/decode/hotwords.h"
#include "core/decode/plan.h"
#include "tests/fuzz/search.h"
#include "tests/fuzz/target.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 32, MAX_FRAMES = 192, MAX_TEXT = 2048, MAX_BEAM = 24 };

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void check_spans(const struct span *spans, size_t n, size_t frames)
{
	int last = 0;

	for (size_t i = 0; i < n; i++) {
		check(spans[i].start_frame >= last && spans[i].end_frame > spans[i].start_frame);
		last = spans[i].end_frame;
	}
	check((size_t)last <= frames);
}

/* What is seen between two pushes; *stable, owned, is what was seen to be final before. */
static void look(const struct decoder *decoder, char **stable)
{
	const char *now = decoder_stable(decoder);

	check(strlen(now) == decoder_stable_length(decoder));
	check(*stable == NULL || starts_with(now, *stable));
	check(starts_with(decoder_text(decoder), now));
	check(strlen(decoder_text(decoder)) < decoder_text_capacity(decoder));
	free(*stable);
	*stable = strdup(now);
	check(*stable != NULL);
}

/* Best first, finite, the sum of their parts, and told alike in both ways. */
static void check_hypotheses(const struct decoder *decoder, size_t frames)
{
	double last = INFINITY;

	for (size_t i = 0; i < decoder_hypotheses(decoder); i++) {
		struct transcript transcript;
		struct decoder_score score, again;

		check(decoder_hypothesis(decoder, i, &transcript, &score) == 0);
		check(isfinite(score.total) && score.total <= last);
		check(fabs(score.acoustic + score.lm + score.hotwords - score.total) < 1e-3);
		check(score.lm == 0);
		check(strcmp(decoder_hypothesis_text(decoder, i, &again), transcript.text) == 0);
		check(again.total == score.total);
		check_spans(transcript.chars, transcript.n_chars, frames);
		check_spans(transcript.words, transcript.n_words, frames);
		transcript_finish(&transcript);
		last = score.total;
	}
	check(decoder_hypothesis_text(decoder, decoder_hypotheses(decoder),
				      &(struct decoder_score){0}) == NULL);
}

/* Frames as they come, with a look at what is ahead at the end of a push, and all at once:
 * the same. */
static void run(const struct vocab *vocab, struct decode_plan *plan, bool take_back,
		const uint8_t *data, size_t size)
{
	static float rows[MAX_FRAMES * WIDTH];
	const struct decoder_params params = {
		.vocab = vocab, .tokens = WIDTH, .max_frames = MAX_FRAMES, .streaming = true};
	struct decoder *pushed, *whole;
	char *stable = NULL;
	size_t frames = 0;

	check(decoder_create(&params, plan, &pushed) == 0);
	check(decoder_create(&params, plan, &whole) == 0);
	memset(rows, 0, sizeof(rows));
	for (size_t i = 0; i < size && frames < MAX_FRAMES; i++) {
		float *row = rows + frames * WIDTH;

		if (data[i] == 0xff) {
			check(decoder_provisional(pushed, rows, frames < 5 ? frames : 5) >= 0 ||
			      frames + 5 > MAX_FRAMES);
			look(pushed, &stable);
			continue;
		}
		row[data[i] % WIDTH] = 0.5F + (float)(data[i] / WIDTH);
		row[(data[i] * 7) % WIDTH] += 1.0F;
		check(decoder_commit(pushed, row, 1) == 0);
		look(pushed, &stable);
		frames++;
	}
	check(decoder_commit(whole, rows, frames) == 0);
	check(strcmp(decoder_stable(pushed), decoder_stable(whole)) == 0);
	if (take_back) {
		decoder_truncate(pushed, frames / 2);
		decoder_truncate(whole, frames / 2);
		frames /= 2;
	}
	decoder_finish(pushed);
	decoder_finish(whole);
	check(take_back || starts_with(decoder_text(pushed), stable ? stable : ""));
	check(strcmp(decoder_text(pushed), decoder_text(whole)) == 0);
	check(decoder_hypotheses(pushed) == decoder_hypotheses(whole));
	check_hypotheses(pushed, frames);
	decoder_reset(pushed);
	check(decoder_text(pushed)[0] == '\0' && decoder_frames(pushed) == 0);
	free(stable);
	decoder_destroy(pushed);
	decoder_destroy(whole);
}

/* The next piece of the input as a text; NULL where there is none. */
static char *take_text(const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, 0xff, *size);
	size_t n;
	char *text;

	if (end == NULL)
		return NULL;
	n = (size_t)(end - *data);
	text = strndup((const char *)*data, n < MAX_TEXT ? n : MAX_TEXT);
	check(text != NULL);
	*data = end + 1;
	*size -= n + 1;
	return text;
}

static void search(const struct vocab *vocab, const char *text, uint8_t first, uint8_t second,
		   const uint8_t *data, size_t size)
{
	struct decode_plan *plan = decode_plan_create();
	struct hotwords_error error;
	int code;

	check(plan != NULL);
	plan->beam = (first & 63) % MAX_BEAM + 2;
	plan->commit_delay = (first & 64) != 0 ? MAX_FRAMES : second % 64 + 1U;
	plan->beam_prune = second >= 128 ? 3.0F : 0.0F;
	code = hotwords_compile_text(vocab, text, strlen(text), &plan->hotwords, &error);
	check((code == 0) == (plan->hotwords != NULL));
	check(code == 0 || error.message[0] != '\0');
	if (code == 0)
		run(vocab, plan, (first & 128) != 0, data, size);
	decode_plan_release(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *tokens, *text = NULL;
	uint8_t first, second;

	if (size < 4)
		return 0;
	first = data[0];
	second = data[1];
	data += 2;
	size -= 2;
	tokens = take_text(&data, &size);
	if (tokens != NULL)
		text = take_text(&data, &size);
	if (text != NULL) {
		struct vocab *vocab = read_vocab(tokens, true);

		if (vocab != NULL)
			search(vocab, text, first, second, data, size);
		vocab_destroy(vocab);
	}
	free(tokens);
	free(text);
	return 0;
}
